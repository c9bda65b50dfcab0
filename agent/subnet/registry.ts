/**
 * The registry of leases as flannel keeps it in etcd, behind a port so that a simulated one can stand in.
 *
 *     <prefix>/config           the network configuration
 *     <prefix>/subnets/<key>    one lease per host
 *
 * Nothing is ever written below `<prefix>/subnets` but valid subnet keys: one other byte there, and flanneld
 * peers drop all their routes.
 */
import { posix } from 'node:path';
import { decodeKeyValue, type EtcdClient, type KeyValue, type TxnAnswer } from '../etcd/client.ts';

/** An etcd lease id in decimal. */
export type LeaseId = string;
/** The lease of a key that has none, and so never expires. */
export const NO_LEASE: LeaseId = '0';

export interface RegistryEntry {
  /** The subnet key: what follows `<prefix>/subnets/`. */
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly lease: LeaseId;
}

export type RegistryEvent =
  | { readonly type: 'put'; readonly entry: RegistryEntry }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number };

export interface RegistryBatch {
  /** Every event up to this revision has been told. */
  readonly revision: number;
  readonly events: readonly RegistryEvent[];
}

/**
 * What came of a guarded write, and how things stand at its end: the key's entry, and every entry created after
 * an earlier revision. All of it is one transaction.
 */
export interface Written {
  readonly done: boolean;
  readonly revision: number;
  readonly entry: RegistryEntry | undefined;
  readonly newcomers: readonly RegistryEntry[];
}

export interface Put {
  readonly key: string;
  readonly value: string;
  readonly lease: LeaseId;
}

/**
 * Every method rejects with an EtcdError; a write that rejected may have landed all the same. `newcomers` are
 * entries created after revision `since`.
 */
export interface Registry {
  /** Where the configuration stands, for messages. */
  readonly configKey: string;
  readConfig(): Promise<{ revision: number; text: string | undefined }>;
  /** The configuration's text whenever it changes from revision `from` on; undefined when it is deleted. */
  watchConfig(from: number, signal: AbortSignal): AsyncIterable<string | undefined>;
  /** All entries at one revision, by one request; in slices, the event loop turning between them. */
  list(): Promise<{ revision: number; slices: AsyncIterable<readonly RegistryEntry[]> }>;
  /** Rejects with ETCD_COMPACTED when `from` is no longer kept, or not reached yet. Ends only by `signal` or an error. */
  watch(from: number, signal: AbortSignal): AsyncIterable<RegistryBatch>;
  /** Puts the entry if its revision is still `modRevision`; 0 means that it does not exist. */
  put(put: Put, modRevision: number, since: number): Promise<Written>;
  /** Deletes the entry if its revision is still `modRevision`. */
  remove(key: string, modRevision: number, since: number): Promise<Written>;
  grant(ttlSeconds: number): Promise<LeaseId>;
  /** Seconds the lease lives from now on; 0 when it is gone. */
  keepAlive(lease: LeaseId): Promise<number>;
}

/** Entries handed on before the event loop turns: with what is made of them, some 5 ms of work. */
const SLICE = 50;

export class EtcdRegistry implements Registry {
  readonly configKey: string;
  readonly #client: EtcdClient;
  readonly #prefix: string;

  /** `prefix` as `--etcd-prefix` gives it; duplicate and trailing slashes are dropped. */
  constructor(client: EtcdClient, prefix: string) {
    this.#client = client;
    this.configKey = posix.join(prefix, 'config');
    this.#prefix = `${posix.join(prefix, 'subnets')}/`;
  }

  async readConfig(): Promise<{ revision: number; text: string | undefined }> {
    const { revision, kv } = await this.#client.get(this.configKey);
    return { revision, text: kv?.value };
  }

  async *watchConfig(from: number, signal: AbortSignal): AsyncGenerator<string | undefined> {
    for await (const { events } of this.#client.watch(this.configKey, 'key', from, signal)) {
      for (const event of events) yield event.type === 'put' ? event.kv.value : undefined;
    }
  }

  async list(): Promise<{ revision: number; slices: AsyncIterable<readonly RegistryEntry[]> }> {
    const { revision, encoded } = await this.#client.list(this.#prefix);
    return { revision, slices: this.#decode(encoded) };
  }

  async *#decode(encoded: readonly Uint8Array[]): AsyncGenerator<readonly RegistryEntry[]> {
    for (let start = 0; start < encoded.length; start += SLICE) {
      if (start > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      const slice = encoded.slice(start, start + SLICE);
      yield slice.map((bytes) => this.#entryFrom(decodeKeyValue(bytes)));
    }
  }

  async *watch(from: number, signal: AbortSignal): AsyncGenerator<RegistryBatch> {
    for await (const batch of this.#client.watch(this.#prefix, 'prefix', from, signal)) {
      const events = batch.events.map((event): RegistryEvent =>
        event.type === 'put'
          ? { type: 'put', entry: this.#entryFrom(event.kv) }
          : { type: 'delete', key: this.#keyIn(event.key), revision: event.revision },
      );
      yield { revision: batch.revision, events };
    }
  }

  async put(put: Put, modRevision: number, since: number): Promise<Written> {
    const key = this.#prefix + put.key;
    const look = this.#looking(put.key, since);
    const answer = await this.#client.txn(
      [{ key, modRevision }],
      [...look, { ...put, type: 'put', key }],
      look,
    );
    const { newcomers, entry, revision } = this.#look(answer);
    if (!answer.succeeded) return { done: false, revision, entry, newcomers };
    const createRevision = entry?.createRevision ?? revision;
    const written = { ...put, createRevision, modRevision: revision };
    return { done: true, revision, entry: written, newcomers };
  }

  async remove(key: string, modRevision: number, since: number): Promise<Written> {
    const path = this.#prefix + key;
    const look = this.#looking(key, since);
    const answer = await this.#client.txn(
      [{ key: path, modRevision }],
      [{ type: 'delete', key: path }, ...look],
      look,
    );
    const done = answer.succeeded;
    return {
      done,
      ...this.#look({ ...answer, found: done ? answer.found.slice(1) : answer.found }),
    };
  }

  grant(ttlSeconds: number): Promise<LeaseId> {
    return this.#client.grant(ttlSeconds);
  }

  keepAlive(lease: LeaseId): Promise<number> {
    return this.#client.keepAlive(lease);
  }

  #looking(key: string, since: number) {
    return [
      { type: 'get', key: this.#prefix + key },
      { type: 'range', prefix: this.#prefix, createdAfter: since },
    ] as const;
  }

  #look({ revision, found: [entry = [], newcomers = []] }: TxnAnswer): Omit<Written, 'done'> {
    return {
      revision,
      entry: entry[0] && this.#entryFrom(entry[0]),
      newcomers: newcomers.map((kv) => this.#entryFrom(kv)),
    };
  }

  #entryFrom(kv: KeyValue): RegistryEntry {
    return { ...kv, key: this.#keyIn(kv.key) };
  }

  /** A copy: a mere slice would keep the whole path in memory. */
  #keyIn(path: string): string {
    return Buffer.from(path.slice(this.#prefix.length)).toString();
  }
}
