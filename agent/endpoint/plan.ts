/** What endpoints want in this host's kernel, and inside their namespaces. Pure. */
import { addressToBytes, FAMILIES, familyOf, type Address, type Family } from '../ip/address.ts';
import { macFromBytes, type Mac } from '../ip/mac.ts';
import { containsAddress, lengthOf, parsePrefix, type Prefix } from '../ip/prefix.ts';
import { perFamily, type PerFamily } from '../state/facts.ts';
import {
  ROUTE_PROTOCOL,
  type LinkAddress,
  type Resource,
  type Route,
  type VethLink,
} from '../state/resource.ts';
import { vethAlias, vethName } from '../state/veth.ts';
import { gatewayOf } from './address-pool.ts';
import type { Endpoint, Place } from './endpoint.ts';

/** A network, as endpoints on this host find it. */
export interface NetworkFacts {
  readonly subnets: PerFamily<Prefix>;
  /** Of the families that it has subnets of. */
  readonly gateways: PerFamily<Address>;
  /** weft's own for it. */
  readonly bridge: string;
  readonly alias: string;
  /** What stands with the bridge: its ports to other hosts. */
  readonly ports: readonly Resource[];
  /** Nothing is forwarded out of it: another network's way out is the better one. */
  readonly internal: boolean;
  /** What the whole network has. */
  readonly ranges: PerFamily<Prefix>;
  /** Largest packet that an endpoint may send, in bytes. */
  readonly mtu: number;
}

export interface FoundBridge {
  readonly name: string;
  readonly addresses: readonly { readonly address: Address; readonly length: number }[];
}

/** By flannel's convention. */
export function gatewaysIn(subnets: PerFamily<Prefix>): PerFamily<Address> {
  return perFamily(subnets[4] && gatewayOf(subnets[4]), subnets[6] && gatewayOf(subnets[6]));
}

/**
 * The bridge that endpoints join: one of somebody else's that has the gateway's address, as Docker's and CNI's have by
 * flannel's convention, else weft's own. Of several the first by name.
 */
export function bridgeFor(
  { gateways: own, bridge }: NetworkFacts,
  others: readonly FoundBridge[],
): string {
  const gateways = Object.values(own);
  const adopted = others
    .filter(({ addresses }) => addresses.some(({ address }) => gateways.includes(address)))
    .map(({ name }) => name)
    .toSorted();
  return adopted[0] ?? bridge;
}

/**
 * weft's own bridge with the gateway's addresses. Its MAC follows from these, so that a network's gateway has the same
 * one on every host.
 */
export function bridgeResources(network: NetworkFacts): readonly Resource[] {
  const { subnets, gateways: own, bridge: link, alias, ports, mtu } = network;
  const gateways = ([4, 6] as const).flatMap((family): LinkAddress[] => {
    const [subnet, address] = [subnets[family], own[family]];
    if (subnet === undefined || address === undefined) return [];
    return [{ kind: 'address', link, address, length: lengthOf(subnet) }];
  });
  const [first] = gateways;
  if (first === undefined) return [];
  const mac = macFor(first.address);
  return [
    { kind: 'link', type: 'bridge', name: link, mtu, mac, up: true, alias },
    // Also without IPv6: this host would take a router for one of its endpoints' word.
    { kind: 'sysctl', path: `net/ipv6/conf/${link}/accept_ra`, value: '0', link },
    ...gateways,
    ...ports,
  ];
}

/** Without forwarding, no endpoint of these would leave the host. */
export function forwardingFor(networks: readonly NetworkFacts[]): readonly Resource[] {
  return ([4, 6] as const)
    .filter((family) => networks.some(({ gateways }) => gateways[family] !== undefined))
    .map((family) => ({ kind: 'sysctl', path: FORWARDING[family], value: '1' }));
}

const FORWARDING: Readonly<Record<Family, string>> = {
  4: 'net/ipv4/ip_forward',
  6: 'net/ipv6/conf/all/forwarding',
};

/** Our end of the pair. */
export function vethOf({ id }: Endpoint, place: Place, master: string, mtu: number): VethLink {
  const { namespace, link, mac } = place;
  const alias = vethAlias({ endpoint: id, name: link, mac, namespace });
  return { kind: 'link', type: 'veth', name: vethName(id), mtu, master, up: true, alias };
}

export interface InsidePlan {
  readonly link: string;
  readonly mac: Mac;
  readonly mtu: number;
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly { readonly route: Route; readonly yields: boolean }[];
  /** Routes that make way for these. */
  readonly displaced: readonly Route[];
  readonly sysctls: Readonly<Record<string, string>>;
}

/** Two of weft's in one namespace: which the default routes are of, and whose made way for it just now. */
export interface WaysOut {
  /** Families in which another network's is the better way out. */
  readonly elsewhere: ReadonlySet<Family>;
  readonly displaced: readonly Route[];
}
const ALONE: WaysOut = { elsewhere: new Set(), displaced: [] };

/** The other end: addresses, the route to the network, and the default one unless there is one or another was asked for. */
export function insideOf(
  { addresses: given }: Endpoint,
  { link, mac, gateway }: Place,
  { subnets, gateways, ranges, mtu }: NetworkFacts,
  { elsewhere, displaced }: WaysOut = ALONE,
): InsidePlan {
  const subnetOf = (address: Address): Prefix | undefined =>
    Object.values(subnets).find((subnet) => containsAddress(subnet, address));
  const reachable = Object.values(given).flatMap((address) => {
    const subnet = subnetOf(address);
    return subnet === undefined ? [] : [{ address, subnet, family: familyOf(address) }];
  });
  const routes = reachable.flatMap(({ subnet, family }) => {
    const range = ranges[family];
    const own = gateways[family];
    if (own === undefined) return [];
    const toNetwork = range === undefined || range === subnet ? [] : [routeBy(link, range, own)];
    const asked = gateway !== undefined && gateway !== 'none' && familyOf(gateway) === family;
    const byDefault = routeBy(link, ANY[family], asked ? gateway : own);
    const hasDefault = gateway !== 'none' && (asked || !elsewhere.has(family));
    return [
      ...toNetwork.map((each) => ({ route: each, yields: false })),
      ...(hasDefault ? [{ route: byDefault, yields: !asked }] : []),
    ];
  });
  const addresses = reachable.map(({ address, subnet }): LinkAddress => ({
    kind: 'address',
    link,
    address,
    length: lengthOf(subnet),
  }));
  const sysctls = sysctlsOf(link, reachable);
  return { link, mac, mtu, addresses, routes, displaced, sysctls };
}

function routeBy(link: string, prefix: Prefix, gateway: Address): Route {
  const protocol = ROUTE_PROTOCOL;
  return {
    kind: 'route',
    prefix,
    metric: 0,
    type: 'unicast',
    link,
    gateway,
    onlink: false,
    protocol,
  };
}

/** The default route that an endpoint has, or would have. */
export function wayOut(
  { link }: Place,
  { gateways }: NetworkFacts,
  family: Family,
): Route | undefined {
  const gateway = gateways[family];
  return gateway && routeBy(link, ANY[family], gateway);
}

const ANY: Readonly<Record<Family, Prefix>> = {
  4: parsePrefix('0.0.0.0/0') as Prefix,
  6: parsePrefix('::/0') as Prefix,
};

/**
 * arp_notify: neighbours that knew the address with another MAC are told. accept_ra: another endpoint is no router.
 * Containers often have IPv6 switched off.
 */
function sysctlsOf(
  link: string,
  addresses: readonly { readonly family: Family }[],
): Readonly<Record<string, string>> {
  const hasV6 = addresses.some(({ family }) => family === 6);
  return {
    [`net/ipv4/conf/${link}/arp_notify`]: '1',
    [`net/ipv6/conf/${link}/accept_ra`]: '0',
    ...(hasV6 ? { [`net/ipv6/conf/${link}/disable_ipv6`]: '0' } : {}),
  };
}

/** How Docker makes a MAC of an address: 02:42 and the IPv4 address, or the end of the IPv6 one. The same address has the same MAC. */
export function macFor(address: Address): Mac {
  const bytes = addressToBytes(address).slice(-FAMILIES[4].bytes);
  return macFromBytes(Uint8Array.of(0x02, 0x42, ...bytes));
}
