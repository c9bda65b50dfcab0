/**
 * What a new network gets: a VNI and subnets that are nobody else's. From the same facts every host chooses the same;
 * that two do not choose at once, etcd sees to (networks.ts). Pure.
 */
import { FAMILIES, type Family } from '../ip/address.ts';
import {
  addressIn,
  baseOf,
  containsPrefix,
  familyOfPrefix,
  overlaps,
  prefixOf,
  rangeOf,
  type Prefix,
} from '../ip/prefix.ts';
import type { Pool } from '../ip/pool.ts';
import { perFamily, type PerFamily } from '../state/facts.ts';
import { VNI_LIMIT, type NetworkDefinition } from './definition.ts';
import { NetworkError } from './errors.ts';
import { networkSubnet, type NetworkSubnet, type SubnetChoice } from './subnet.ts';

/** Below it are the VNIs of meshes, which people choose. */
export const FIRST_VNI = 4096;
export const NETWORK_LIMIT = 4096;

/** What is somebody's: a new network must not overlap it. */
export interface Occupied {
  readonly prefix: Prefix;
  /** In words after "overlaps": `the network blue (10.77.0.0/16)`. */
  readonly what: string;
}

/** What is asked for in one family. `pool`: any free subnet. */
export type SubnetWish = SubnetChoice | 'pool';

/** Throws a NetworkError 'overlap', which names what is overlapped, or 'full'. */
export function chooseSubnets(
  wishes: PerFamily<SubnetWish>,
  occupied: readonly Occupied[],
  pools: readonly Pool[],
): PerFamily<NetworkSubnet> {
  const choose = (family: Family): NetworkSubnet | undefined => {
    const wish = wishes[family];
    if (wish === undefined) return undefined;
    if (wish === 'pool') return networkSubnet({ subnet: freeSubnet(family, occupied, pools) });
    const other = occupied.find((each) => overlaps(each.prefix, wish.subnet));
    if (other === undefined) return networkSubnet(wish);
    const message = `the subnet ${wish.subnet} overlaps ${other.what}`;
    throw new NetworkError('overlap', message, 'choose another, or leave it out');
  };
  return perFamily(choose(4), choose(6));
}

/** The first of the pools that overlaps nothing. */
function freeSubnet(family: Family, occupied: readonly Occupied[], pools: readonly Pool[]): Prefix {
  const own = pools.filter((pool) => familyOfPrefix(pool.prefix) === family);
  for (const pool of own) {
    const taken = occupied.filter((each) => overlaps(each.prefix, pool.prefix));
    const free = firstFree(
      pool,
      taken.map((each) => each.prefix),
    );
    if (free !== undefined) return free;
  }
  const message =
    own.length === 0
      ? `there is no pool of IPv${family} subnets`
      : `every IPv${family} subnet of the pools is taken`;
  throw new NetworkError('full', message, 'give one with --subnet, or pools with --network-pools');
}

/** Each step passes at least one that is taken, so there are no more steps than of these. */
function firstFree({ prefix: pool, length }: Pool, taken: readonly Prefix[]): Prefix | undefined {
  const { last } = rangeOf(pool);
  const size = 1n << BigInt(FAMILIES[familyOfPrefix(pool)].bits - length);
  let candidate: Prefix | undefined = prefixOf(baseOf(pool), length);
  while (candidate !== undefined) {
    const current: Prefix = candidate;
    const blocking = taken.find((each) => overlaps(each, current));
    if (blocking === undefined) return current;
    const end = containsPrefix(blocking, current) ? rangeOf(blocking).last : rangeOf(current).last;
    const next = (end / size + 1n) * size;
    candidate =
      next > last ? undefined : prefixOf(addressIn(pool, next - rangeOf(pool).first), length);
  }
  return undefined;
}

/** The lowest that no network and no mesh has. Throws a NetworkError 'full'. */
export function chooseVni(
  networks: Iterable<Pick<NetworkDefinition, 'vni'>>,
  meshes: Iterable<number>,
): number {
  const taken = new Set(meshes);
  for (const { vni } of networks) taken.add(vni);
  for (let vni = FIRST_VNI; vni <= VNI_LIMIT; vni++) if (!taken.has(vni)) return vni;
  throw new NetworkError('full', 'every VNI is taken', 'remove a network');
}

/** What networks have. */
export function occupiedBy(
  networks: Iterable<Pick<NetworkDefinition, 'name' | 'subnets'>>,
): Occupied[] {
  return [...networks].flatMap(({ name, subnets }) =>
    Object.values(subnets).map(({ subnet }) => ({
      prefix: subnet,
      what: `the network ${name} (${subnet})`,
    })),
  );
}
