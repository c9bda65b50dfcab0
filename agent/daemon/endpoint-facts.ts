/** What endpoints are planned from: this host's part of the network, and the bridges of others. */
import { BRIDGE } from '../state/resource.ts';
import type { FoundBridge, NetworkFacts } from '../endpoint/plan.ts';
import type { Netlink } from '../kernel/netlink/netlink.ts';
import type { Planner } from './planner.ts';

/** Undefined before there is a lease. */
export function factsOf({ facts, mtu }: Planner): NetworkFacts | undefined {
  if (facts === undefined || mtu === undefined) return undefined;
  const families = ([4, 6] as const).filter((family) => facts.subnets[family] !== undefined);
  const ranges = families.map((family) => [family, facts.network.ranges[family]?.network]);
  return { subnets: facts.subnets, ranges: Object.fromEntries(ranges), mtu };
}

/** Rejects with a KernelError. */
export async function bridgesOf(netlink: Netlink): Promise<FoundBridge[]> {
  const links = await netlink.readLinks();
  const bridges = links.filter(({ type, name }) => type === 'bridge' && name !== BRIDGE);
  if (bridges.length === 0) return [];
  const addresses = await netlink.readAddresses();
  return bridges.map(({ name }) => ({
    name,
    addresses: addresses.filter(({ link }) => link === name),
  }));
}
