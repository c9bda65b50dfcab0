/** For tests: a daemon's answers that the test changes, a socket path of its own, and what was logged. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectControl, type ControlClient, type ControlClientOptions } from './client.ts';
import type { ControlHandlers, ErrorLog } from './handlers.ts';
import type { Lease, LeaseChange, Plan, Status } from './model.ts';
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

/** Handlers over values that a test sets; each set tells the watchers. */
export class FakeDaemon implements ControlHandlers {
  readonly #statusListeners = new Set<() => void>();
  readonly #leaseListeners = new Set<(change: LeaseChange) => void>();
  readonly table = new Map<string, Lease>();
  current: Status = HEALTHY;
  planned: Plan = { desired: [], actual: [], operations: [] };
  /** Thrown by status() and plan(). */
  failure: Error | undefined;

  get watchers(): number {
    return this.#statusListeners.size + this.#leaseListeners.size;
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

  setStatus(status: Status): void {
    this.current = status;
    for (const listener of this.#statusListeners) listener();
  }

  put(lease: Lease): void {
    this.table.set(lease.key, lease);
    for (const listener of this.#leaseListeners) listener({ type: 'present', lease });
  }

  remove(key: string): void {
    this.table.delete(key);
    for (const listener of this.#leaseListeners) listener({ type: 'removed', key });
  }
}

/** A served FakeDaemon; `await using`. */
export class Stage implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'weft-api-'));
  readonly socketPath = join(this.folder, 'run/weft.sock');
  readonly daemon = new FakeDaemon();
  readonly logged: string[] = [];
  readonly log: ErrorLog = { error: (_fields, message) => void this.logged.push(message) };
  readonly #clients: ControlClient[] = [];
  #server: ControlServer | undefined;

  static async open(): Promise<Stage> {
    const stage = new Stage();
    await stage.serve();
    return stage;
  }

  async serve(groupFile = join(this.folder, 'no-group-file')): Promise<void> {
    const { socketPath, daemon: handlers, log } = this;
    this.#server = await serveControl({ socketPath, handlers, log, groupFile });
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
