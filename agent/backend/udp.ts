/**
 * udp: packets as they are in UDP, by a program behind a TUN device. flanneld's contract (docs/backends.md), kept for
 * looking at what travels, and for hosts of a network whose configuration names no backend. The program sends each
 * packet to the gateway of its route (agent/kernel/udp).
 */
import { FAMILIES } from '../ip/address.ts';
import { baseOf } from '../ip/prefix.ts';
import { socketAddress } from '../ip/socket-address.ts';
import { perFamily, type HostFacts, type Lease } from '../state/facts.ts';
import { ROUTE_PROTOCOL, UDP_ALIAS, type Resource, type Route } from '../state/resource.ts';
import {
  otherBackend,
  type Backend,
  type MeshPlan,
  type PeerPlan,
  type Published,
  type PublishFacts,
} from './backend.ts';
import { OVERHEADS } from './path-mtu.ts';

export interface UdpOptions {
  /** Of every host. */
  readonly port: number;
}

const DEVICE = 'flannel0';
const NOTICE =
  'the udp backend sends every packet through a program in user space: it is slow and for debugging only; ' +
  'set Backend.Type of the network configuration to vxlan';

const PROBLEMS = {
  here: 'needs an IPv4 address on the underlay of this host',
  there: 'publishes no IPv4 address',
  v6: 'has an IPv6 subnet, which udp does not carry: set Backend.Type to vxlan',
} as const;

export function udp(options: UdpOptions): Backend {
  return {
    type: 'udp',
    links: [DEVICE],
    agreed: { port: options.port },
    notice: NOTICE,
    publish,
    plan: (facts) => plan(options, facts),
  };
}

/** flanneld publishes no type for it, and does not look at others'; with one, hosts see who has changed to it. */
function publish({ underlay, families }: PublishFacts): Published {
  const { 4: v4, 6: v6 } = underlay.publicAddresses;
  return {
    publicAddresses: perFamily(v4, families.includes(6) ? v6 : undefined),
    backendType: 'udp',
  };
}

function plan({ port }: UdpOptions, { network, subnets, underlay }: HostFacts): MeshPlan {
  const mtu = underlay.mtu - OVERHEADS.udp;
  const local = underlay.addresses[4];
  const [whole, subnet] = [network.ranges[4]?.network, subnets[4]];
  if (local === undefined || whole === undefined || subnet === undefined)
    return { mtu, host: [], peer: () => nothing(PROBLEMS.here) };
  const listen = socketAddress(local, port);
  const link = DEVICE;
  const host: Resource[] = [
    {
      kind: 'link',
      type: 'udp',
      name: link,
      listen,
      mtu,
      up: true,
      alias: `${UDP_ALIAS}${listen}`,
    },
    { kind: 'sysctl', path: `net/ipv6/conf/${link}/accept_ra`, value: '0', link },
    { kind: 'address', link, address: baseOf(subnet), length: FAMILIES[4].bits },
    // What has no peer gets there too, and is answered that there is none.
    { ...ROUTE, prefix: whole, onlink: false },
  ];
  return { mtu, host, peer };
}

function peer(lease: Lease): PeerPlan {
  if (lease.backendType !== 'udp' && lease.backendType !== '') return otherBackend('udp', lease);
  const gateway = lease.publicAddresses[4];
  const prefix = lease.subnets[4];
  const problem = lease.subnets[6] === undefined ? {} : { problem: PROBLEMS.v6 };
  if (prefix === undefined) return { resources: [], ...problem };
  if (gateway === undefined) return nothing(PROBLEMS.there);
  return { resources: [{ ...ROUTE, prefix, gateway, onlink: true }], ...problem };
}

const ROUTE: Omit<Route, 'prefix' | 'onlink'> = {
  kind: 'route',
  metric: 0,
  type: 'unicast',
  link: DEVICE,
  protocol: ROUTE_PROTOCOL,
};

function nothing(problem: string): PeerPlan {
  return { resources: [], problem };
}
