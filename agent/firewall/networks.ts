/**
 * Networks that users have made, in the firewall of a host on which some stand: kept apart from each other, from the
 * leased range and from the world beyond the host, but for what their endpoints begin themselves. Sets name bridges and
 * subnets, so that the rules are the same for any number of networks and endpoints (docs/overlay.md).
 */
import type { Family } from '../ip/address.ts';
import { outermost, type Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import type { NftObject } from '../state/resource.ts';
import {
  accept,
  amongStates,
  arrivesOn,
  concat,
  drop,
  incoming,
  isIn,
  leavesBy,
  masquerade,
  named,
  outgoing,
  packet,
  ofVnis,
  set,
} from './objects.ts';
import type { EndpointBridge } from './vxlan.ts';

export interface FirewallNetwork {
  readonly bridge: string;
  readonly vni: number;
  /** Its packets come by a tunnel only. */
  readonly encrypted: boolean;
  readonly subnets: PerFamily<Prefix>;
  readonly internal: boolean;
}

export interface NetworkFirewall {
  /** Those that stand on this host. */
  readonly standing: readonly FirewallNetwork[];
  /** Subnets of all there are, here or elsewhere. */
  readonly known: readonly PerFamily<Prefix>[];
  /** UDP, of packets between hosts: all that are in use. */
  readonly ports: readonly number[];
  /** The encrypted link that hosts send by; undefined where none was ever known. */
  readonly tunnel?: string;
  /** Bridges that endpoints are on, of any network; none as long as users have made no network at all. */
  readonly endpoints: readonly EndpointBridge[];
}

export const NETWORKS = 'networks';
const BRIDGES = 'bridges';
const WITHIN = 'within';
const INTERNAL = 'internal';

/** What differs between the families, as data. */
const PER_FAMILY = [
  { family: 4, protocol: 'ip', type: 'ipv4_addr' },
  { family: 6, protocol: 'ip6', type: 'ipv6_addr' },
] as const satisfies readonly { family: Family; protocol: string; type: string }[];
type OfFamily = (typeof PER_FAMILY)[number];

/** `leased`: the range of the network whose subnets are leased. */
export function networkSets(
  { standing, known }: NetworkFirewall,
  leased: PerFamily<Prefix>,
): readonly NftObject[] {
  const bridges = standing.map(({ bridge }) => bridge);
  const internal = standing.filter((each) => each.internal).map(({ bridge }) => bridge);
  const within = bridges.map((bridge) => concat(bridge, bridge));
  const perFamily = PER_FAMILY.flatMap(({ family, type }) => {
    const subnets = standing.flatMap(({ bridge, internal, subnets: { [family]: subnet } }) =>
      subnet === undefined ? [] : [{ bridge, internal, subnet }],
    );
    const own = subnets.map(({ bridge, subnet }) => concat(bridge, named(subnet)));
    const leaving = subnets.filter((each) => !each.internal).map(({ subnet }) => subnet);
    const apart = [...known.map((each) => each[family]), leased[family]];
    return [
      set(`own${family}`, ['ifname', type], own, 'interval'),
      set(`apart${family}`, type, disjoint(apart).map(named), 'interval'),
      set(`leaving${family}`, type, disjoint(leaving).map(named), 'interval'),
    ];
  });
  return [
    set(BRIDGES, 'ifname', bridges),
    set(INTERNAL, 'ifname', internal),
    set(WITHIN, ['ifname', 'ifname'], within),
    ...perFamily,
  ];
}

/** In this order; the first that matches decides. Frames that a bridge forwards pass here, too, where br_netfilter is on. */
export function isolationRules(): readonly NftObject[] {
  const from = arrivesOn(`@${BRIDGES}`);
  const to = leavesBy(`@${BRIDGES}`);
  const stop = (comment: string, matches: readonly NftObject[]): NftObject =>
    drop(NETWORKS, comment, matches);
  return [
    accept(NETWORKS, 'within a network', [isIn([incoming(), outgoing()], WITHIN)]),
    stop('out of an internal network', [arrivesOn(`@${INTERNAL}`)]),
    stop('into an internal network', [leavesBy(`@${INTERNAL}`)]),
    ...PER_FAMILY.map(({ family, protocol }) =>
      stop('from an address of another network', [
        from,
        isIn([incoming(), packet(protocol).source], `own${family}`, '!='),
      ]),
    ),
    ...PER_FAMILY.map(({ family, protocol }) =>
      stop('into another network', [from, packet(protocol).toAny(`apart${family}`)]),
    ),
    accept(NETWORKS, 'answers to a network', [to, amongStates('established', 'related')]),
    stop('into a network', [to]),
  ];
}

/**
 * What comes of an encrypted network by another link than the tunnel was not sent by a peer. Where there is no tunnel
 * nothing comes of it, also while its port still stands.
 */
export function tunnelRules(
  chain: string,
  { standing, ports, tunnel }: NetworkFirewall,
): readonly NftObject[] {
  const vnis = standing.flatMap(({ encrypted, vni }) => (encrypted ? vni : []));
  if (vnis.length === 0) return [];
  return [
    drop(chain, 'of an encrypted network, in the clear', [
      ...(tunnel === undefined ? [] : [arrivesOn(tunnel, '!=')]),
      ...ofVnis(vnis, ports),
    ]),
  ];
}

/** At the host's edge, whatever --ip-masq says: nobody out there has a route to a network. */
export function leavingRules(chain: string, fullyRandom: boolean): readonly NftObject[] {
  return PER_FAMILY.map(({ family, protocol }: OfFamily) =>
    masquerade(
      chain,
      'network to outside',
      [packet(protocol).fromAny(`leaving${family}`), leavesBy(`@${BRIDGES}`, '!=')],
      fullyRandom,
    ),
  );
}

/** A set of intervals takes none that lies in another; whoever has the larger one is kept apart as well. */
function disjoint(prefixes: readonly (Prefix | undefined)[]): readonly Prefix[] {
  return outermost(prefixes.filter((each) => each !== undefined));
}
