/**
 * What weft may hold in the kernel, as plain data. Every resource has a key (its place in the kernel:
 * two resources with one key cannot both exist) and the rest (what may differ at that place).
 */
import type { Address } from '../ip/address.ts';
import type { Mac } from '../ip/mac.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import type { PublicKey } from './wireguard.ts';

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
  /** Questions for neighbours are answered from those on the device, and go no further. */
  readonly proxy: boolean;
  /** The bridge that it is a port of, if any. */
  readonly master?: string;
  readonly up: boolean;
  /** IFLA_IFALIAS: how weft knows its own links again; begins with `weft`. */
  readonly alias: string;
}

/** A WireGuard device, of the kernel or of a program in user space: the same to everybody. */
export interface WireguardLink {
  readonly kind: 'link';
  readonly type: 'wireguard';
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly alias: string;
}

/** An ipip or GRE device without a far end of its own: routes or neighbours over it name the far ends. */
export interface TunnelLink {
  readonly kind: 'link';
  readonly type: 'ipip' | 'gre';
  readonly name: string;
  /** Source of the outer packets, IPv4. */
  readonly local: Address;
  readonly mtu: number;
  readonly up: boolean;
  readonly alias: string;
}

/** A TUN device and the program behind it, which sends packets as they are to the gateway of their route, by UDP. */
export interface UdpLink {
  readonly kind: 'link';
  readonly type: 'udp';
  readonly name: string;
  /** Of both ends of the outer packets: the address is this host's, the port everybody's. */
  readonly listen: SocketAddress;
  readonly mtu: number;
  readonly up: boolean;
  readonly alias: string;
}

/** weft's own bridge. */
export const BRIDGE = 'weft0';

/** A bridge that joins the endpoints of this host; it has their gateway's address. */
export interface BridgeLink {
  readonly kind: 'link';
  readonly type: 'bridge';
  readonly name: string;
  readonly mtu: number;
  /** Given, as the kernel would change it with every port. */
  readonly mac: Mac;
  readonly up: boolean;
  readonly alias: string;
}

/** This host's end of a pair whose other end is in the namespace of an endpoint; which one, the alias says (veth.ts). */
export interface VethLink {
  readonly kind: 'link';
  readonly type: 'veth';
  readonly name: string;
  readonly mtu: number;
  /** The bridge that it is a port of. */
  readonly master: string;
  readonly up: boolean;
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

export type Link =
  | VxlanLink
  | WireguardLink
  | TunnelLink
  | UdpLink
  | BridgeLink
  | VethLink
  | ForeignLink;

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
  /** On a GRE device the far end's IPv4 address: its link-layer addresses are those. */
  readonly mac: Mac | Address;
}

/** As the MAC of a forwarding entry: frames that have no entry of their own, broadcast and multicast among them. */
export const ALL_OTHERS = '00:00:00:00:00:00' as Mac;

/** A permanent forwarding entry of a VXLAN device: frames to `mac` go to the VTEP at `remote`; ALL_OTHERS to several. */
export interface FdbEntry {
  readonly kind: 'fdb';
  readonly link: string;
  readonly mac: Mac;
  readonly remote: Address;
}

/** The settings of a WireGuard device. Its private key is the one that `publicKey` belongs to, from the key file. */
export interface Wireguard {
  readonly kind: 'wireguard';
  readonly link: string;
  /** Undefined where the device has none yet. */
  readonly publicKey: PublicKey | undefined;
  /** UDP, of the outer packets. */
  readonly port: number;
}

/** Whom a WireGuard device sends to, and takes from. */
export interface WireguardPeer {
  readonly kind: 'wireguard-peer';
  readonly link: string;
  readonly publicKey: PublicKey;
  /** Undefined where the device has never heard of one. */
  readonly endpoint: SocketAddress | undefined;
  /** What is sent to it, and taken from it; sorted, each of them of one peer only. */
  readonly allowedIps: readonly Prefix[];
  /** In s; 0 is off. */
  readonly keepalive: number;
  /** A secret: goes to the device only, never into a text. */
  readonly presharedKey: string | undefined;
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
  /** RTAX_MTU: largest packet that this way carries, in bytes, where that is less than the link takes. */
  readonly mtu?: number;
}

/**
 * Metric of routes into nowhere: beyond those of all others, so that packets fall into the hole only while every other way
 * to that prefix is down or not made yet, when the default route would take them.
 */
export const BLACKHOLE_METRIC = 1_000_000;

export function blackholeTo(prefix: Prefix): Route {
  const metric = BLACKHOLE_METRIC;
  const protocol = ROUTE_PROTOCOL;
  return { kind: 'route', prefix, metric, type: 'blackhole', onlink: false, protocol };
}

/** A whole nftables table: its objects in the form of `nft -j list table`, without handles. */
export interface NftTable {
  readonly kind: 'nftables';
  readonly family: 'inet' | 'ip' | 'ip6';
  readonly table: string;
  readonly objects: readonly NftObject[];
}
export type NftObject = Readonly<Record<string, unknown>>;

/** Elements of a set, which the kernel keeps in no order, in one of their own. */
export function sortedElements(elements: readonly unknown[]): unknown[] {
  const text = (element: unknown): string => JSON.stringify(element);
  return elements.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
}

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

/** A command of the network configuration, and that it was run: what it brought about is beyond our sight. */
export interface Command {
  readonly kind: 'command';
  /** What it is run for. */
  readonly subject: string;
  /** Without a shell: words, and variables in them. Empty: nothing is run. */
  readonly line: string;
  /** What undoes it, with the same environment and input; empty: nothing does. */
  readonly undo: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What it reads. */
  readonly input: string;
}

export type Resource =
  | Sysctl
  | Link
  | LinkAddress
  | Neighbour
  | FdbEntry
  | Wireguard
  | WireguardPeer
  | Route
  | NftTable
  | IptablesRule
  | Command;
export type Kind = Resource['kind'];
export type Key = string & { readonly __brand: 'Key' };

/** rtm_protocol of every route weft makes (RFC: values above RTPROT_STATIC are for routing daemons to choose; 'w'). */
export const ROUTE_PROTOCOL = 119;

/** Every alias of a link of ours begins so. */
export const ALIAS_PREFIX = 'weft';

/** How the alias of a UdpLink begins; where it listens follows. */
export const UDP_ALIAS = 'weft udp ';

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
      return fdbKey(resource);
    case 'wireguard':
      return `wireguard ${resource.link}` as Key;
    case 'wireguard-peer':
      return `wireguard-peer ${resource.link} ${resource.publicKey}` as Key;
    case 'route':
      return `route ${resource.prefix} metric ${resource.metric}` as Key;
    case 'nftables':
      return `nftables ${resource.family} ${resource.table}` as Key;
    case 'iptables':
      return `iptables ${resource.family} ${resource.chain} ${resource.rule}` as Key;
    case 'command':
      return `command ${resource.subject}` as Key;
  }
}

/** The place of the table that keeps networks apart. */
export const FIREWALL_KEY = keyOf({
  kind: 'nftables',
  family: 'inet',
  table: TABLE_NAME,
  objects: [],
});

/** A MAC is at one place, but ALL_OTHERS. */
function fdbKey({ link, mac, remote }: FdbEntry): Key {
  return `fdb ${link} ${mac === ALL_OTHERS ? `${mac} ${remote}` : mac}` as Key;
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
    case 'wireguard':
    case 'wireguard-peer':
      return resource.link;
    case 'link':
      return 'master' in resource ? resource.master : undefined;
    case 'nftables':
    case 'iptables':
    case 'command':
      return undefined;
  }
}

/** Whether other resources may stand on the link, and go with it. A port of a bridge has nothing of its own. */
export function mayCarry(link: Link): boolean {
  return link.type !== 'veth';
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
  'wireguard',
  'neighbour',
  'fdb',
  'wireguard-peer',
  'route',
  'command',
];

/** One line for logs and tables, in the words of iproute2 where it has them. */
export function describe(resource: Resource): string {
  switch (resource.kind) {
    case 'sysctl':
      return `sysctl ${resource.path}=${resource.value}`;
    case 'link':
      return describeLink(resource);
    case 'address':
      return `address ${resource.address}/${resource.length} dev ${resource.link}`;
    case 'neighbour':
      return `neighbour ${resource.address} lladdr ${resource.mac} dev ${resource.link}`;
    case 'fdb':
      return `fdb ${resource.mac} dst ${resource.remote} dev ${resource.link}`;
    case 'wireguard':
      return `wireguard ${resource.link} public-key ${resource.publicKey ?? '(none)'} listen-port ${resource.port}`;
    case 'wireguard-peer':
      return describePeer(resource);
    case 'route':
      return describeRoute(resource);
    case 'nftables':
      return `nftables table ${resource.family} ${resource.table}`;
    case 'iptables':
      return `${resource.family === 'ip' ? 'iptables' : 'ip6tables'} ${resource.chain} ${resource.rule}`;
    case 'command':
      return `command for ${resource.subject}: ${resource.line}`;
  }
}

function describeLink(link: Link): string {
  switch (link.type) {
    case 'foreign':
      return `link ${link.name} (${link.description})`;
    case 'wireguard':
      return `link ${link.name} wireguard mtu ${link.mtu}`;
    case 'ipip':
    case 'gre':
      return `link ${link.name} ${link.type} local ${link.local} mtu ${link.mtu}`;
    case 'bridge':
      return `link ${link.name} bridge mtu ${link.mtu} address ${link.mac}`;
    case 'veth':
      return `link ${link.name} veth master ${link.master} mtu ${link.mtu} alias ${link.alias}`;
    case 'udp':
      return `link ${link.name} udp listen ${link.listen} mtu ${link.mtu}`;
    case 'vxlan':
      return (
        `link ${link.name} vxlan id ${link.vni} local ${link.local} dev ${link.lower} ` +
        `dstport ${link.port} mtu ${link.mtu} address ${link.mac}` +
        `${link.proxy ? ' proxy' : ''}${link.master === undefined ? '' : ` master ${link.master}`}`
      );
  }
}

/** That there is a preshared key is told, and not which. */
function describePeer(peer: WireguardPeer): string {
  return [
    `wireguard peer ${peer.publicKey}`,
    `endpoint ${peer.endpoint ?? '(none)'}`,
    `allowed-ips ${peer.allowedIps.join(',') || '(none)'}`,
    ...(peer.keepalive === 0 ? [] : [`persistent-keepalive ${peer.keepalive}`]),
    ...(peer.presharedKey === undefined ? [] : ['preshared-key (hidden)']),
    `dev ${peer.link}`,
  ].join(' ');
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
    route.mtu === undefined ? '' : `mtu ${route.mtu}`,
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
