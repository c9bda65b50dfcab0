/**
 * WireGuard devices' settings and peers, by the `wg` program: one way for the kernel's devices and for those in user
 * space. Neither tells when something changes, so they are read again and again.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KernelEvent, Operation, Outcome } from '../../state/kernel.ts';
import type { Kind, Resource, WireguardPeer } from '../../state/resource.ts';
import {
  sessionName,
  WIREGUARD_LINKS,
  type PeerSessions,
  type PublicKey,
} from '../../state/wireguard.ts';
import { failureOf, runChild, type ChildResult } from '../child.ts';
import { Follower } from '../follower.ts';
import type { Driver } from '../kernel.ts';
import { argumentsOf, type KeyFiles, type Tunnel } from './commands.ts';
import { parseDump, type Dump, type PeerRecord } from './dump.ts';
import { Endpoints } from './endpoints.ts';
import { endHung } from './hung.ts';

const MISSING = 'wg is not installed: install the Debian package wireguard-tools';
/** Between two readings, in ms; longer where a reading takes long, so that they cost a twentieth of a core at most. */
const PERIOD = 2000;
/** The same while somebody waits for sessions. */
const SHORT_PERIOD = 500;
const SHARE = 20;
/** For one, in ms: it takes some 10 ms. */
const LOOK_LIMIT = 5000;
/** Characters of arguments in one call: the system takes 2 MiB with the environment, and 128 KiB in one of them. */
const ARGUMENTS_LIMIT = 256 * 1024;
const NO_KEY = '/dev/null';

export interface WireguardParts {
  /** The file of the private key that belongs to a public one, base64. */
  readonly keyFile: (publicKey: PublicKey | undefined) => string;
  /** Holds preshared keys while `wg` reads them. */
  readonly runDirectory: string;
  /** Told what the operator should know. */
  readonly notice: (sentence: string) => void;
}

export class WireguardDriver implements Driver {
  readonly kinds: ReadonlySet<Kind> = new Set<Kind>(['wireguard', 'wireguard-peer']);
  readonly #parts: WireguardParts;
  readonly #follower = new Follower(() => this.#read());
  readonly #endpoints = new Endpoints(() => Date.now());
  /** Devices that weft wants, or wanted since it started. */
  readonly #links = new Set<string>();
  /** As last read, by device and key. */
  #records: ReadonlyMap<string, PeerRecord> = new Map();
  #poll: NodeJS.Timeout | undefined;
  #period = PERIOD;
  #tellSessions: (sessions: PeerSessions) => 'soon' | 'later' = () => 'later';
  #closed = false;

  constructor(parts: WireguardParts) {
    this.#parts = parts;
  }

  async *dump(links: ReadonlySet<string>): AsyncIterable<readonly Resource[]> {
    for (const name of WIREGUARD_LINKS) if (links.has(name)) this.#links.add(name);
    yield await this.#follower.dump();
  }

  /** Neighbours in the list that concern one device go in one call. Never rejects. */
  apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    return this.#follower.apply(operations, async () => {
      const outcomes: Outcome[] = [];
      while (outcomes.length < operations.length) {
        const run = runFrom(operations, outcomes.length);
        outcomes.push(...(await this.#applyRun(run)));
      }
      return outcomes;
    });
  }

  /** How the tunnel to a peer of one of our devices stood when it was last read, two seconds ago or so. */
  sessionOf(peer: Pick<WireguardPeer, 'link' | 'publicKey'>): PeerRecord | undefined {
    return this.#records.get(nameOf(peer));
  }

  watch(listener: (event: KernelEvent) => void): void {
    this.#follower.listen(listener);
    if (this.#poll === undefined) this.#readLater(PERIOD);
  }

  /** Calls back after each reading; the answer says when the next one is wanted. */
  watchSessions(tell: (sessions: PeerSessions) => 'soon' | 'later'): void {
    this.#tellSessions = tell;
  }

  /** Somebody waits for sessions from now on. */
  hurry(): void {
    if (this.#poll !== undefined && this.#period !== SHORT_PERIOD) this.#readLater(SHORT_PERIOD);
    this.#period = SHORT_PERIOD;
  }

  /** Reads them now, of whatever devices of ours there are. */
  async sessions(): Promise<PeerSessions> {
    const { peers } = await this.#show();
    const own = peers.filter(({ peer }) => WIREGUARD_LINKS.includes(peer.link));
    return new Map(own.map((record) => [nameOf(record.peer), record]));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#poll);
    await this.#follower.close();
  }

  #readLater(pause: number): void {
    if (this.#closed) return;
    clearTimeout(this.#poll);
    this.#poll = setTimeout(() => void this.#readAgain(), pause);
  }

  async #readAgain(): Promise<void> {
    const start = performance.now();
    await this.#follower.refresh();
    this.#readLater(Math.max(this.#period, SHARE * (performance.now() - start)));
  }

  /** Without `wg` there is nothing to see: `apply` tells why. Rejects when it does not come to an end. */
  async #read(): Promise<readonly Resource[]> {
    if (this.#links.size === 0) return [];
    const { devices, peers } = await this.#show();
    const own = peers.filter(({ peer }) => this.#links.has(peer.link));
    const records = new Map(own.map((record) => [nameOf(record.peer), record]));
    this.#records = records;
    const seen = own.map(({ peer, handshake }) => {
      return [nameOf(peer), { endpoint: peer.endpoint, handshake }] as const;
    });
    this.#endpoints.saw(new Map(seen));
    this.#period = this.#tellSessions(records) === 'soon' ? SHORT_PERIOD : PERIOD;
    return [
      ...devices.filter(({ link }) => this.#links.has(link)),
      ...own.map(({ peer, handshake }) => {
        const endpoint = this.#endpoints.told(nameOf(peer), { ...peer, handshake });
        return { ...peer, endpoint };
      }),
    ];
  }

  /** One wireguard-go that hangs lets `wg` wait for it, whatever other devices there are. */
  async #show(): Promise<Dump> {
    const show = (): Promise<ChildResult> => runChild('wg', ['show', 'all', 'dump'], LOOK_LIMIT);
    let result = await show();
    if (result.status === 'stopped') {
      const ended = await endHung(WIREGUARD_LINKS);
      for (const link of ended)
        this.#parts.notice(`wireguard-go did not answer any more for ${link}, and was killed`);
      if (ended.length > 0) result = await show();
    }
    if (result.status === 'stopped') throw new Error(failureOf('wg', result));
    return parseDump(result.status === 'missing' ? '' : result.stdout);
  }

  /** When the call for all of them fails, each is tried alone, so that one does not stand in the others' way. */
  async #applyRun(run: readonly Operation[]): Promise<readonly Outcome[]> {
    const together = await this.#set(run);
    if (together.status === 'done' || run.length === 1) return run.map(() => together);
    const outcomes: Outcome[] = [];
    for (const operation of run) outcomes.push(await this.#set([operation]));
    return outcomes;
  }

  async #set(operations: readonly Operation[]): Promise<Outcome> {
    const [first] = operations;
    if (first === undefined) return { status: 'done' };
    const { link } = tunnelOf(first);
    this.#links.add(link);
    const secrets = new SecretFiles(this.#parts.runDirectory);
    const files: KeyFiles = {
      privateKey: this.#parts.keyFile,
      presharedKey: (key) => (key === undefined ? NO_KEY : secrets.pathOf(key)),
      mayStay: (peer) => this.#endpoints.mayStay(nameOf(peer)),
    };
    const args = operations.flatMap((operation) => argumentsOf(operation, files));
    try {
      await secrets.write();
      const outcome =
        args.length === 0
          ? ({ status: 'done' } as const)
          : outcomeOf(await runChild('wg', ['set', link, ...args]));
      if (outcome.status === 'done') for (const each of operations) this.#remember(each);
      return outcome;
    } catch (cause) {
      const message = `the preshared key cannot be handed to wg: ${String(cause)}`;
      return { status: 'failed', code: (cause as NodeJS.ErrnoException).code ?? 'EIO', message };
    } finally {
      await secrets.remove();
    }
  }

  #remember({ desired, actual }: Operation): void {
    if (desired?.kind === 'wireguard-peer') this.#endpoints.put(nameOf(desired), desired.endpoint);
    else if (actual?.kind === 'wireguard-peer') this.#endpoints.forget(nameOf(actual));
  }
}

/** Files for `wg` alone to read, for as long as one call takes. */
class SecretFiles {
  readonly #directory: string;
  readonly #paths = new Map<string, string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(secret: string): string {
    const path =
      this.#paths.get(secret) ?? join(this.#directory, `wg-${process.pid}-${this.#paths.size}.psk`);
    this.#paths.set(secret, path);
    return path;
  }

  async write(): Promise<void> {
    if (this.#paths.size > 0) await mkdir(this.#directory, { recursive: true });
    for (const [secret, path] of this.#paths) {
      await rm(path, { force: true });
      await writeFile(path, secret, { mode: 0o600, flag: 'wx' });
    }
  }

  async remove(): Promise<void> {
    for (const path of this.#paths.values()) await rm(path, { force: true });
  }
}

/** The operations from there on that are for one device, as many as fit into a call. */
function runFrom(operations: readonly Operation[], from: number): Operation[] {
  const run: Operation[] = [];
  let room = ARGUMENTS_LIMIT;
  for (const operation of operations.slice(from)) {
    const tunnel = tunnelOf(operation);
    if (run[0] !== undefined && tunnel.link !== tunnelOf(run[0]).link) break;
    room -= lengthOf(tunnel);
    if (room < 0 && run.length > 0) break;
    run.push(operation);
  }
  return run;
}

/** Roughly, and rather too much. */
function lengthOf(tunnel: Tunnel): number {
  return tunnel.kind === 'wireguard' ? 1000 : 500 + tunnel.allowedIps.join(',').length;
}

function tunnelOf({ desired, actual }: Operation): Tunnel {
  return (desired ?? actual) as Tunnel;
}

function nameOf({ link, publicKey }: Pick<WireguardPeer, 'link' | 'publicKey'>): string {
  return sessionName(link, publicKey);
}

function outcomeOf(result: ChildResult): Outcome {
  if (result.status === 'missing') return { status: 'failed', code: 'ENOENT', message: MISSING };
  const message = failureOf('wg', result);
  if (message === undefined) return { status: 'done' };
  return { status: 'failed', code: codeIn(message), message };
}

/** `wg` says in words what the kernel said by number. */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/No such device|Protocol not supported/, 'ENODEV'],
  [/Address already in use/, 'EADDRINUSE'],
  [/Operation not permitted/, 'EPERM'],
];

function codeIn(message: string): string {
  return CODES.find(([words]) => words.test(message))?.[1] ?? 'WG';
}
