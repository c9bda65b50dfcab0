/**
 * A backend: how packets for another host's subnet get there. Pure functions from facts to desired state,
 * so that a restart, a repair and a dry run need nothing of their own. Add a sibling by imitating
 * host-gw.ts and naming it in backends.ts.
 */
import type { Address, Family } from '../ip/address.ts';
import { PrefixTable } from '../ip/prefix-table.ts';
import type { HostFacts, Lease, PerFamily, Underlay } from '../state/facts.ts';
import type { Link, Resource } from '../state/resource.ts';
import type { PublicKey } from '../state/wireguard.ts';
import type { Aim, Way } from './ways.ts';

export interface Backend {
  /** The `Type` of the network configuration and the `BackendType` of leases. */
  readonly type: string;
  /** Names of the links that `plan` may ask for. */
  readonly links: readonly string[];
  /** Whether it uses this host's WireGuard key, so that the key can be changed. */
  readonly hasKey?: true;
  /** Options that both ends must have alike to reach each other. */
  readonly agreed?: Readonly<Record<string, unknown>>;
  /** A command whose output `publish` is given. */
  readonly startup?: string;
  /** What the operator should know of it, told at each start. */
  readonly notice?: string;
  /** What this host writes into its lease. */
  publish(facts: PublishFacts): Published;
  plan(facts: HostFacts, published: Published): MeshPlan;
}

/** The part of a lease that a backend decides. */
export type Published = Pick<
  Lease,
  'publicAddresses' | 'backendType' | 'backendData' | 'backendV6Data' | 'detour'
>;

export interface PublishFacts {
  readonly underlay: Underlay;
  /** Families of the network, as configured. */
  readonly families: readonly Family[];
  /** What we published before, if we did: our lease as it stood in etcd. */
  readonly before: Published | undefined;
  /** Which of `links` exist on this host now. */
  readonly existing: readonly Link[];
  /** Of this host's WireGuard key, which is made when it is first asked for. */
  readonly publicKey: () => PublicKey;
  /** The one it is changed to, as soon as peers shall know. */
  readonly newKey?: PublicKey | undefined;
  /** What the command `startup` wrote, if there is one. */
  readonly startupOutput?: string | undefined;
}

export interface MeshPlan {
  /** Largest packet a workload may send, in bytes. */
  readonly mtu: number;
  /**
   * What never goes in the clear between hosts, so that what arrives so is not ours, and dropped: everything, or what
   * would be answered by these links.
   */
  readonly encrypts?: 'everything' | { readonly links: readonly string[] };
  /** What this host needs whatever its peers are. */
  readonly host: readonly Resource[];
  /** What it needs besides while a key is changed: a peer's, or its own. */
  readonly detour?: readonly Resource[];
  /** What one peer's lease asks of this host; `way`: by what to send to it. Cost does not depend on the number of peers. */
  peer(lease: Lease, way?: Way): PeerPlan;
  /** Where what is sent to the peer shall go while a key is changed; undefined: as ever. */
  aim?(lease: Lease): Aim | undefined;
}

export interface PeerPlan {
  readonly resources: readonly Resource[];
  /** Why the peer, or one family of it, cannot be reached. */
  readonly problem?: string;
  /** Of a backend that chooses another one for each peer: which, and why, in one sentence. */
  readonly choice?: { readonly backend: string; readonly reason: string };
}

export function familiesOf(present: PerFamily<unknown>): Family[] {
  return ([4, 6] as const).filter((family) => present[family] !== undefined);
}

/** Finds the link on which an underlay address is a direct neighbour: its route has no gateway. */
export function directLinks(underlay: Underlay): (address: Address) => string | undefined {
  const routes = new PrefixTable(underlay.routes.map((route) => [route.prefix, route] as const));
  return (address) => {
    const route = routes.lookup(address);
    return route?.gateway === undefined ? route?.link : undefined;
  };
}

/**
 * The backend by which the host of a lease is reached. A lease without a type is flanneld's udp: weft's udp tells its
 * type, and a lease of weft's without one is of alloc. flanneld's alloc looks like its udp: that matters only
 * where a mesh of udp runs or ran, which then stands longer than it needs to.
 */
export function meshTypeOf({ backendType, node }: Pick<Lease, 'backendType' | 'node'>): string {
  return backendType === '' && node === undefined ? 'udp' : backendType;
}

/** The lease belongs to another kind of mesh: flanneld leaves such peers alone too. */
export function otherBackend(ours: string, lease: Lease): PeerPlan {
  const theirs = lease.backendType === '' ? 'no backend type' : `backend ${lease.backendType}`;
  return { resources: [], problem: `publishes ${theirs}, and this host runs ${ours}` };
}
