/** Links as netlink tells and takes them (struct ifinfomsg, linux/rtnetlink.h; attributes in linux/if_link.h). Pure. */
import { familyOf, type Address } from '../../ip/address.ts';
import type { Mac } from '../../ip/mac.ts';
import { parseSocketAddress, type SocketAddress } from '../../ip/socket-address.ts';
import {
  ALIAS_PREFIX,
  UDP_ALIAS,
  type BridgeLink,
  type Link,
  type TunnelLink,
  type VethLink,
  type VxlanLink,
  type WireguardLink,
} from '../../state/resource.ts';
import type { VethPeer } from '../../state/veth.ts';
import { WIREGUARD_ALIAS } from '../../state/wireguard.ts';
import * as nl from './constants.ts';
import { readIpTunnel, writeIpTunnelInfo, type IpTunnelRecord } from './ip-tunnel.ts';
import { Attributes, LITTLE_ENDIAN, type Message, type MessageWriter } from './message.ts';

const FIXED_BYTES = 16;

/** A link as the kernel tells it. */
export interface LinkRecord {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly mac?: Mac | undefined;
  readonly alias: string;
  /** IFLA_INFO_KIND, or `loopback`; absent for real devices. */
  readonly type?: string | undefined;
  /** The bridge that it is a port of. */
  readonly masterIndex?: number | undefined;
  readonly vxlan?: VxlanRecord | undefined;
  readonly tunnel?: IpTunnelRecord | undefined;
}

interface VxlanRecord {
  readonly vni: number;
  readonly local?: Address | undefined;
  readonly lowerIndex: number;
  readonly port: number;
  readonly learning: boolean;
  readonly gbp: boolean;
  readonly proxy: boolean;
  /** What makes it another device than ours, in the words of `ip link`. */
  readonly oddities: readonly string[];
}

/** Indexes of the links that one is made on: below it, and the bridge that it is a port of; 0: none. */
export interface Surroundings {
  readonly lower: number;
  readonly master: number;
}

/** The fixed part of a request that asks for links: all, or the one of that index. */
export function writeLinkRequest(writer: MessageWriter, index = 0): void {
  writeFixed(writer, index, 0, 0);
  writer.u32Attribute(nl.IFLA_EXT_MASK, nl.RTEXT_FILTER_SKIP_STATS);
}

export function writeLinkRequestByName(writer: MessageWriter, name: string): void {
  writeLinkRequest(writer);
  writer.textAttribute(nl.IFLA_IFNAME, name);
}

/**
 * The body of RTM_NEWLINK that makes the device; it is down and has no alias yet, as the kernel takes the alias
 * only of a link that exists. TTL, TOS and the rest as flanneld sends them.
 */
export function writeVxlan(
  writer: MessageWriter,
  link: VxlanLink,
  { lower, master }: Surroundings,
): void {
  writeFixed(writer, 0, 0, 0);
  writer.textAttribute(nl.IFLA_IFNAME, link.name);
  writer.u32Attribute(nl.IFLA_MTU, link.mtu);
  writer.macAttribute(nl.IFLA_ADDRESS, link.mac);
  if (master !== 0) writer.u32Attribute(nl.IFLA_MASTER, master);
  writeVxlanInfo(writer, link, lower, true);
}

/** The body of RTM_NEWLINK that makes the device, down and without an alias, as above. */
export function writeWireguard(writer: MessageWriter, { name, mtu }: WireguardLink): void {
  writeFixed(writer, 0, 0, 0);
  writer.textAttribute(nl.IFLA_IFNAME, name);
  writer.u32Attribute(nl.IFLA_MTU, mtu);
  const info = writer.beginNest(nl.IFLA_LINKINFO);
  writer.textAttribute(nl.IFLA_INFO_KIND, 'wireguard');
  writer.endNest(info);
}

/** The body of RTM_NEWLINK that makes the device, as above. */
export function writeIpTunnel(writer: MessageWriter, link: TunnelLink): void {
  writeFixed(writer, 0, 0, 0);
  writer.textAttribute(nl.IFLA_IFNAME, link.name);
  writer.u32Attribute(nl.IFLA_MTU, link.mtu);
  writeIpTunnelInfo(writer, link);
}

/**
 * The body of RTM_NEWLINK that makes the device, as above. Its MTU is set afterwards: only one that was changed stays
 * when ports come and go (net/bridge/br_if.c, br_mtu_auto_adjust).
 */
export function writeBridge(writer: MessageWriter, { name, mac }: BridgeLink): void {
  writeFixed(writer, 0, 0, 0);
  writer.textAttribute(nl.IFLA_IFNAME, name);
  writer.macAttribute(nl.IFLA_ADDRESS, mac);
  const info = writer.beginNest(nl.IFLA_LINKINFO);
  writer.textAttribute(nl.IFLA_INFO_KIND, 'bridge');
  writer.endNest(info);
}

/** The body of RTM_NEWLINK that makes a pair, one end of it at once in the namespace that `netns` is open on. */
export function writeVeth(
  writer: MessageWriter,
  { name, mtu }: VethLink,
  { master }: Surroundings,
  peer: VethPeer,
  netns: number,
): void {
  writeFixed(writer, 0, 0, 0);
  writer.textAttribute(nl.IFLA_IFNAME, name);
  writer.u32Attribute(nl.IFLA_MTU, mtu);
  writer.u32Attribute(nl.IFLA_MASTER, master);
  const info = writer.beginNest(nl.IFLA_LINKINFO);
  writer.textAttribute(nl.IFLA_INFO_KIND, 'veth');
  const data = writer.beginNest(nl.IFLA_INFO_DATA);
  const other = writer.beginNest(nl.VETH_INFO_PEER);
  writeFixed(writer, 0, 0, 0);
  writer.textAttribute(nl.IFLA_IFNAME, peer.name);
  writer.u32Attribute(nl.IFLA_MTU, mtu);
  writer.macAttribute(nl.IFLA_ADDRESS, peer.mac);
  writer.u32Attribute(nl.IFLA_NET_NS_FD, netns);
  writer.endNest(other);
  writer.endNest(data);
  writer.endNest(info);
}

/** What of a link may be set while it exists. */
type LinkSettings = Partial<Pick<VxlanLink, 'mtu' | 'mac' | 'alias' | 'up'>> & {
  /** 0: it is nobody's port. */
  readonly masterIndex?: number;
};

/** The body of RTM_NEWLINK that changes a link. */
export function writeLinkChange(
  writer: MessageWriter,
  index: number,
  settings: LinkSettings,
): void {
  const { up } = settings;
  writeFixed(writer, index, up === true ? nl.IFF_UP : 0, up === undefined ? 0 : nl.IFF_UP);
  if (settings.mtu !== undefined) writer.u32Attribute(nl.IFLA_MTU, settings.mtu);
  if (settings.mac !== undefined) writer.macAttribute(nl.IFLA_ADDRESS, settings.mac);
  if (settings.masterIndex !== undefined) writer.u32Attribute(nl.IFLA_MASTER, settings.masterIndex);
  if (settings.alias !== undefined) writer.textAttribute(nl.IFLA_IFALIAS, settings.alias);
}

/** The body of RTM_NEWLINK that gives the link of that name its alias, before its index is known. */
export function writeAliasByName(writer: MessageWriter, name: string, alias: string): void {
  writeFixed(writer, 0, 0, 0);
  writer.textAttribute(nl.IFLA_IFNAME, name);
  writer.textAttribute(nl.IFLA_IFALIAS, alias);
}

/** The body of RTM_NEWLINK that changes what of a tunnel the kernel lets change: lower link, local address, learning. */
export function writeTunnelChange(
  writer: MessageWriter,
  index: number,
  link: VxlanLink | TunnelLink,
  lowerIndex: number,
): void {
  writeFixed(writer, index, 0, 0);
  if (link.type !== 'vxlan') return writeIpTunnelInfo(writer, link);
  writeVxlanInfo(writer, link, lowerIndex, false);
}

/** The body of RTM_DELLINK. */
export function writeLinkRemoval(writer: MessageWriter, index: number): void {
  writeFixed(writer, index, 0, 0);
}

function writeFixed(writer: MessageWriter, index: number, flags: number, change: number): void {
  writer.u8(nl.AF_UNSPEC).u8(0).u16(0).u32(index).u32(flags).u32(change);
}

function writeVxlanInfo(
  writer: MessageWriter,
  link: VxlanLink,
  lowerIndex: number,
  creating: boolean,
): void {
  const info = writer.beginNest(nl.IFLA_LINKINFO);
  writer.textAttribute(nl.IFLA_INFO_KIND, 'vxlan');
  const data = writer.beginNest(nl.IFLA_INFO_DATA);
  writer.u32Attribute(nl.IFLA_VXLAN_ID, link.vni);
  writer.u32Attribute(nl.IFLA_VXLAN_LINK, lowerIndex);
  const localType = familyOf(link.local) === 6 ? nl.IFLA_VXLAN_LOCAL6 : nl.IFLA_VXLAN_LOCAL;
  writer.addressAttribute(localType, link.local);
  writer.u8Attribute(nl.IFLA_VXLAN_LEARNING, link.learning ? 1 : 0);
  if (creating) {
    writer.u16NetworkAttribute(nl.IFLA_VXLAN_PORT, link.port);
    for (const off of ALWAYS_ZERO) writer.u8Attribute(off, 0);
    writer.u8Attribute(nl.IFLA_VXLAN_PROXY, link.proxy ? 1 : 0);
    if (link.gbp) writer.flagAttribute(nl.IFLA_VXLAN_GBP);
  }
  writer.endNest(data);
  writer.endNest(info);
}

const ALWAYS_ZERO = [
  nl.IFLA_VXLAN_TTL,
  nl.IFLA_VXLAN_TOS,
  nl.IFLA_VXLAN_RSC,
  nl.IFLA_VXLAN_L2MISS,
  nl.IFLA_VXLAN_L3MISS,
  nl.IFLA_VXLAN_UDP_ZERO_CSUM6_TX,
  nl.IFLA_VXLAN_UDP_ZERO_CSUM6_RX,
];

/** The link a RTM_NEWLINK or RTM_DELLINK is about; undefined for bridge ports' own messages and what is cut short. */
export function readLink(message: Message): LinkRecord | undefined {
  if (message.end - message.start < FIXED_BYTES) return undefined;
  // A message of AF_BRIDGE tells of a port's place in its bridge, not of the link.
  if (message.view.getUint8(message.start) !== nl.AF_UNSPEC) return undefined;
  const attributes = Attributes.of(message, FIXED_BYTES);
  const name = attributes.text(nl.IFLA_IFNAME);
  if (name === undefined) return undefined;
  const flags = message.view.getUint32(message.start + 8, LITTLE_ENDIAN);
  const info = attributes.nested(nl.IFLA_LINKINFO);
  const kind = info?.text(nl.IFLA_INFO_KIND);
  const data = info?.nested(nl.IFLA_INFO_DATA);
  return {
    index: message.view.getUint32(message.start + 4, LITTLE_ENDIAN),
    name,
    mtu: attributes.u32(nl.IFLA_MTU) ?? 0,
    up: (flags & nl.IFF_UP) !== 0,
    mac: attributes.mac(nl.IFLA_ADDRESS),
    alias: attributes.text(nl.IFLA_IFALIAS) ?? '',
    type: kind ?? ((flags & nl.IFF_LOOPBACK) === 0 ? undefined : 'loopback'),
    masterIndex: attributes.u32(nl.IFLA_MASTER),
    vxlan: kind === 'vxlan' && data !== undefined ? readVxlan(data) : undefined,
    tunnel: readIpTunnel(kind, data),
  };
}

function readVxlan(data: Attributes): VxlanRecord {
  return {
    vni: data.u32(nl.IFLA_VXLAN_ID) ?? 0,
    local: data.address(nl.IFLA_VXLAN_LOCAL) ?? data.address(nl.IFLA_VXLAN_LOCAL6),
    lowerIndex: data.u32(nl.IFLA_VXLAN_LINK) ?? 0,
    port: data.u16Network(nl.IFLA_VXLAN_PORT) ?? 0,
    learning: data.u8(nl.IFLA_VXLAN_LEARNING) === 1,
    gbp: data.has(nl.IFLA_VXLAN_GBP),
    proxy: data.u8(nl.IFLA_VXLAN_PROXY) === 1,
    oddities: ODDITIES.filter(({ type, word }) =>
      word === 'group' ? data.has(type) : (data.u8(type) ?? 0) !== 0,
    ).map(({ word }) => word),
  };
}

const ODDITIES = [
  { type: nl.IFLA_VXLAN_COLLECT_METADATA, word: 'external' },
  { type: nl.IFLA_VXLAN_GROUP, word: 'group' },
  { type: nl.IFLA_VXLAN_GROUP6, word: 'group' },
  { type: nl.IFLA_VXLAN_RSC, word: 'rsc' },
  { type: nl.IFLA_VXLAN_L2MISS, word: 'l2miss' },
  { type: nl.IFLA_VXLAN_L3MISS, word: 'l3miss' },
];

/** The record in the words of the desired state; `nameOf` names the lower link. */
export function linkResource(
  record: LinkRecord,
  nameOf: (index: number) => string | undefined,
): Link {
  const { name, vxlan, mac } = record;
  if (isWireguard(record)) {
    const { mtu, up, alias } = record;
    return { kind: 'link', type: 'wireguard', name, mtu, up, alias };
  }
  const listen = udpListen(record);
  if (listen !== undefined) {
    const { mtu, up, alias } = record;
    return { kind: 'link', type: 'udp', name, listen, mtu, up, alias };
  }
  if (record.tunnel !== undefined) return tunnelResource(record, record.tunnel);
  const joining = bridgeOrVeth(record, nameOf);
  if (joining !== undefined) return joining;
  if (vxlan === undefined || mac === undefined)
    return { kind: 'link', type: 'foreign', name, description: record.type ?? 'a real device' };
  const lower = nameOf(vxlan.lowerIndex);
  const { local, oddities } = vxlan;
  if (local === undefined || lower === undefined || oddities.length > 0) {
    const words = ['vxlan id', vxlan.vni, ...oddities];
    if (local === undefined) words.push('without a local address');
    if (lower === undefined) words.push('without a link below');
    return { kind: 'link', type: 'foreign', name, description: words.join(' ') };
  }
  const { vni, port, learning, gbp, proxy } = vxlan;
  const { mtu, up, alias } = record;
  const settings = { vni, local, lower, port, mtu, mac, learning, gbp, proxy, up, alias };
  const master = nameOf(record.masterIndex ?? 0);
  const place = master === undefined ? {} : { master };
  return { kind: 'link', type: 'vxlan', name, ...settings, ...place };
}

function bridgeOrVeth(
  { name, mtu, mac, up, alias, type, masterIndex = 0 }: LinkRecord,
  nameOf: (index: number) => string | undefined,
): Link | undefined {
  if (type === 'bridge' && mac !== undefined)
    return { kind: 'link', type, name, mtu, mac, up, alias };
  const master = nameOf(masterIndex) ?? '';
  return type === 'veth' ? { kind: 'link', type, name, mtu, master, up, alias } : undefined;
}

function tunnelResource({ name, mtu, up, alias }: LinkRecord, tunnel: IpTunnelRecord): Link {
  const { type, local, oddities } = tunnel;
  if (oddities.length === 0) return { kind: 'link', type, name, local, mtu, up, alias };
  return { kind: 'link', type: 'foreign', name, description: [type, ...oddities].join(' ') };
}

/** A tunnel of a program is taken for WireGuard only by our alias: the kernel does not tell whose it is. */
function isWireguard({ type, alias }: LinkRecord): boolean {
  return type === 'wireguard' || (type === 'tun' && alias.startsWith(WIREGUARD_ALIAS));
}

/** Where the program behind a TUN device of ours listens; only the alias tells. */
function udpListen({ type, alias }: LinkRecord): SocketAddress | undefined {
  if (type !== 'tun' || !alias.startsWith(UDP_ALIAS)) return undefined;
  return parseSocketAddress(alias.slice(UDP_ALIAS.length));
}

export function hasOurAlias(record: LinkRecord): boolean {
  return record.alias.startsWith(ALIAS_PREFIX);
}
