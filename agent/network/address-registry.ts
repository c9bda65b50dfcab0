/** The keys of addresses in etcd, behind a port so that a simulated etcd can stand in. The order of the keys: registry.ts. */
import { posix } from 'node:path';
import { decodeKeyValue, type EtcdClient, type Operation, type TxnAnswer } from '../etcd/client.ts';
import { EtcdError } from '../etcd/errors.ts';
import { parseAddress, type Address } from '../ip/address.ts';
import { isRefused } from '../subnet/parsed.ts';
import { formatDefinition, parseDefinition, type NetworkDefinition } from './definition.ts';
import { addressesOf, networkKey } from './registry.ts';

/** The definition may be written by others meanwhile. */
const CLAIM_TRIES = 3;

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
   * or with undefined if there is no such network: none of that name, or another.
   */
  claim(
    network: NetworkDefinition,
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
    network: NetworkDefinition,
    addresses: readonly Address[],
    value: string,
    lease: string,
  ): Promise<ReadonlyMap<Address, string> | undefined> {
    const definition = networkKey(this.#prefix, network.name);
    const operations = addresses.map((address): Operation => {
      const key = addressesOf(this.#prefix, network.id) + address;
      const put: Operation = { type: 'put', key, value, lease };
      const ours = { conditions: [{ key, value }], success: [put], failure: [get(key)] };
      const free = {
        conditions: [{ key, modRevision: 0 }],
        success: [put],
        failure: [{ type: 'txn', txn: ours } as const],
      };
      return { type: 'txn', txn: free };
    });
    // As weft writes it; who else has written it is asked for what stands there, and for the same again.
    let text = formatDefinition(network);
    for (let attempt = 0; attempt < CLAIM_TRIES; attempt++) {
      const isThere = { key: definition, value: text };
      const answer = await this.#client.txn([isThere], operations, [get(definition)]);
      if (answer.succeeded) return takenIn(answer, addresses);
      const [standing] = answer.found[0] ?? [];
      if (standing === undefined || isAnother(standing.value, network)) return undefined;
      text = standing.value;
    }
    throw new EtcdError('ETCD_REFUSED', `others write ${definition} all the time`);
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

function takenIn({ inner }: TxnAnswer, addresses: readonly Address[]): Map<Address, string> {
  const taken = new Map<Address, string>();
  addresses.forEach((address, i) => {
    const [found] = inner[i]?.inner[0]?.found[0] ?? [];
    if (found !== undefined) taken.set(address, found.value);
  });
  return taken;
}

/** What is damaged is still the one that it was; see table.ts. */
function isAnother(text: string, { name, id }: NetworkDefinition): boolean {
  const parsed = parseDefinition(name, text);
  return !isRefused(parsed) && parsed.value.id !== id;
}

function get(key: string): Operation {
  return { type: 'get', key };
}
