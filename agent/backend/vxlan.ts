/**
 * vxlan: a VTEP device for each outer family, and for each peer a neighbour, an FDB entry and a route, so
 * that nothing is ever flooded. Device names, addresses and published data are flanneld's contract
 * (docs/flannel.md).
 *
 * Workloads of a family travel over VTEPs of the same outer family where both hosts have it, else over the
 * other: IPv6 workloads cross an IPv4-only underlay, and the reverse. flanneld knows only the first case.
 */
import { createHash } from 'node:crypto';
import { FAMILIES, type Address, type Family } from '../ip/address.ts';
import { isUnicastMac, localMac, parseMac, type Mac } from '../ip/mac.ts';
import { baseOf, type Prefix } from '../ip/prefix.ts';
import type { HostFacts, Lease, PerFamily, Underlay } from '../state/facts.ts';
import {
  keyOf,
  ROUTE_PROTOCOL,
  type Link,
  type Resource,
  type VxlanLink,
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

export interface VxlanOptions {
  readonly vni: number;
  /** UDP port; the kernel's default is 8472. */
  readonly port: number;
  /** Size of an outer packet, in bytes; the underlay link's MTU when absent. */
  readonly mtu?: number;
  readonly gbp: boolean;
  readonly learning: boolean;
  /** Peers on a link of ours are reached without encapsulation. */
  readonly directRouting: boolean;
}

export function vxlan(options: VxlanOptions): Backend {
  return {
    type: 'vxlan',
    links: [deviceName(options, 4), deviceName(options, 6)],
    agreed: { vni: options.vni, port: options.port },
    publish: (facts) => publish(options, facts),
    plan: (facts, published) => plan(options, facts, published),
  };
}

function deviceName({ vni }: VxlanOptions, outer: Family): string {
  return `${outer === 4 ? 'flannel' : 'flannel-v6'}.${vni}`;
}

const OTHER: Readonly<Record<Family, Family>> = { 4: 6, 6: 4 };

/** The outer families a host sends in: each workload family's own where the underlay has it, else the other. */
function outerFamilies(families: readonly Family[], addresses: PerFamily<Address>): Family[] {
  const outer = families.map((family) =>
    addresses[family] === undefined ? OTHER[family] : family,
  );
  return [...new Set(outer)].filter((family) => addresses[family] !== undefined);
}

// ---- what we tell the others ----

function publish(options: VxlanOptions, facts: PublishFacts): Published {
  const addresses = facts.underlay.publicAddresses;
  const outer = outerFamilies(facts.families, addresses);
  const data = (family: Family): object | undefined =>
    outer.includes(family)
      ? { VNI: options.vni, VtepMAC: vtepMac(options, facts, family) }
      : undefined;
  const [v4, v6] = [data(4), data(6)];
  return {
    publicAddresses: Object.fromEntries(outer.map((family) => [family, addresses[family]])),
    backendType: 'vxlan',
    ...(v4 === undefined ? {} : { backendData: v4 }),
    ...(v6 === undefined ? {} : { backendV6Data: v6 }),
  };
}

/**
 * The MAC must outlive restarts and reboots, or peers would send to a stranger until they hear of the new
 * one: that of the device if it stays, else the one in our lease, else one derived from our public address.
 */
function vtepMac(
  options: VxlanOptions,
  { existing, before, underlay }: PublishFacts,
  outer: Family,
): Mac {
  const name = deviceName(options, outer);
  const device = existing.find((link) => link.name === name && isReusable(options, link));
  if (device?.type === 'vxlan') return device.mac;
  const published = before?.backendType === 'vxlan' ? vtepMacOf(before, outer) : undefined;
  if (published !== undefined) return published;
  const identity = `weft vtep ${underlay.publicAddresses[outer]} ${options.vni} ${outer}`;
  return localMac(createHash('sha256').update(identity).digest());
}

/** Whether the kernel can bring the device to our wish without making it anew (flannel-compatible section 7.2). */
function isReusable(options: VxlanOptions, link: Link): boolean {
  if (link.type !== 'vxlan' || !isUnicastMac(link.mac)) return false;
  return link.vni === options.vni && link.port === options.port && link.gbp === options.gbp;
}

/** The VTEP's MAC in a lease, or undefined if it is missing or cannot be one. VNI is not looked at, as in flanneld. */
function vtepMacOf(
  lease: Pick<Lease, 'backendData' | 'backendV6Data'>,
  outer: Family,
): Mac | undefined {
  const data = outer === 4 ? lease.backendData : lease.backendV6Data;
  if (typeof data !== 'object' || data === null) return undefined;
  const entry = Object.entries(data).find(([name]) => name.toLowerCase() === 'vtepmac');
  const text: unknown = entry?.[1];
  const mac = typeof text === 'string' ? parseMac(text) : undefined;
  return mac !== undefined && isUnicastMac(mac) ? mac : undefined;
}

// ---- what the kernel shall hold ----

function plan(options: VxlanOptions, facts: HostFacts, published: Published): MeshPlan {
  const devices = devicesOf(options, facts, published);
  const linkTo = options.directRouting ? directLinks(facts.underlay) : () => undefined;
  return {
    mtu: Math.min(...devices.map(({ mtu }) => mtu)),
    host: [...devices.flatMap(deviceResources), ...ownAddresses(options, facts, published)],
    peer: (lease) => peerPlan(options, facts, published, linkTo, lease),
  };
}

function devicesOf(
  options: VxlanOptions,
  { underlay }: HostFacts,
  published: Published,
): VxlanLink[] {
  return familiesOf(published.publicAddresses).flatMap((outer) => {
    const mac = vtepMacOf(published, outer);
    const local = underlay.addresses[outer] ?? published.publicAddresses[outer];
    if (mac === undefined || local === undefined) return [];
    return {
      kind: 'link',
      type: 'vxlan',
      name: deviceName(options, outer),
      vni: options.vni,
      local,
      lower: underlay.link,
      port: options.port,
      mtu: outerMtu(options, underlay) - FAMILIES[outer].vxlanOverhead,
      mac,
      learning: options.learning,
      gbp: options.gbp,
      proxy: false,
      up: true,
      alias: `weft vxlan ${options.vni}`,
    };
  });
}

function outerMtu({ mtu }: VxlanOptions, underlay: Underlay): number {
  return mtu ?? underlay.mtu;
}

function deviceResources(device: VxlanLink): Resource[] {
  const path = `net/ipv6/conf/${device.name}/accept_ra`;
  return [device, { kind: 'sysctl', path, value: '0', link: device.name }];
}

/** The subnet's base address on the device: the source of what the host itself sends to workloads. */
function ownAddresses(
  options: VxlanOptions,
  { subnets }: HostFacts,
  published: Published,
): Resource[] {
  return familiesOf(subnets).flatMap((family) => {
    const subnet = subnets[family];
    const [outer] = outerFamilies([family], published.publicAddresses);
    if (subnet === undefined || outer === undefined) return [];
    const link = deviceName(options, outer);
    return { kind: 'address', link, address: baseOf(subnet), length: FAMILIES[family].bits };
  });
}

function peerPlan(
  options: VxlanOptions,
  facts: HostFacts,
  published: Published,
  linkTo: (address: Address) => string | undefined,
  lease: Lease,
): PeerPlan {
  if (lease.backendType !== 'vxlan') return otherBackend('vxlan', lease);
  const resources = new Map<string, Resource>();
  const problems: string[] = [];
  for (const family of familiesOf(facts.subnets)) {
    const prefix = lease.subnets[family];
    if (prefix === undefined) continue;
    const gateway = lease.publicAddresses[family];
    const link = gateway === undefined ? undefined : linkTo(gateway);
    if (gateway !== undefined && link !== undefined) {
      const route = gatewayRoute({ prefix, gateway, link });
      resources.set(keyOf(route), route);
      continue;
    }
    const vtep = vtepFor(family, published, lease);
    if (vtep === undefined) problems.push(`publishes no usable VTEP for ${prefix}`);
    else for (const each of tunnel(options, prefix, vtep)) resources.set(keyOf(each), each);
  }
  const all = [...resources.values()];
  return problems.length === 0
    ? { resources: all }
    : { resources: all, problem: problems.join('; ') };
}

interface Vtep {
  readonly outer: Family;
  readonly mac: Mac;
  readonly remote: Address;
}

/** The peer's VTEP for workloads of `family`: over the same outer family if both hosts have it, else the other. */
function vtepFor(family: Family, published: Published, lease: Lease): Vtep | undefined {
  for (const outer of [family, OTHER[family]]) {
    const mac = vtepMacOf(lease, outer);
    const remote = lease.publicAddresses[outer];
    const isOurs = published.publicAddresses[outer] !== undefined;
    if (isOurs && mac !== undefined && remote !== undefined) return { outer, mac, remote };
  }
  return undefined;
}

/** The three entries of section 7.3, in iproute2's words: `B lladdr M`, `M dst P self`, `S via B onlink`. */
function tunnel(options: VxlanOptions, prefix: Prefix, { outer, mac, remote }: Vtep): Resource[] {
  const link = deviceName(options, outer);
  const gateway = baseOf(prefix);
  return [
    { kind: 'neighbour', link, address: gateway, mac },
    { kind: 'fdb', link, mac, remote },
    {
      kind: 'route',
      prefix,
      metric: 0,
      type: 'unicast',
      link,
      gateway,
      onlink: true,
      protocol: ROUTE_PROTOCOL,
    },
  ];
}
