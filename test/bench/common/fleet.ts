/** Leases of hosts that do not exist, put into a real etcd: enough to make one real weftd work. */
import { address, type Address } from '../../../agent/ip/address.ts';
import { localMac, type Mac } from '../../../agent/ip/mac.ts';
import { prefix, type Prefix } from '../../../agent/ip/prefix.ts';
import { EtcdClient, type Operation } from '../../../agent/etcd/client.ts';
import { formatKey } from '../../../agent/subnet/key.ts';
import { formatLeaseValue } from '../../../agent/subnet/lease-value.ts';
import { enterNamespace } from '../../lab/enter.ts';
import type { Lab } from '../../lab/lab.ts';

/** Room for 16,384 subnets; the real host takes one of those no fake has. */
export const NETWORK = {
  Network: '10.64.0.0/10',
  SubnetLen: 24,
  Backend: { Type: 'vxlan', VNI: 1 },
};
export const LINK = 'flannel.1';
/** etcd takes 128 operations in a transaction (--max-txn-ops). */
const BATCH = 128;

export interface FakePeer {
  readonly subnet: Prefix;
  readonly mac: Mac;
  readonly publicIp: Address;
}

/** The `number`-th peer, 0 to 16,383; another `generation` has another MAC. */
export function fakePeer(number: number, generation = 0): FakePeer {
  const [high, low] = [number >> 8, number & 0xff];
  return {
    subnet: prefix(`10.${64 + high}.${low}.0/24`),
    mac: localMac(Uint8Array.from([2, generation, 0, 0, high, low])),
    publicIp: address(`172.16.${high}.${low}`),
  };
}

export function fakePeers(count: number): FakePeer[] {
  return Array.from({ length: count }, (_, i) => fakePeer(i));
}

/** Hands out a client of the lab's etcd; this thread is in etcd's namespace meanwhile. */
export async function withEtcd<T>(lab: Lab, work: (client: EtcdClient) => Promise<T>): Promise<T> {
  const leave = enterNamespace(lab.etcdPlace.netns);
  const client = new EtcdClient({ endpoints: [lab.etcdEndpoint] });
  try {
    return await work(client);
  } finally {
    client.close();
    leave();
  }
}

/** The peers of one network in etcd: all below `prefix`, so that several can be in one etcd. */
export class Fleet {
  readonly prefix: string;
  readonly #client: EtcdClient;

  constructor(client: EtcdClient, prefix: string) {
    this.#client = client;
    this.prefix = prefix;
  }

  put(peers: readonly FakePeer[]): Promise<void> {
    return this.#write(peers.map((peer) => this.#put(peer)));
  }

  delete(peers: readonly FakePeer[]): Promise<void> {
    return this.#write(peers.map(({ subnet }) => ({ type: 'delete', key: this.#key(subnet) })));
  }

  async #write(operations: readonly Operation[]): Promise<void> {
    for (let from = 0; from < operations.length; from += BATCH)
      await this.#client.txn([], operations.slice(from, from + BATCH), []);
  }

  #key(subnet: Prefix): string {
    return `${this.prefix}/subnets/${formatKey({ 4: subnet })}`;
  }

  #put({ subnet, mac, publicIp }: FakePeer): Operation {
    const value = formatLeaseValue({
      publicAddresses: { 4: publicIp },
      backendType: 'vxlan',
      backendData: { VNI: 1, VtepMAC: mac },
    });
    return { type: 'put', key: this.#key(subnet), value, lease: '0' };
  }
}
