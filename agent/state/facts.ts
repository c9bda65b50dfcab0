/** Facts that plans are made from. Everything here was parsed at the door; nothing here does I/O. */
import type { Address, Family } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import type { PublicKey } from './wireguard.ts';

/** A lease: one host's subnets and how to reach it (flannel-compatible, see docs/flannel.md). */
export interface Lease {
  /** At least one of the two. */
  readonly subnets: PerFamily<Prefix>;
  /** Underlay addresses the host publishes. */
  readonly publicAddresses: PerFamily<Address>;
  /** Empty for flannel's `udp` and `alloc`, which publish none. */
  readonly backendType: string;
  /** As found in JSON; each backend parses its own. */
  readonly backendData?: unknown;
  readonly backendV6Data?: unknown;
  /** Identity of the weft host that wrote it; absent when flanneld or an operator did. */
  readonly node?: string;
  /** Where that host's member of the gossip listens. */
  readonly gossip?: SocketAddress;
  /** While that host changes its WireGuard key. */
  readonly detour?: Detour;
}

/** The devices by which a host is reached while its own ones are given another key. */
export interface Detour {
  /** The new key. Once the lease's backend data tell it too, the host's own devices have it. */
  readonly publicKey: PublicKey;
  /** UDP, by the family of the outer packets. */
  readonly ports: PerFamily<number>;
}

/** This host changes its WireGuard key (agent/backend/ways.ts). */
export interface Rotation {
  /** The new key. */
  readonly publicKey: PublicKey;
  /**
   * out: traffic moves to the detour. back: our own devices have the new key, and traffic moves back to them. over: it
   * was given up, our own devices keep their key; the detour stays as long as peers may send by it.
   */
  readonly phase: 'out' | 'back' | 'over';
  /** When our own devices were given the key they have now, in s since 1970. */
  readonly since: number;
}

/** A value per address family, v4 and v6 as data. */
export type PerFamily<T> = Partial<Readonly<Record<Family, T>>>;

/** Written out, as an object that grows a numbered field takes 200 bytes, and a lease has two of these. */
export function perFamily<T>(v4: T | undefined, v6: T | undefined): PerFamily<T> {
  if (v4 === undefined) return v6 === undefined ? {} : { 6: v6 };
  return v6 === undefined ? { 4: v4 } : { 4: v4, 6: v6 };
}

/** The network configuration in etcd, defaults filled in. */
export interface NetworkConfig {
  /** Which families are on; each then has its range. */
  readonly ranges: PerFamily<SubnetRange>;
  readonly backend: { readonly type: string; readonly options: Readonly<Record<string, unknown>> };
  /** It counts also when it cuts off hosts that flanneld runs. */
  readonly isForced?: true;
}

/** Where subnets come from: `first` and `last` are base addresses of subnets of `subnetLength` bits. */
export interface SubnetRange {
  readonly network: Prefix;
  readonly subnetLength: number;
  readonly first: Address;
  readonly last: Address;
}

/** The link that carries the overlay's packets. */
export interface Underlay {
  readonly link: string;
  readonly mtu: number;
  /** Addresses on the link itself. */
  readonly addresses: PerFamily<Address>;
  /** What we tell peers: the flag's, else the link's own. */
  readonly publicAddresses: PerFamily<Address>;
  /** Routes of the main table that are not ours: to tell a neighbour on the link from a host behind a gateway. */
  readonly routes: readonly UnderlayRoute[];
}

export interface UnderlayRoute {
  readonly prefix: Prefix;
  readonly link: string;
  readonly gateway?: Address;
}

/** All that this host's plan depends on, beside the other hosts' leases. */
export interface HostFacts {
  readonly network: NetworkConfig;
  readonly underlay: Underlay;
  readonly subnets: PerFamily<Prefix>;
  readonly rotation?: Rotation;
}
