/**
 * Who may send VXLAN: hosts alone. Such a packet says itself which network it is of, so that one of an endpoint's would
 * get into any: by this host's own VTEP, by another's, whose peers it seems to come from once it is masqueraded, and by
 * a tunnel's end (docs/overlay.md).
 */
import type { Family } from '../ip/address.ts';
import { lengthOf, type Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import type { NftObject } from '../state/resource.ts';
import {
  arrivesOn,
  concat,
  drop,
  incoming,
  isIn,
  named,
  ofHosts,
  packet,
  returns,
  set,
  toPorts,
  toUnicast,
} from './objects.ts';

/** A bridge that endpoints are on, and what they reach on it. */
export interface EndpointBridge {
  readonly bridge: string;
  readonly subnets: PerFamily<Prefix>;
}

export const VXLAN = 'vxlan';
const ENDPOINTS = 'endpoints';

/** What differs between the families, as data. */
const PER_FAMILY = [
  { family: 4, protocol: 'ip', type: 'ipv4_addr' },
  { family: 6, protocol: 'ip6', type: 'ipv6_addr' },
] as const satisfies readonly { family: Family; protocol: string; type: string }[];

export function endpointSets(bridges: readonly EndpointBridge[]): readonly NftObject[] {
  const beside = PER_FAMILY.map(({ family, type }) => {
    const elements = bridges.flatMap(({ bridge, subnets: { [family]: subnet } }) =>
      subnet === undefined ? [] : [concat(bridge, named(subnet))],
    );
    return set(`beside${family}`, ['ifname', type], elements, 'interval');
  });
  const names = bridges.map(({ bridge }) => bridge);
  return [set(ENDPOINTS, 'ifname', names), ...beside];
}

/** Among themselves endpoints may; where br_netfilter is on, that passes here, too. */
export function endpointRules(ports: readonly number[]): readonly NftObject[] {
  const from = arrivesOn(`@${ENDPOINTS}`);
  return [
    ...PER_FAMILY.map(({ family, protocol }) =>
      returns(VXLAN, 'among endpoints of a bridge', [
        isIn([incoming(), packet(protocol).destination], `beside${family}`),
        toUnicast(),
      ]),
    ),
    drop(VXLAN, 'VXLAN of an endpoint', [from, toPorts(ports)]),
  ];
}

/** Peers of a tunnel are hosts with all of their subnets, of which the first address alone is the host's own. */
export function tunnelEndRules(
  tunnel: string,
  ports: readonly number[],
  subnets: PerFamily<Prefix>,
): readonly NftObject[] {
  return PER_FAMILY.flatMap(({ family, protocol }) => {
    const subnet = subnets[family];
    if (subnet === undefined) return [];
    const isNoHost = ofHosts(protocol, lengthOf(subnet), '!=');
    return [
      drop(VXLAN, 'VXLAN of no host, by a tunnel', [arrivesOn(tunnel), toPorts(ports), isNoHost]),
    ];
  });
}
