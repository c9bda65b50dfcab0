/** The keys of addresses in etcd, behind a port so that a simulated etcd can stand in. The order of the keys: registry.ts. */
import { posix } from 'node:path';
import { decodeKeyValue, type EtcdClient, type Operation } from '../etcd/client.ts';
import { parseAddress, type Address } from '../ip/address.ts';
import { addressesOf, networkKey } from './registry.ts';

export interface AddressEntry {
  /** Of the network. */
  readonly id: string;
  readonly address: Address;
  readonly value: string;
}

/** Every method rejects with an EtcdError; a write that rejected may have landed all the same. */
export interface AddressRegistry {
  /** Those of one network, or all. */
  list(id?: string): Promise<readonly AddressEntry[]>;
  /**
   * Each that nobody has, or has with this value, has this value and lease then; resolves with the values of the others,
   * or with undefined if there is no network of that name.
   */
  claim(
    network: { readonly name: string; readonly id: string },
    addresses: readonly Address[],
    value: string,
    lease: string,
  ): Promise<ReadonlyMap<Address, string> | undefined>;
  /** Each that has this value is nobody's then. */
  drop(id: string, addresses: readonly Address[], value: string): Promise<void>;
  /** The id of a lease of so many seconds. */
  grant(ttlSeconds: number): Promise<string>;
  /** Seconds the lease lives from now on; 0 when it is gone. */
  keepAlive(lease: string): Promise<number>;
}

export class EtcdAddressRegistry implements AddressRegistry {
  readonly #client: EtcdClient;
  readonly #prefix: string;

  /** `prefix` as `--etcd-weft-prefix` gives it. */
  constructor(client: EtcdClient, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  async list(id?: string): Promise<AddressEntry[]> {
    const all = `${posix.join(this.#prefix, 'addresses')}/`;
    const { encoded } = await this.#client.list(
      id === undefined ? all : addressesOf(this.#prefix, id),
    );
    return encoded.flatMap((bytes) => {
      const { key, value } = decodeKeyValue(bytes);
      const [of = '', text = '', ...more] = key.slice(all.length).split('/');
      const address = parseAddress(text);
      return address === undefined || more.length > 0 ? [] : [{ id: of, address, value }];
    });
  }

  async claim(
    { name, id }: { readonly name: string; readonly id: string },
    addresses: readonly Address[],
    value: string,
    lease: string,
  ): Promise<ReadonlyMap<Address, string> | undefined> {
    const operations = addresses.map((address): Operation => {
      const key = addressesOf(this.#prefix, id) + address;
      const put: Operation = { type: 'put', key, value, lease };
      const ours = { conditions: [{ key, value }], success: [put], failure: [get(key)] };
      const free = {
        conditions: [{ key, modRevision: 0 }],
        success: [put],
        failure: [{ type: 'txn', txn: ours } as const],
      };
      return { type: 'txn', txn: free };
    });
    const exists = { existing: networkKey(this.#prefix, name) };
    const { succeeded, inner } = await this.#client.txn([exists], operations, []);
    if (!succeeded) return undefined;
    const taken = new Map<Address, string>();
    addresses.forEach((address, i) => {
      const [found] = inner[i]?.inner[0]?.found[0] ?? [];
      if (found !== undefined) taken.set(address, found.value);
    });
    return taken;
  }

  async drop(id: string, addresses: readonly Address[], value: string): Promise<void> {
    const operations = addresses.map((address): Operation => {
      const key = addressesOf(this.#prefix, id) + address;
      const remove: Operation = { type: 'delete', key };
      return {
        type: 'txn',
        txn: { conditions: [{ key, value }], success: [remove], failure: [] },
      };
    });
    await this.#client.txn([], operations, []);
  }

  async grant(ttlSeconds: number): Promise<string> {
    return await this.#client.grant(ttlSeconds);
  }

  async keepAlive(lease: string): Promise<number> {
    return await this.#client.keepAlive(lease);
  }
}

function get(key: string): Operation {
  return { type: 'get', key };
}
