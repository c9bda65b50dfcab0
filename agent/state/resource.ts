/**
 * What weft may hold in the kernel, as plain data. Every resource has a key (its place in the kernel:
 * two resources with one key cannot both exist) and the rest (what may differ at that place).
 */
import type { Address } from '../ip/address.ts';
import type { Mac } from '../ip/mac.ts';
import type { Prefix } from '../ip/prefix.ts';

export interface Sysctl {
  readonly kind: 'sysctl';
  /** Below /proc/sys, slashes between the parts: `net/ipv6/conf/flannel.1/accept_ra`. */
  readonly path: string;
  readonly value: string;
  /** The link whose sysctl this is: it exists only while the link does. */
  readonly link?: string;
}

/** A VXLAN device, always up. Attributes as in linux/if_link.h, IFLA_VXLAN_*. */
export interface VxlanLink {
  readonly kind: 'link';
  readonly type: 'vxlan';
  readonly name: string;
  readonly vni: number;
  /** Source of the outer packets. */
  readonly local: Address;
  /** Name of the link below. */
  readonly lower: string;
  /** UDP destination port. */
  readonly port: number;
  readonly mtu: number;
  readonly mac: Mac;
  readonly learning: boolean;
  readonly gbp: boolean;
  readonly up: boolean;
  /** IFLA_IFALIAS: how weft knows its own links again; begins with `weft`. */
  readonly alias: string;
}

/** What stands where one of our links should, and is of another make. Only ever actual, never desired. */
export interface ForeignLink {
  readonly kind: 'link';
  readonly type: 'foreign';
  readonly name: string;
  /** `bridge`, `dummy`, `vxlan in metadata mode`, … for the log. */
  readonly description: string;
}

export type Link = VxlanLink | ForeignLink;

export interface LinkAddress {
  readonly kind: 'address';
  readonly link: string;
  readonly address: Address;
  readonly length: number;
}

/** A permanent neighbour entry: ARP or neighbour discovery answered from facts. */
export interface Neighbour {
  readonly kind: 'neighbour';
  readonly link: string;
  readonly address: Address;
  readonly mac: Mac;
}

/** A permanent forwarding entry of a VXLAN device: frames to `mac` go to the VTEP at `remote`. */
export interface FdbEntry {
  readonly kind: 'fdb';
  readonly link: string;
  readonly mac: Mac;
  readonly remote: Address;
}

/** A route of the main table. */
export interface Route {
  readonly kind: 'route';
  readonly prefix: Prefix;
  readonly metric: number;
  readonly type: 'unicast' | 'blackhole';
  readonly link?: string;
  readonly gateway?: Address;
  /** RTNH_F_ONLINK: the gateway is reachable on the link though no prefix says so. */
  readonly onlink: boolean;
  /** rtm_protocol; ROUTE_PROTOCOL when the route is ours. */
  readonly protocol: number;
}

/** A whole nftables table: its objects in the form of `nft -j list table`, without handles. */
export interface NftTable {
  readonly kind: 'nftables';
  readonly family: 'inet' | 'ip' | 'ip6';
  readonly table: string;
  readonly objects: readonly NftObject[];
}
export type NftObject = Readonly<Record<string, unknown>>;

/** One rule in a chain that belongs to somebody else (iptables' filter table), known again by its comment. */
export interface IptablesRule {
  readonly kind: 'iptables';
  readonly family: 'ip' | 'ip6';
  readonly chain: string;
  /** Arguments as `iptables -S` prints them, without `-A CHAIN`. */
  readonly rule: string;
  /** Where in the chain a new one goes. */
  readonly position: 'first' | 'last';
}

export type Resource =
  | Sysctl
  | Link
  | LinkAddress
  | Neighbour
  | FdbEntry
  | Route
  | NftTable
  | IptablesRule;
export type Kind = Resource['kind'];
export type Key = string & { readonly __brand: 'Key' };

/** rtm_protocol of every route weft makes (RFC: values above RTPROT_STATIC are for routing daemons to choose; 'w'). */
export const ROUTE_PROTOCOL = 119;

/** Every alias of a link of ours begins so. */
export const ALIAS_PREFIX = 'weft';

/** The name of every nftables table of ours. */
export const TABLE_NAME = 'weft';

/** The place of a resource in the kernel. */
export function keyOf(resource: Resource): Key {
  switch (resource.kind) {
    case 'sysctl':
      return `sysctl ${resource.path}` as Key;
    case 'link':
      return linkKey(resource.name);
    case 'address':
      return `address ${resource.link} ${resource.address}/${resource.length}` as Key;
    case 'neighbour':
      return `neighbour ${resource.link} ${resource.address}` as Key;
    case 'fdb':
      return `fdb ${resource.link} ${resource.mac}` as Key;
    case 'route':
      return `route ${resource.prefix} metric ${resource.metric}` as Key;
    case 'nftables':
      return `nftables ${resource.family} ${resource.table}` as Key;
    case 'iptables':
      return `iptables ${resource.family} ${resource.chain} ${resource.rule}` as Key;
  }
}

export function linkKey(name: string): Key {
  return `link ${name}` as Key;
}

/** The link a resource cannot exist without, if any. */
export function linkOf(resource: Resource): string | undefined {
  switch (resource.kind) {
    case 'sysctl':
    case 'route':
    case 'address':
    case 'neighbour':
    case 'fdb':
      return resource.link;
    case 'link':
    case 'nftables':
    case 'iptables':
      return undefined;
  }
}

/**
 * Creation goes up this list, removal down it: what is needed stands before what needs it, and a
 * route, which attracts traffic, comes last and goes first.
 */
export const KINDS_IN_ORDER: readonly Kind[] = [
  'link',
  'sysctl',
  'address',
  'nftables',
  'iptables',
  'neighbour',
  'fdb',
  'route',
];

/** One line for logs and tables, in the words of iproute2 where it has them. */
export function describe(resource: Resource): string {
  switch (resource.kind) {
    case 'sysctl':
      return `sysctl ${resource.path}=${resource.value}`;
    case 'link':
      return resource.type === 'foreign'
        ? `link ${resource.name} (${resource.description})`
        : `link ${resource.name} vxlan id ${resource.vni} local ${resource.local} dev ${resource.lower} ` +
            `dstport ${resource.port} mtu ${resource.mtu} address ${resource.mac}`;
    case 'address':
      return `address ${resource.address}/${resource.length} dev ${resource.link}`;
    case 'neighbour':
      return `neighbour ${resource.address} lladdr ${resource.mac} dev ${resource.link}`;
    case 'fdb':
      return `fdb ${resource.mac} dst ${resource.remote} dev ${resource.link}`;
    case 'route':
      return describeRoute(resource);
    case 'nftables':
      return `nftables table ${resource.family} ${resource.table}`;
    case 'iptables':
      return `${resource.family === 'ip' ? 'iptables' : 'ip6tables'} ${resource.chain} ${resource.rule}`;
  }
}

function describeRoute(route: Route): string {
  return [
    'route',
    route.type === 'blackhole' ? 'blackhole' : '',
    route.prefix,
    route.gateway === undefined ? '' : `via ${route.gateway}`,
    route.link === undefined ? '' : `dev ${route.link}`,
    route.onlink ? 'onlink' : '',
    route.metric === 0 ? '' : `metric ${route.metric}`,
  ]
    .filter((word) => word !== '')
    .join(' ');
}

/** Whether what is there is what is wanted: every attribute equal. */
export function same(a: Resource, b: Resource): boolean {
  return a === b || deepEqual(a, b);
}

function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = Object.entries(a);
  if (left.length !== Object.keys(b).length) return false;
  return left.every(([name, value]) => deepEqual(value, (b as Record<string, unknown>)[name]));
}
