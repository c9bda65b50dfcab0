/**
 * What a lab leaves on the machine, found by its name alone: processes in its namespaces, mounts, namespaces, control
 * groups, a directory. One removal serves close(), the end of the process, and the leftovers of runs that were killed.
 * It is synchronous, because nothing else runs while a process ends.
 */
import { existsSync, readFileSync, readdirSync, readlinkSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { killAllNow } from './child.ts';
import { ipSync, runSync, sleepSync } from './command.ts';

const NETNS_DIR = '/run/netns';
/** Where weftd writes resolv.conf of an attached namespace. */
const RESOLVERS_DIR = '/etc/netns';
const CGROUP_DIR = '/sys/fs/cgroup';
/** Containers' shims put their sockets there, wherever else Docker's files are, and leave them when killed. */
const SHIM_DIR = '/run/containerd/s';
/** How long processes and namespaces have to be gone after they were told to, on a busy machine too. */
const LIMIT_MS = 30_000;

/** `weft-PID-N`: whose it is can be told from the name. */
const LAB_NAME = /^weft-(\d+)-\d+(?=-|$)/;

const live = new Set<string>();
let count = 0;

/** A name no other lab has. What bears it is removed at the latest when this process ends. */
export function newLabName(): string {
  if (count === 0) watchForEnd();
  const name = `weft-${process.pid}-${++count}`;
  live.add(name);
  return name;
}

export function labDirectory(name: string): string {
  return join(tmpdir(), name);
}

/** Namespaces of the lab, by their names under /run/netns; the switch, if there is one, last. */
export function namespacesOf(name: string): string[] {
  const names = entries(NETNS_DIR).filter((entry) => entry.startsWith(`${name}-`));
  const last = names.filter((entry) => entry === switchOf(name));
  return [...names.filter((entry) => entry !== switchOf(name)), ...last];
}

export function switchOf(name: string): string {
  return `${name}-switch`;
}

/** Ids of processes in namespaces of the lab, those of its containers included. */
export function processesOf(name: string): number[] {
  const inodes = new Set(
    mounts()
      .filter(({ root, point }) => root.startsWith('net:') && belongsTo(name, point))
      .map(({ root }) => root),
  );
  if (inodes.size === 0) return [];
  return entries('/proc')
    .filter((entry) => /^\d+$/.test(entry) && inodes.has(linkOf(`/proc/${entry}/ns/net`)))
    .map(Number);
}

/** Removes everything that bears the name, and waits until it is gone. Throws when something stays. */
export function removeTraces(name: string): void {
  const shims = shimSocketsOf(name);
  endProcesses(name);
  for (const socket of shims) rmSync(socket, { force: true });
  for (const directory of [SHIM_DIR, dirname(SHIM_DIR)])
    if (entries(directory).length === 0) removeEmpty(directory);
  unmountBelow(labDirectory(name));
  removeNamespaces(name);
  removeControlGroups(name);
  for (const entry of entries(RESOLVERS_DIR))
    if (entry.startsWith(`${name}-`)) rmSync(join(RESOLVERS_DIR, entry), { recursive: true });
  rmSync(labDirectory(name), { recursive: true, force: true });
  live.delete(name);
}

/** Removes labs of processes that are gone, as SIGKILL leaves them. */
export function sweepStale(): void {
  const names = [...entries(NETNS_DIR), ...entries(RESOLVERS_DIR), ...entries(tmpdir())].flatMap(
    (entry) => LAB_NAME.exec(entry)?.[0] ?? [],
  );
  for (const name of new Set(names)) if (isStale(name)) removeTraces(name);
}

function isStale(name: string): boolean {
  const pid = Number(LAB_NAME.exec(name)?.[1]);
  return pid === process.pid ? !live.has(name) : !existsSync(`/proc/${pid}`);
}

/** /proc/PID/net/unix shows the sockets of one network namespace, so all in it are the lab's. */
function shimSocketsOf(name: string): string[] {
  const tables = processesOf(name).map((pid) => textOf(`/proc/${pid}/net/unix`));
  const paths = tables.flatMap((table) => table.split('\n').map((line) => line.split(' ').at(-1)));
  return paths.filter((path) => path?.startsWith(`${SHIM_DIR}/`) === true) as string[];
}

function endProcesses(name: string): void {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const pids = processesOf(name).filter((pid) => pid !== process.pid);
    if (pids.length === 0) return;
    if (performance.now() > deadline) throw new Error(`processes stay: ${pids.join(' ')}`);
    for (const pid of pids) killNow(pid);
    sleepSync(5);
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

interface Mount {
  /** For a namespace `net:[INODE]`. */
  readonly root: string;
  readonly point: string;
}

/** Fields 4 and 5 of /proc/self/mountinfo (proc(5)). */
function mounts(): Mount[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, , , root = '', point = '']) => ({ root, point }));
}

function belongsTo(name: string, point: string): boolean {
  return point.startsWith(`${NETNS_DIR}/${name}-`) || point.startsWith(`${labDirectory(name)}/`);
}

function unmountBelow(directory: string): void {
  const points = mounts()
    .map(({ point }) => point)
    .filter((point) => point.startsWith(`${directory}/`));
  // Innermost first; a mount that was made later stands later in the table.
  for (const point of points.toReversed()) runSync('umount', ['-l', point]);
}

/**
 * `ip netns delete` only drops the name; the kernel takes the links apart in its own time. A host is gone when
 * its port at the switch is, so the switch goes last.
 */
function removeNamespaces(name: string): void {
  const names = namespacesOf(name);
  const hosts = names.filter((entry) => entry !== switchOf(name));
  for (const host of hosts) endConnections(host);
  if (hosts.length > 0)
    ipSync(
      undefined,
      hosts.map((host) => `netns delete ${host}`),
    );
  if (hosts.length === names.length) return;
  const deadline = performance.now() + LIMIT_MS;
  while (portsOf(switchOf(name)) > 0) {
    if (performance.now() > deadline) throw new Error(`hosts of ${name} stay in the kernel`);
    sleepSync(5);
  }
  ipSync(undefined, [`netns delete ${switchOf(name)}`]);
}

/** A TCP connection that was closed while its peer was cut off holds its namespace for minutes. */
function endConnections(netns: string): void {
  runSync('nsenter', [`--net=${NETNS_DIR}/${netns}`, 'ss', '--kill', '--all', '--tcp']);
}

function portsOf(netns: string): number {
  return runSync('ip', ['-n', netns, '-o', 'link', 'show', 'type', 'veth'])
    .split('\n')
    .filter(Boolean).length;
}

/** Docker makes one below every hierarchy; a control group's directory can only be removed when empty. */
function removeControlGroups(name: string): void {
  const hierarchies = ['.', ...entries(CGROUP_DIR)];
  for (const hierarchy of hierarchies) removeEmpty(join(CGROUP_DIR, hierarchy, name));
}

function removeEmpty(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmpty(join(directory, entry.name));
  rmdirSync(directory);
}

function entries(directory: string): string[] {
  return unlessGone(() => readdirSync(directory), []);
}

function linkOf(path: string): string {
  return unlessGone(() => readlinkSync(path), '');
}

function textOf(path: string): string {
  return unlessGone(() => readFileSync(path, 'utf8'), '');
}

function unlessGone<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (isGone(error)) return otherwise;
    throw error;
  }
}

/** ENOTDIR: a file among the hierarchies; the others: a process that is ending. */
function isGone(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['ENOENT', 'ENOTDIR', 'EACCES', 'EINVAL', 'ESRCH'].includes(code);
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A signal ends the process as it would without us, only with nothing left; unless somebody else handles it. So
 * does the end of a parent that runs us as a worker: nobody would wait for our results.
 */
function watchForEnd(): void {
  process.on('exit', removeAll);
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) endBy(signal);
    });
  process.on('disconnect', () => endBy('SIGTERM'));
}

/** Not process.exit, which test runners replace. */
function endBy(signal: (typeof SIGNALS)[number]): void {
  removeAll();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

function removeAll(): void {
  killAllNow();
  for (const name of live) removeTraces(name);
}
