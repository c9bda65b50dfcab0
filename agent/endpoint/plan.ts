/** What endpoints want in this host's kernel, and inside their namespaces. Pure. */
import { addressToBytes, FAMILIES, familyOf, type Address, type Family } from '../ip/address.ts';
import { macFromBytes, type Mac } from '../ip/mac.ts';
import { containsAddress, lengthOf, parsePrefix, type Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import {
  BRIDGE,
  ROUTE_PROTOCOL,
  type LinkAddress,
  type Resource,
  type Route,
  type VethLink,
} from '../state/resource.ts';
import { vethAlias, vethName } from '../state/veth.ts';
import { gatewayOf } from './address-pool.ts';
import type { Endpoint, Place } from './endpoint.ts';

const BRIDGE_ALIAS = 'weft bridge';

/** The network of the endpoints on this host. */
export interface NetworkFacts {
  readonly subnets: PerFamily<Prefix>;
  /** What the whole network has. */
  readonly ranges: PerFamily<Prefix>;
  /** Largest packet that an endpoint may send, in bytes. */
  readonly mtu: number;
}

export interface FoundBridge {
  readonly name: string;
  readonly addresses: readonly { readonly address: Address; readonly length: number }[];
}

/**
 * The bridge that endpoints join: one of somebody else's that has the gateway's address, as Docker's and CNI's have by
 * flannel's convention, else weft's own. Of several the first by name.
 */
export function bridgeFor({ subnets }: NetworkFacts, others: readonly FoundBridge[]): string {
  const gateways = Object.values(subnets).map(gatewayOf);
  const adopted = others
    .filter(({ addresses }) => addresses.some(({ address }) => gateways.includes(address)))
    .map(({ name }) => name)
    .toSorted();
  return adopted[0] ?? BRIDGE;
}

/** weft's own bridge with the gateway's addresses; forwarding is on, as without it no endpoint would leave the host. */
export function bridgeResources({ subnets, mtu }: NetworkFacts): readonly Resource[] {
  const gateways = Object.values(subnets).map((subnet): LinkAddress => {
    const address = gatewayOf(subnet);
    return { kind: 'address', link: BRIDGE, address, length: lengthOf(subnet) };
  });
  const [first] = gateways;
  if (first === undefined) return [];
  const mac = macFor(first.address);
  return [
    { kind: 'link', type: 'bridge', name: BRIDGE, mtu, mac, up: true, alias: BRIDGE_ALIAS },
    ...gateways,
    ...gateways.map(({ address }): Resource => ({
      kind: 'sysctl',
      path: FORWARDING[familyOf(address)],
      value: '1',
    })),
  ];
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
  readonly sysctls: Readonly<Record<string, string>>;
}

/** The other end: addresses, the route to the network, and the default one unless there is one or another was asked for. */
export function insideOf(
  { addresses: given }: Endpoint,
  { link, mac, gateway }: Place,
  { subnets, ranges, mtu }: NetworkFacts,
): InsidePlan {
  const subnetOf = (address: Address): Prefix | undefined =>
    Object.values(subnets).find((subnet) => containsAddress(subnet, address));
  const reachable = Object.values(given).flatMap((address) => {
    const subnet = subnetOf(address);
    return subnet === undefined ? [] : [{ address, subnet, family: familyOf(address) }];
  });
  const route = (prefix: Prefix, to: Address): Route => ({
    kind: 'route',
    prefix,
    metric: 0,
    type: 'unicast',
    link,
    gateway: to,
    onlink: false,
    protocol: ROUTE_PROTOCOL,
  });
  const routes = reachable.flatMap(({ subnet, family }) => {
    const range = ranges[family];
    const toNetwork =
      range === undefined || range === subnet ? [] : [route(range, gatewayOf(subnet))];
    const asked = gateway !== undefined && gateway !== 'none' && familyOf(gateway) === family;
    const byDefault = route(ANY[family], asked ? gateway : gatewayOf(subnet));
    return [
      ...toNetwork.map((each) => ({ route: each, yields: false })),
      ...(gateway === 'none' ? [] : [{ route: byDefault, yields: !asked }]),
    ];
  });
  const addresses = reachable.map(({ address, subnet }): LinkAddress => ({
    kind: 'address',
    link,
    address,
    length: lengthOf(subnet),
  }));
  return { link, mac, mtu, addresses, routes, sysctls: sysctlsOf(link, reachable) };
}

const ANY: Readonly<Record<Family, Prefix>> = {
  4: parsePrefix('0.0.0.0/0') as Prefix,
  6: parsePrefix('::/0') as Prefix,
};

/** arp_notify: neighbours that knew the address with another MAC are told. Containers often have IPv6 switched off. */
function sysctlsOf(
  link: string,
  addresses: readonly { readonly family: Family }[],
): Readonly<Record<string, string>> {
  const v6 = {
    [`net/ipv6/conf/${link}/disable_ipv6`]: '0',
    [`net/ipv6/conf/${link}/accept_ra`]: '0',
  };
  return {
    [`net/ipv4/conf/${link}/arp_notify`]: '1',
    ...(addresses.some(({ family }) => family === 6) ? v6 : {}),
  };
}

/** How Docker makes a MAC of an address: 02:42 and the IPv4 address, or the end of the IPv6 one. The same address has the same MAC. */
export function macFor(address: Address): Mac {
  const bytes = addressToBytes(address).slice(-FAMILIES[4].bytes);
  return macFromBytes(Uint8Array.of(0x02, 0x42, ...bytes));
}
