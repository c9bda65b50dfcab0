/** For tests: a daemon's answers that the test changes, a socket path of its own, and what was logged. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLog } from '../events/log.ts';
import { connectControl, type ControlClient, type ControlClientOptions } from './client.ts';
import type { ClusterHandlers } from './cluster-handlers.ts';
import type { ClusterEvent, ClusterHost } from './cluster-model.ts';
import type { ControlHandlers, ControlLog } from './handlers.ts';
import type {
  KeyAction,
  KeyReport,
  Lease,
  LeaseChange,
  Member,
  MemberChange,
  Peer,
  PeerChange,
  Plan,
  RotationStep,
  Status,
} from './model.ts';
import { serveControl, type ControlServer } from './server.ts';

export const SINCE = new Date('2026-11-21T03:00:00.000Z');

export const HEALTHY: Status = {
  nodeId: 'a1b2c3d4',
  version: '0.1.0',
  hostname: 'host-1',
  runningSince: SINCE,
  ready: true,
  problems: [],
  problemCount: 0,
  network: {
    etcdPrefix: '/coreos.com/network',
    ranges: [
      { network: '10.5.0.0/16', subnetLength: 24, first: '10.5.1.0', last: '10.5.255.0' },
      { network: 'fd00:5::/48', subnetLength: 64, first: 'fd00:5:0:1::', last: 'fd00:5:0:ffff::' },
    ],
    backendType: 'vxlan',
  },
  underlay: { link: 'eth0', mtu: 1500, publicAddresses: ['192.0.2.1', '2001:db8::1'] },
  lease: {
    state: 'held',
    subnets: ['10.5.52.0/24', 'fd00:5:0:17::/64'],
    expires: new Date('2026-11-22T03:00:00.000Z'),
  },
  backend: { type: 'vxlan', devices: ['flannel.1', 'flannel-v6.1'], mtu: 1430 },
  peers: 2,
  etcd: { connected: true, endpoints: ['http://192.0.2.9:2379'], lastSync: SINCE },
  counters: { repairs: 3, refused: 1 },
  gossip: {
    name: 'host-1',
    address: '192.0.2.1:7946',
    alive: 3,
    failed: 0,
    left: 1,
    encrypted: true,
  },
};

export function leaseNumber(n: number): Lease {
  return {
    key: `10.${n >> 8}.${n & 255}.0-24`,
    subnets: [`10.${n >> 8}.${n & 255}.0/24`],
    publicAddresses: [`192.0.${n >> 8}.${n & 255}`],
    backendType: 'vxlan',
    node: `node-${n}`,
    mine: n === 0,
    inForce: true,
    reserved: false,
  };
}

export function memberNumber(n: number): Member {
  return {
    name: `h${n}`,
    address: `192.0.${n >> 8}.${n & 255}:7946`,
    status: 'alive',
    tags: { weft: '1' },
    ...(n === 0 ? {} : { roundTripMs: n / 4 }),
    since: SINCE,
    mine: n === 0,
  };
}

export function peerNumber(n: number): Peer {
  return {
    key: `10.${n >> 8}.${n & 255}.0-24`,
    subnets: [`10.${n >> 8}.${n & 255}.0/24`],
    host: `h${n}`,
    node: `node-${n}`,
    backend: 'vxlan',
    endpoint: `192.0.${n >> 8}.${n & 255}:8472`,
    pathMtu: 1500,
    mtu: 1450,
    roundTripMs: n / 4,
    problems: [],
  };
}

/** Handlers over values that a test sets; each set tells the watchers. */
export class FakeDaemon implements ControlHandlers {
  readonly #statusListeners = new Set<() => void>();
  readonly #leaseListeners = new Set<(change: LeaseChange) => void>();
  readonly #memberListeners = new Set<(change: MemberChange) => void>();
  readonly table = new Map<string, Lease>();
  readonly #peerListeners = new Set<(change: PeerChange) => void>();
  readonly memberTable = new Map<string, Member>();
  readonly peerTable = new Map<string, Peer>();
  current: Status = HEALTHY;
  planned: Plan = { desired: [], actual: [], operations: [] };
  keyReport: KeyReport = { keys: [], answers: [] };
  /** What was asked of changeKey. */
  readonly keyChanges: (readonly [action: KeyAction, key: string])[] = [];
  rotation: readonly RotationStep[] = [];
  /** Thrown by status(), plan() and all that is about gossip. */
  failure: Error | undefined;

  get watchers(): number {
    return [
      this.#statusListeners,
      this.#leaseListeners,
      this.#memberListeners,
      this.#peerListeners,
    ].reduce((sum, { size }) => sum + size, 0);
  }

  status(): Status {
    if (this.failure !== undefined) throw this.failure;
    return this.current;
  }

  watchStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  leases(): Iterable<Lease> {
    return this.table.values();
  }

  watchLeases(listener: (change: LeaseChange) => void): () => void {
    this.#leaseListeners.add(listener);
    return () => this.#leaseListeners.delete(listener);
  }

  async plan(): Promise<Plan> {
    if (this.failure !== undefined) throw this.failure;
    return await Promise.resolve(this.planned);
  }

  members(): Iterable<Member> {
    if (this.failure !== undefined) throw this.failure;
    return this.memberTable.values();
  }

  watchMembers(listener: (change: MemberChange) => void): () => void {
    if (this.failure !== undefined) throw this.failure;
    this.#memberListeners.add(listener);
    return () => this.#memberListeners.delete(listener);
  }

  peers(): Iterable<Peer> {
    return this.peerTable.values();
  }

  watchPeers(listener: (change: PeerChange) => void): () => void {
    this.#peerListeners.add(listener);
    return () => this.#peerListeners.delete(listener);
  }

  async keys(): Promise<KeyReport> {
    if (this.failure !== undefined) throw this.failure;
    return await Promise.resolve(this.keyReport);
  }

  async changeKey(action: KeyAction, key: string): Promise<KeyReport> {
    this.keyChanges.push([action, key]);
    return await this.keys();
  }

  async rotateWireguardKey(tell: (step: RotationStep) => void): Promise<void> {
    for (const step of this.rotation) tell(step);
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
  }

  setStatus(status: Status): void {
    this.current = status;
    for (const listener of this.#statusListeners) listener();
  }

  put(lease: Lease): void {
    this.table.set(lease.key, lease);
    for (const listener of this.#leaseListeners) listener({ type: 'present', lease });
  }

  putMember(member: Member): void {
    this.memberTable.set(member.name, member);
    for (const listener of this.#memberListeners) listener({ type: 'present', member });
  }

  putPeer(peer: Peer): void {
    this.peerTable.set(peer.key, peer);
    for (const listener of this.#peerListeners) listener({ type: 'present', peer });
  }

  removePeer(key: string): void {
    this.peerTable.delete(key);
    for (const listener of this.#peerListeners) listener({ type: 'removed', key });
  }

  removeMember(name: string): void {
    this.memberTable.delete(name);
    for (const listener of this.#memberListeners) listener({ type: 'removed', name });
  }

  remove(key: string): void {
    this.table.delete(key);
    for (const listener of this.#leaseListeners) listener({ type: 'removed', key });
  }
}

/** Hosts and events that a test sets. */
export class FakeCluster implements ClusterHandlers {
  readonly log = new EventLog();
  all: readonly ClusterHost[] = [];
  /** Thrown by hosts(). */
  failure: Error | undefined;

  async hosts(): Promise<readonly ClusterHost[]> {
    if (this.failure !== undefined) throw this.failure;
    return await Promise.resolve(this.all);
  }

  events(since: Date | undefined): Iterable<ClusterEvent> {
    return this.log.list(since);
  }

  watchEvents(listener: (event: ClusterEvent) => void): () => void {
    return this.log.watch(listener);
  }
}

/** Happened `n` s after SINCE. */
export function eventNumber(n: number): ClusterEvent {
  const at = new Date(SINCE.getTime() + n * 1000);
  return { id: `h1/${n}`, at, kind: 'member-failed', host: `h${n}`, text: `h${n} is away` };
}

/** A served FakeDaemon; `await using`. */
export class Stage implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'weft-api-'));
  readonly socketPath = join(this.folder, 'run/weft.sock');
  readonly daemon = new FakeDaemon();
  readonly cluster = new FakeCluster();
  readonly logged: string[] = [];
  readonly told: object[] = [];
  readonly log: ControlLog = {
    error: (_fields, message) => void this.logged.push(message),
    info: (fields) => void this.told.push(fields),
  };
  readonly #clients: ControlClient[] = [];
  #server: ControlServer | undefined;

  static async open(): Promise<Stage> {
    const stage = new Stage();
    await stage.serve();
    return stage;
  }

  async serve(groupFile = join(this.folder, 'no-group-file')): Promise<void> {
    const { socketPath, daemon: handlers, cluster, log } = this;
    const peerOf = (): string => 'somebody';
    this.#server = await serveControl({ socketPath, handlers, cluster, log, groupFile, peerOf });
  }

  async connect(options?: ControlClientOptions): Promise<ControlClient> {
    const client = await connectControl(this.socketPath, options);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}
