/** An etcd in memory, as far as leases need it: revisions, guarded writes, time to live, history, compaction. Deterministic. */
import type { Clock } from '../../agent/state/clock.ts';
import { EtcdError } from '../../agent/etcd/errors.ts';
import {
  NO_LEASE,
  type LeaseId,
  type Put,
  type Registry,
  type RegistryBatch,
  type RegistryEntry,
  type RegistryEvent,
  type Written,
} from '../../agent/subnet/registry.ts';

export class SimulatedEtcd {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #entries = new Map<string, RegistryEntry>();
  readonly #leases = new Map<LeaseId, { readonly ttl: number; expiresAt: number }>();
  #history: { readonly revision: number; readonly event: RegistryEvent }[] = [];
  #compacted = 0;
  #revision = 1;
  #granted = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  get revision(): number {
    this.#expire();
    return this.#revision;
  }

  list(): { revision: number; entries: RegistryEntry[] } {
    return { revision: this.revision, entries: [...this.#entries.values()] };
  }

  put(put: Put, modRevision: number, since: number): Written {
    this.#expire();
    const done = this.#guard(put.key, modRevision);
    // As etcd does, the lease is looked up only when the put is carried out.
    if (done && put.lease !== NO_LEASE && !this.#leases.has(put.lease))
      throw new EtcdError('ETCD_LEASE_NOT_FOUND', 'requested lease not found');
    if (done) this.write(put);
    return this.#written(done, put.key, since);
  }

  remove(key: string, modRevision: number, since: number): Written {
    this.#expire();
    const done = this.#guard(key, modRevision);
    if (done) this.delete(key);
    return this.#written(done, key, since);
  }

  /** What an operator does: no guard. */
  write(put: Put): void {
    const revision = ++this.#revision;
    const createRevision = this.#entries.get(put.key)?.createRevision ?? revision;
    const entry = { ...put, createRevision, modRevision: revision };
    this.#entries.set(put.key, entry);
    this.#history.push({ revision, event: { type: 'put', entry } });
  }

  delete(key: string): void {
    if (!this.#entries.delete(key)) return;
    const revision = ++this.#revision;
    this.#history.push({ revision, event: { type: 'delete', key, revision } });
  }

  grant(ttl: number): LeaseId {
    const id = String(++this.#granted);
    this.#leases.set(id, { ttl, expiresAt: this.#clock.now() + ttl * 1000 });
    return id;
  }

  keepAlive(id: LeaseId): number {
    this.#expire();
    const lease = this.#leases.get(id);
    if (lease === undefined) return 0;
    lease.expiresAt = this.#clock.now() + lease.ttl * 1000;
    return lease.ttl;
  }

  /** At most `limit` events after a revision. Throws ETCD_COMPACTED when they are no longer all kept. */
  after(revision: number, limit = Infinity): RegistryBatch {
    const now = this.revision;
    if (revision < this.#compacted) throw new EtcdError('ETCD_COMPACTED', 'compacted');
    if (revision > now) throw new EtcdError('ETCD_COMPACTED', 'restored');
    const all = this.#history.filter((change) => change.revision > revision);
    const some = all.slice(0, limit);
    const reached = some.length < all.length ? (some.at(-1)?.revision ?? revision) : now;
    return { revision: reached, events: some.map(({ event }) => event) };
  }

  compact(): void {
    this.#compacted = this.revision;
    this.#history = [];
  }

  /** From a copy: entries as they stood at a revision, without leases; with them gone it is an empty data directory. */
  restore({ revision, entries }: { revision: number; entries: readonly RegistryEntry[] }): void {
    this.#revision = revision;
    this.#history = [];
    this.#compacted = 0;
    this.#leases.clear();
    this.#entries.clear();
    for (const entry of entries) this.#entries.set(entry.key, entry);
  }

  #guard(key: string, modRevision: number): boolean {
    return (this.#entries.get(key)?.modRevision ?? 0) === modRevision;
  }

  #written(done: boolean, key: string, since: number): Written {
    const newcomers = [...this.#entries.values()].filter((entry) => entry.createRevision > since);
    return { done, revision: this.#revision, entry: this.#entries.get(key), newcomers };
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [id, { expiresAt }] of this.#leases) {
      if (expiresAt > now) continue;
      this.#leases.delete(id);
      for (const { key, lease } of this.#entries.values()) if (lease === id) this.delete(key);
    }
  }
}

/** The registry's port over a simulated etcd that answers at once, or, while `down`, not at all. */
export class SimulatedRegistry implements Registry {
  readonly configKey = '/config';
  readonly etcd: SimulatedEtcd;
  /** What every call fails with; set it back to undefined and call `wake`. */
  down: EtcdError | undefined;
  #wake: (() => void)[] = [];

  constructor(etcd: SimulatedEtcd) {
    this.etcd = etcd;
  }

  /** Watches look whether there is something to tell. */
  wake(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async readConfig(): Promise<{ revision: number; text: string | undefined }> {
    return this.#do(() => ({ revision: this.etcd.revision, text: undefined }));
  }

  async *watchConfig(): AsyncGenerator<string | undefined> {}

  async list(): Promise<{ revision: number; slices: AsyncIterable<readonly RegistryEntry[]> }> {
    const { revision, entries } = this.#do(() => this.etcd.list());
    return { revision, slices: slicesOf(entries) };
  }

  async *watch(from: number, signal: AbortSignal): AsyncGenerator<RegistryBatch> {
    let revision = this.#do(() => from - 1);
    signal.addEventListener('abort', () => this.wake(), { once: true });
    yield { revision, events: [] };
    while (!signal.aborted) {
      const batch = this.#do(() => this.etcd.after(revision));
      if (batch.revision > revision) yield batch;
      revision = batch.revision;
      const woken = new Promise<void>((resolve) => this.#wake.push(resolve));
      if (this.etcd.revision === revision && this.down === undefined) await woken;
    }
  }

  async put(put: Put, modRevision: number, since: number): Promise<Written> {
    return this.#do(() => this.etcd.put(put, modRevision, since));
  }

  async remove(key: string, modRevision: number, since: number): Promise<Written> {
    return this.#do(() => this.etcd.remove(key, modRevision, since));
  }

  async grant(seconds: number): Promise<LeaseId> {
    return this.#do(() => this.etcd.grant(seconds));
  }

  async keepAlive(lease: LeaseId): Promise<number> {
    return this.#do(() => this.etcd.keepAlive(lease));
  }

  #do<T>(work: () => T): T {
    if (this.down !== undefined) throw this.down;
    const result = work();
    this.wake();
    return result;
  }
}

async function* slicesOf(
  entries: readonly RegistryEntry[],
): AsyncGenerator<readonly RegistryEntry[]> {
  for (let i = 0; i < entries.length; i += 500) yield entries.slice(i, i + 500);
}
