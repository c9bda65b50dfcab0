/**
 * ipip and gre: one device that has no far end of its own; the entry for each peer says where its packets go. Name, MTU
 * and routes of ipip are flanneld's contract (docs/backends.md); gre is weft's own, in the same shape, and carries IPv6
 * workloads too. The outer packets are IPv4 with either.
 */
import { FAMILIES, type Address } from '../ip/address.ts';
import { baseOf } from '../ip/prefix.ts';
import { perFamily, type HostFacts, type Lease } from '../state/facts.ts';
import {
  ROUTE_PROTOCOL,
  type LinkAddress,
  type Resource,
  type Route,
  type TunnelLink,
} from '../state/resource.ts';
import {
  directLinks,
  familiesOf,
  otherBackend,
  type Backend,
  type MeshPlan,
  type PeerPlan,
  type Published,
  type PublishFacts,
} from './backend.ts';
import { gatewayRoute } from './host-gw.ts';
import { OVERHEADS } from './path-mtu.ts';

export interface TunnelOptions {
  /** Peers on a link of ours are reached without encapsulation. */
  readonly directRouting: boolean;
}

interface Kind {
  readonly type: TunnelLink['type'];
  readonly device: string;
  readonly carriesIpv6: boolean;
  /** What sends packets for `route.prefix`, a route without its way yet, through the device to `remote`. */
  readonly entries: (route: Omit<Route, 'gateway'>, remote: Address, device: string) => Resource[];
}

export function ipip(options: TunnelOptions): Backend {
  return backendOf(IPIP, options);
}

export function gre(options: TunnelOptions): Backend {
  return backendOf(GRE, options);
}

const IPIP: Kind = {
  type: 'ipip',
  device: 'flannel.ipip',
  carriesIpv6: false,
  // The kernel takes the gateway for the far end (net/ipv4/ip_tunnel.c, ip_tunnel_xmit).
  entries: (route, remote) => [{ ...route, gateway: remote }],
};

const GRE: Kind = {
  type: 'gre',
  device: 'weft.gre',
  carriesIpv6: true,
  // It has link-layer addresses, which are those of the far ends (net/ipv4/ip_gre.c, ipgre_header).
  entries: (route, remote, link) => {
    const gateway = baseOf(route.prefix);
    return [
      { kind: 'neighbour', link, address: gateway, mac: remote },
      { ...route, gateway },
    ];
  },
};

function backendOf(kind: Kind, options: TunnelOptions): Backend {
  return {
    type: kind.type,
    links: [kind.device],
    publish: (facts) => publish(kind, facts),
    plan: (facts) => plan(kind, options, facts),
  };
}

function publish({ type }: Kind, { underlay, families }: PublishFacts): Published {
  const { 4: v4, 6: v6 } = underlay.publicAddresses;
  return {
    publicAddresses: perFamily(v4, families.includes(6) ? v6 : undefined),
    backendType: type,
  };
}

function plan(kind: Kind, options: TunnelOptions, facts: HostFacts): MeshPlan {
  const { underlay, subnets } = facts;
  const mtu = underlay.mtu - OVERHEADS[kind.type];
  const local = underlay.addresses[4];
  const host =
    local === undefined ? [] : [...deviceOf(kind, local, mtu), ...ownAddresses(kind, facts)];
  const linkTo = options.directRouting ? directLinks(underlay) : () => undefined;
  const peer = (lease: Lease): PeerPlan => {
    if (lease.backendType !== kind.type) return otherBackend(kind.type, lease);
    const plans = familiesOf(subnets).map((family): PeerPlan => {
      const prefix = lease.subnets[family];
      if (prefix === undefined) return { resources: [] };
      const gateway = lease.publicAddresses[family];
      const link = gateway === undefined ? undefined : linkTo(gateway);
      if (gateway !== undefined && link !== undefined)
        return { resources: [{ ...gatewayRoute({ prefix, gateway, link }), onlink: true }] };
      if (family === 6 && !kind.carriesIpv6) return nothing(NO_IPV6);
      const remote = lease.publicAddresses[4];
      if (local === undefined) return nothing('needs an IPv4 address on the underlay of this host');
      if (remote === undefined) return nothing('publishes no IPv4 address');
      const route = { ...ROUTE, prefix, link: kind.device };
      return { resources: kind.entries(route, remote, kind.device) };
    });
    const problems = plans.flatMap(({ problem }) => problem ?? []);
    const resources = plans.flatMap((each) => each.resources);
    return problems.length === 0 ? { resources } : { resources, problem: problems.join('; ') };
  };
  return { mtu, host, peer };
}

const NO_IPV6 = 'has an IPv6 subnet, which ipip does not carry: set Backend.Type to gre or vxlan';
const ROUTE = {
  kind: 'route',
  metric: 0,
  type: 'unicast',
  onlink: true,
  protocol: ROUTE_PROTOCOL,
} as const;

function nothing(problem: string): PeerPlan {
  return { resources: [], problem };
}

function deviceOf({ type, device }: Kind, local: Address, mtu: number): Resource[] {
  const link: TunnelLink = {
    kind: 'link',
    type,
    name: device,
    local,
    mtu,
    up: true,
    alias: `weft ${type}`,
  };
  const path = `net/ipv6/conf/${device}/accept_ra`;
  return [link, { kind: 'sysctl', path, value: '0', link: device }];
}

/** The subnet's base address on the device: the source of what the host itself sends to workloads. */
function ownAddresses({ device, carriesIpv6 }: Kind, { subnets }: HostFacts): LinkAddress[] {
  return familiesOf(subnets).flatMap((family): LinkAddress[] => {
    const subnet = subnets[family];
    if (subnet === undefined || (family === 6 && !carriesIpv6)) return [];
    const { bits } = FAMILIES[family];
    return [{ kind: 'address', link: device, address: baseOf(subnet), length: bits }];
  });
}
