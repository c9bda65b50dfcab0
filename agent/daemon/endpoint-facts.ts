/** What endpoints are planned from: this host's part of the network, and the bridges of others. */
import { BRIDGE } from '../state/resource.ts';
import { gatewaysIn, type FoundBridge, type NetworkFacts } from '../endpoint/plan.ts';
import type { Address } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { Netlink } from '../kernel/netlink/netlink.ts';
import type { NetworkDefinition } from '../network/definition.ts';
import {
  bridgeAlias,
  bridgeName,
  carrierOf,
  overlayMtu,
  portsOf,
  type OverlayHost,
} from '../network/overlay.ts';
import { perFamily, type PerFamily } from '../state/facts.ts';
import type { Planner } from './planner.ts';

const BRIDGE_ALIAS = 'weft bridge';

/** Undefined before there is a lease. */
export function factsOf({ facts, mtu }: Planner): NetworkFacts | undefined {
  if (facts === undefined || mtu === undefined) return undefined;
  const families = ([4, 6] as const).filter((family) => facts.subnets[family] !== undefined);
  const ranges = families.map((family) => [family, facts.network.ranges[family]?.network]);
  return {
    subnets: facts.subnets,
    gateways: gatewaysIn(facts.subnets),
    ranges: Object.fromEntries(ranges),
    mtu,
    bridge: BRIDGE,
    alias: BRIDGE_ALIAS,
    ports: [],
    internal: false,
  };
}

/** Of a network that users have made; undefined where this host has nothing that may carry it. */
export function factsOfNetwork(
  definition: NetworkDefinition,
  overlay: OverlayHost,
): NetworkFacts | undefined {
  const carrier = carrierOf(definition, overlay);
  if (carrier === undefined) return undefined;
  const subnets = subnetsOf(definition);
  return {
    subnets,
    gateways: gatewaysOf(definition),
    ranges: subnets,
    mtu: overlayMtu(definition, carrier),
    bridge: bridgeName(definition),
    alias: bridgeAlias(definition),
    ports: portsOf(definition, overlay),
    internal: definition.internal,
  };
}

type Subnets = Pick<NetworkDefinition, 'subnets'>;

export function subnetsOf({ subnets }: Subnets): PerFamily<Prefix> {
  return perFamily(subnets[4]?.subnet, subnets[6]?.subnet);
}

export function gatewaysOf({ subnets }: Subnets): PerFamily<Address> {
  return perFamily(subnets[4]?.gateway, subnets[6]?.gateway);
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
