/** Containers of Podman and of containerd alone, from a directory: images cannot be pulled here. */
import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Child } from './child.ts';
import { outputOf, run } from './command.ts';

/** A first start makes directories, which takes seconds on a busy machine. */
const READY_LIMIT_MS = 60_000;

export interface Runtime {
  run(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  start(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Removes what it made. */
  close(): Promise<void>;
}

/** One program, to sleep. */
export async function makeRootfs(directory: string): Promise<string> {
  const rootfs = join(directory, 'rootfs');
  for (const each of ['bin', 'etc', 'proc', 'sys', 'dev'])
    await mkdir(join(rootfs, each), { recursive: true });
  await copyFile('/bin/busybox', join(rootfs, 'bin/busybox'));
  await symlink('busybox', join(rootfs, 'bin/sleep'));
  return rootfs;
}

const SLEEP = ['/bin/sleep', '3600'];

/** `settings`: a file beside those that it has (containers.conf(5)). */
interface PodmanNetwork {
  readonly network: string;
  readonly settings: string;
}

/** In its usual places, as weftd looks there; `lab`: whose control group it is. */
export function podman(
  rootfs: string,
  lab: string,
  { network, settings }: PodmanNetwork = { network: 'none', settings: '' },
): Runtime {
  const names = new Set<string>();
  const env = settings === '' ? {} : { CONTAINERS_CONF: settings };
  const tell = async (...words: readonly string[]): Promise<void> =>
    void (await outputOf('podman', ['--cgroup-manager=cgroupfs', ...words], { env }));
  return {
    run: (name) => {
      names.add(name);
      // Without limits of its own, it would ask for more than what a test may have.
      const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024'];
      const place = [`--cgroup-parent=/${lab}`, `--network=${network}`, '--stop-signal=SIGKILL'];
      return tell('run', '-d', '--name', name, ...limits, ...place, '--rootfs', rootfs, ...SLEEP);
    },
    stop: (name) => tell('stop', '-t0', name),
    start: (name) => tell('start', name),
    remove: async (name) => {
      await tell('rm', '-f', '-t0', name);
      names.delete(name);
    },
    close: async () => {
      for (const name of names) await run('podman', ['rm', '-f', '-t0', name], { env });
    },
  };
}

/** Where containerd has tasks: weftd looks there, and finds those of the lab by a link. */
const TASKS = '/run/containerd/io.containerd.runtime.v2.task';

export interface Containerd extends Runtime {
  /** Runs one until it is killed, with what CNI's plugins give it; then DEL is called. */
  runWithCni(name: string, plugins: CniDirectories): Child;
  kill(name: string): Promise<void>;
}

export interface CniDirectories {
  readonly configurations: string;
  readonly plugins: string;
}

/** ctr knows no other places than these; what lies there otherwise is hidden from it alone. */
const WITH_CNI =
  'mount --bind "$0" /etc/cni/net.d && mount -t tmpfs tmpfs /opt && mkdir -p /opt/cni && ln -s "$1" /opt/cni/bin && shift && exec "$@"';

/** A containerd of its own, with all that it has below `directory`. */
export async function containerd(
  rootfs: string,
  directory: string,
  lab: string,
): Promise<Containerd> {
  await mkdir(directory, { recursive: true });
  const [config, socket] = [join(directory, 'config.toml'), join(directory, 'sock')];
  const lines = [
    'version = 2',
    `root = "${join(directory, 'root')}"`,
    `state = "${join(directory, 'state')}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    '[grpc]',
    `address = "${socket}"`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const child = new Child('containerd', ['-c', config]);
  const ctr = ['-a', socket, '-n', lab];
  const tell = async (...words: readonly string[]): Promise<string> =>
    await outputOf('ctr', [...ctr, ...words]);
  await child.untilOr(() => tell('version').then(() => true), {
    within: READY_LIMIT_MS,
    what: 'containerd answers',
  });
  const link = join(TASKS, lab);
  await mkdir(TASKS, { recursive: true });
  await symlink(join(directory, 'state/io.containerd.runtime.v2.task', lab), link);
  const names = new Set<string>();
  const stop = async (name: string): Promise<void> => {
    await tell('task', 'rm', '-f', name);
  };
  const place = (name: string): readonly string[] => [
    '--cgroup',
    `/${lab}/${name}`,
    '--rootfs',
    rootfs,
    name,
    ...SLEEP,
  ];
  return {
    run: async (name) => {
      names.add(name);
      await tell('run', '-d', ...place(name));
    },
    runWithCni: (name, { configurations, plugins }) => {
      names.add(name);
      const run = ['ctr', ...ctr, 'run', '--rm', '--null-io', '--cni', ...place(name)];
      const script = ['sh', '-c', WITH_CNI, configurations, plugins];
      return new Child('unshare', ['--mount', ...script, ...run]);
    },
    kill: async (name) => void (await tell('task', 'kill', '-s', 'SIGKILL', name)),
    stop,
    start: async (name) => void (await tell('task', 'start', '-d', name)),
    remove: async (name) => {
      await stop(name).catch(() => undefined);
      await tell('container', 'rm', name);
      names.delete(name);
    },
    close: async () => {
      for (const name of names) await stop(name).catch(() => undefined);
      await child.stop();
      await rm(link, { force: true });
    },
  };
}
