/**
 * Networks and their addresses as they stand in etcd, behind ports so that a simulated etcd can stand in:
 *
 *     <prefix>/networks/NAME                  a definition
 *     <prefix>/addresses/NETWORK-ID/ADDRESS   whose the address is (claims.ts)
 */
import { posix } from 'node:path';
import { decodeKeyValue, type EtcdClient, type KeyValue } from '../etcd/client.ts';

export interface NetworkEntry {
  readonly name: string;
  readonly text: string;
  readonly createRevision: number;
  readonly modRevision: number;
}

export type NetworkEvent =
  | { readonly type: 'put'; readonly entry: NetworkEntry }
  | { readonly type: 'delete'; readonly name: string; readonly revision: number };

export interface NetworkBatch {
  /** Every event up to this revision has been told. */
  readonly revision: number;
  readonly events: readonly NetworkEvent[];
}

/** Every method rejects with an EtcdError; a write that rejected may have landed all the same. */
export interface NetworkRegistry {
  list(): Promise<{ readonly revision: number; readonly entries: readonly NetworkEntry[] }>;
  /** Rejects with ETCD_COMPACTED when `from` is no longer kept, or not reached yet. Ends only by `signal` or an error. */
  watch(from: number, signal: AbortSignal): AsyncIterable<NetworkBatch>;
  /** Unless there is one of that name, or any network was put after revision `since`: then it resolves with false. */
  create(name: string, text: string, since: number): Promise<boolean>;
  /** The values at the addresses of that network that are somebody's. */
  holders(id: string): Promise<{ readonly revision: number; readonly values: readonly string[] }>;
  /**
   * Unless it is another one than at `modRevision`, or an address of it became somebody's after revision `since`: then
   * it resolves with false.
   */
  remove(
    network: { name: string; id: string },
    modRevision: number,
    since: number,
  ): Promise<boolean>;
}

export class EtcdNetworkRegistry implements NetworkRegistry {
  readonly #client: EtcdClient;
  readonly #networks: string;
  readonly #prefix: string;

  /** `prefix` as `--etcd-weft-prefix` gives it. */
  constructor(client: EtcdClient, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
    this.#networks = `${posix.join(prefix, 'networks')}/`;
  }

  async list(): Promise<{ revision: number; entries: NetworkEntry[] }> {
    const { revision, encoded } = await this.#client.list(this.#networks);
    return { revision, entries: encoded.map((bytes) => this.#entryFrom(decodeKeyValue(bytes))) };
  }

  async *watch(from: number, signal: AbortSignal): AsyncGenerator<NetworkBatch> {
    for await (const batch of this.#client.watch(this.#networks, 'prefix', from, signal)) {
      const events = batch.events.map((event): NetworkEvent =>
        event.type === 'put'
          ? { type: 'put', entry: this.#entryFrom(event.kv) }
          : { type: 'delete', name: this.#nameIn(event.key), revision: event.revision },
      );
      yield { revision: batch.revision, events };
    }
  }

  async create(name: string, text: string, since: number): Promise<boolean> {
    const key = this.#networks + name;
    const { succeeded } = await this.#client.txn(
      [
        { key, modRevision: 0 },
        { prefix: this.#networks, unchangedSince: since },
      ],
      [{ type: 'put', key, value: text, lease: '0' }],
      [],
    );
    return succeeded;
  }

  async holders(id: string): Promise<{ revision: number; values: string[] }> {
    const { revision, encoded } = await this.#client.list(addressesOf(this.#prefix, id));
    return { revision, values: encoded.map((bytes) => decodeKeyValue(bytes).value) };
  }

  async remove(
    { name, id }: { name: string; id: string },
    modRevision: number,
    since: number,
  ): Promise<boolean> {
    const key = networkKey(this.#prefix, name);
    const { succeeded } = await this.#client.txn(
      [
        { key, modRevision },
        { prefix: addressesOf(this.#prefix, id), unchangedSince: since },
      ],
      [{ type: 'delete', key }],
      [],
    );
    return succeeded;
  }

  #entryFrom({ key, value, createRevision, modRevision }: KeyValue): NetworkEntry {
    return { name: this.#nameIn(key), text: value, createRevision, modRevision };
  }

  #nameIn(key: string): string {
    return key.slice(this.#networks.length);
  }
}

export function networkKey(prefix: string, name: string): string {
  return posix.join(prefix, 'networks', name);
}

/** With a slash at its end. */
export function addressesOf(prefix: string, id: string): string {
  return `${posix.join(prefix, 'addresses', id)}/`;
}
