/**
 * What the host's firewall must hold for the overlay: masquerading at its edge, forwarding that nobody
 * drops, and a route that swallows what nothing on this host takes. Semantics of flanneld's iptables
 * manager, in an nftables table of our own (docs/firewall.md).
 */
import type { Family } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import { FORWARD_CHAINS, FORWARD_COMMENT } from '../state/forward-chains.ts';
import {
  blackholeTo,
  TABLE_NAME,
  type IptablesRule,
  type NftObject,
  type NftTable,
  type Resource,
  type Route,
} from '../state/resource.ts';
import {
  accept,
  answeredBy,
  arrivesOn,
  bypassMark,
  chain,
  drop,
  masquerade,
  packet,
  returns,
  table,
} from './objects.ts';
import {
  isolationRules,
  leavingRules,
  NETWORKS,
  networkSets,
  tunnelRules,
  type NetworkFirewall,
} from './networks.ts';
import { endpointRules, endpointSets, tunnelEndRules, VXLAN } from './vxlan.ts';

export interface FirewallFacts {
  /** The overlay's whole range. */
  readonly networks: PerFamily<Prefix>;
  /** This host's part of it. */
  readonly subnets: PerFamily<Prefix>;
  /** `--ip-masq`. */
  readonly masquerade: boolean;
  /** Source ports by chance, not by the packet's own (NF_NAT_RANGE_PROTO_RANDOM_FULLY). */
  readonly fullyRandom: boolean;
  /** `--iptables-forward-rules`. */
  readonly forward: boolean;
  /** The iptables chain where an accept counts; none where iptables filters nothing. */
  readonly forwardChains: PerFamily<string>;
  /** `--ip-blackhole-route`. */
  readonly blackholeRoute: boolean;
  /** The link on which nothing of the overlay is ever in the clear; absent where the backend does not encrypt all. */
  readonly closedLink?: string;
  /** Links that are encrypted: what would be answered by them comes by nothing else. */
  readonly encryptedLinks?: readonly string[];
  /** Networks that users have made. */
  readonly userNetworks?: NetworkFirewall;
}

/** Priorities of linux/netfilter_ipv4.h: NF_IP_PRI_NAT_SRC and NF_IP_PRI_FILTER. */
const PRIORITY_SOURCE_NAT = 100;
const PRIORITY_FILTER = 0;
/** NF_IP_PRI_RAW: before connections are tracked, so that addresses are those on the wire. */
const PRIORITY_RAW = -300;

const POSTROUTING = 'postrouting';
const FORWARD = 'forward';
const CLEARTEXT = 'cleartext';

/** What differs between the families, as data. Multicast: RFC 1112 section 4 and RFC 4291 section 2.7. */
const PER_FAMILY = [
  { family: 4, protocol: 'ip', multicast: '224.0.0.0/4' as Prefix },
  { family: 6, protocol: 'ip6', multicast: 'ff00::/8' as Prefix },
] as const satisfies readonly { family: Family; protocol: string; multicast: Prefix }[];

export function firewallPlan(facts: FirewallFacts): readonly Resource[] {
  return [
    ...tableOf(facts),
    ...(facts.forward ? iptablesRules(facts) : []),
    ...(facts.blackholeRoute ? blackholeRoutes(facts) : []),
  ];
}

/** One table for both families, or none when there is nothing to put in. */
function tableOf(facts: FirewallFacts): readonly NftTable[] {
  const { userNetworks, networks } = facts;
  const hasNetworks = userNetworks !== undefined && userNetworks.standing.length > 0;
  const masquerading = [
    ...(facts.masquerade ? PER_FAMILY.flatMap((one) => masqueradeRules(facts, one)) : []),
    ...(hasNetworks ? leavingRules(POSTROUTING, facts.fullyRandom) : []),
  ];
  const forwarding = facts.forward ? PER_FAMILY.flatMap((one) => forwardRules(facts, one)) : [];
  const chains: NftObject[] = [];
  if (masquerading.length > 0) {
    chains.push(chain(POSTROUTING, 'nat', 'postrouting', PRIORITY_SOURCE_NAT));
    masquerading.unshift(returns(POSTROUTING, 'marked by others to be left alone', [bypassMark()]));
  }
  if (forwarding.length > 0) chains.push(chain(FORWARD, 'filter', 'forward', PRIORITY_FILTER));
  if (hasNetworks) chains.push(chain(NETWORKS, 'filter', 'forward', PRIORITY_FILTER));
  const dropping = [
    ...(hasNetworks ? tunnelRules(CLEARTEXT, userNetworks) : []),
    ...PER_FAMILY.flatMap((one) => cleartextRules(facts, one)),
    ...encryptedRules(facts),
  ];
  if (dropping.length > 0) chains.push(chain(CLEARTEXT, 'filter', 'prerouting', PRIORITY_RAW));
  const guard = guardOf(facts);
  chains.push(...guard.chains);
  if (chains.length === 0) return [];
  const sets = hasNetworks ? networkSets(userNetworks, networks) : [];
  const isolating = hasNetworks ? isolationRules() : [];
  const rules = [...masquerading, ...forwarding, ...isolating, ...dropping, ...guard.rules];
  const objects = [table(), ...sets, ...guard.sets, ...chains, ...rules];
  return [{ kind: 'nftables', family: 'inet', table: TABLE_NAME, objects }];
}

/** As soon as there are networks that must not be got into, here or elsewhere. */
function guardOf({
  userNetworks,
  subnets,
}: FirewallFacts): Record<'sets' | 'chains' | 'rules', readonly NftObject[]> {
  const { endpoints = [], ports = [], tunnel } = userNetworks ?? {};
  if (endpoints.length === 0) return { sets: [], chains: [], rules: [] };
  return {
    sets: endpointSets(endpoints),
    chains: [chain(VXLAN, 'filter', 'prerouting', PRIORITY_RAW)],
    rules: [
      ...endpointRules(ports),
      ...(tunnel === undefined ? [] : tunnelEndRules(tunnel, ports, subnets)),
    ],
  };
}

/** In flanneld's order; the first that matches decides. */
function masqueradeRules(
  { networks, subnets, fullyRandom }: FirewallFacts,
  { family, protocol, multicast }: (typeof PER_FAMILY)[number],
): NftObject[] {
  const network = networks[family];
  const subnet = subnets[family];
  if (network === undefined || subnet === undefined) return [];
  const { from, notFrom, to, notTo } = packet(protocol);
  const translate = (comment: string, matches: readonly NftObject[]): NftObject =>
    masquerade(POSTROUTING, comment, matches, fullyRandom);
  const keep = (comment: string, matches: readonly NftObject[]): NftObject =>
    returns(POSTROUTING, comment, matches);
  return [
    keep('overlay to overlay keeps its source', [from(subnet), to(network)]),
    keep('overlay to overlay keeps its source', [from(network), to(subnet)]),
    keep('outside to this host keeps its source', [notFrom(network), to(subnet)]),
    translate('overlay to outside', [from(network), notTo(multicast)]),
    translate('outside to overlay', [notFrom(network), to(network)]),
  ];
}

function forwardRules(
  { networks }: FirewallFacts,
  { family, protocol }: (typeof PER_FAMILY)[number],
): NftObject[] {
  const network = networks[family];
  if (network === undefined) return [];
  const { from, to } = packet(protocol);
  return [
    accept(FORWARD, 'from the overlay', [from(network)]),
    accept(FORWARD, 'to the overlay', [to(network)]),
  ];
}

/**
 * Where tunnels are encrypted, what comes off the underlay with an address of the overlay was not sent by a peer: it
 * would get in past the keys.
 */
function cleartextRules(
  { networks, closedLink }: FirewallFacts,
  { family, protocol }: (typeof PER_FAMILY)[number],
): NftObject[] {
  const network = networks[family];
  if (network === undefined || closedLink === undefined) return [];
  const { from, to } = packet(protocol);
  const off = arrivesOn(closedLink);
  return [
    drop(CLEARTEXT, 'in the clear from the overlay', [off, from(network)]),
    drop(CLEARTEXT, 'in the clear to the overlay', [off, to(network)]),
  ];
}

/**
 * Where only some tunnels are encrypted, what comes from a host behind one of them must have come by it. The kernel's
 * own routes say who is behind them, so that the rules are the same for any number of peers.
 */
function encryptedRules({ networks, encryptedLinks = [] }: FirewallFacts): NftObject[] {
  const passing = encryptedLinks.map((link) =>
    returns(CLEARTEXT, 'came encrypted', [arrivesOn(link)]),
  );
  const dropping = PER_FAMILY.flatMap(({ family, protocol }) => {
    const network = networks[family];
    if (network === undefined) return [];
    return encryptedLinks.map((link) =>
      drop(CLEARTEXT, 'in the clear from behind a tunnel', [
        packet(protocol).from(network),
        answeredBy(link),
      ]),
    );
  });
  return [...passing, ...dropping];
}

/**
 * An accept in our table does not keep another table from dropping, so the accept goes into that table
 * too. The text is what `iptables -S` prints.
 */
function iptablesRules({ networks, userNetworks, forwardChains }: FirewallFacts): IptablesRule[] {
  return PER_FAMILY.flatMap(({ family, protocol }) => {
    const name = forwardChains[family];
    const position = FORWARD_CHAINS.find((known) => known.name === name)?.position;
    if (name === undefined || position === undefined) return [];
    const ours = [networks, ...(userNetworks?.standing ?? []).map(({ subnets }) => subnets)];
    return ours
      .flatMap((each) => each[family] ?? [])
      .flatMap((network) =>
        ['-s', '-d'].map((side) => ({
          kind: 'iptables',
          family: protocol,
          chain: name,
          rule: `${side} ${network} -m comment --comment "${FORWARD_COMMENT}" -j ACCEPT`,
          position,
        })),
      );
  });
}

/**
 * flanneld's has the default metric: in v4 that is the place of the bridge's connected route, so the kernel refuses the
 * second of the two (EEXIST).
 */
function blackholeRoutes({ subnets }: FirewallFacts): Route[] {
  return PER_FAMILY.flatMap(({ family }) => {
    const prefix = subnets[family];
    return prefix === undefined ? [] : [blackholeTo(prefix)];
  });
}
