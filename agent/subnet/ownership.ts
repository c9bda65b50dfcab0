/** Whose a lease is, and whether its subnets fit the network configuration. */
import { addressToInteger, type Address } from '../ip/address.ts';
import { baseOf, lengthOf, type Prefix } from '../ip/prefix.ts';
import { perFamily, type NetworkConfig, type PerFamily, type SubnetRange } from '../state/facts.ts';
import type { LeaseAttributes } from './lease-value.ts';
import { isRefused, type Parsed } from './parsed.ts';

export interface Identity {
  /** Unique to this host and the same over restarts. */
  readonly node: string;
  /** As the backend publishes them: over another underlay, not in the families of the network. */
  readonly publicAddresses: PerFamily<Address>;
}

/**
 * Ours, as far as the value tells: a weft host's names its node, and must also carry our address, as two hosts
 * cloned from one image have one node id. Any other is known by its address alone: flanneld's of this host, or
 * one that an operator reserved for it.
 */
export function isOurs(
  lease: LeaseAttributes,
  identity: Identity,
  network: NetworkConfig,
): boolean {
  if (lease.node !== undefined && lease.node !== identity.node) return false;
  return sharesAddress(lease, identity, network);
}

/**
 * Whether the lease publishes our address: v4, or v6 where v4 is off, as flannel compares; and the other one
 * where we have only that.
 */
export function sharesAddress(
  lease: LeaseAttributes,
  { publicAddresses }: Identity,
  network: NetworkConfig,
): boolean {
  const inOrder = network.ranges[4] === undefined ? ([6, 4] as const) : ([4, 6] as const);
  const family = inOrder.find((each) => publicAddresses[each] !== undefined);
  return family !== undefined && lease.publicAddresses[family] === publicAddresses[family];
}

/** Whether these are subnets that the configuration would lease: every family that is on, and no other. */
export function isCompatible(subnets: PerFamily<Prefix>, { ranges }: NetworkConfig): boolean {
  return ([4, 6] as const).every((family) => {
    const subnet = subnets[family];
    const range = ranges[family];
    if (subnet === undefined || range === undefined) return subnet === range;
    return isIn(range, subnet);
  });
}

function isIn({ first, last, subnetLength }: SubnetRange, subnet: Prefix): boolean {
  const base = addressToInteger(baseOf(subnet));
  return (
    lengthOf(subnet) === subnetLength &&
    addressToInteger(first) <= base &&
    base <= addressToInteger(last)
  );
}

export function sameSubnets(a: PerFamily<Prefix>, b: PerFamily<Prefix>): boolean {
  return a[4] === b[4] && a[6] === b[6];
}

/** Only the families that are on. */
export function enabledOnly<T>(values: PerFamily<T>, { ranges }: NetworkConfig): PerFamily<T> {
  return perFamily(ranges[4] && values[4], ranges[6] && values[6]);
}

/** Who a value says its key belongs to, in words. */
export function ownerIn(parsed: Parsed<LeaseAttributes>): string {
  if (isRefused(parsed)) return parsed.reason;
  const { publicAddresses, node } = parsed.value;
  const address = publicAddresses[4] ?? publicAddresses[6] ?? 'an unknown address';
  return `the host at ${address}${node === undefined ? '' : ` (node ${node})`} has it`;
}
