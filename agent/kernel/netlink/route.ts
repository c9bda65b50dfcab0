/** Routes as netlink tells and takes them (struct rtmsg, linux/rtnetlink.h). Pure. */
import {
  FAMILIES,
  addressFromBytes,
  addressToBytes,
  type Address,
  type Family,
} from '../../ip/address.ts';
import { baseOf, familyOfPrefix, lengthOf, type Prefix } from '../../ip/prefix.ts';
import { keyOf, ROUTE_PROTOCOL, type Key, type Route } from '../../state/resource.ts';
import * as nl from './constants.ts';
import { Attributes, LITTLE_ENDIAN, type Message, type MessageWriter } from './message.ts';

const FIXED_BYTES = 12;
/** rtm_scope of a removal: any will do (RT_SCOPE_NOWHERE). */
const ANY_SCOPE = 255;

/** A route of the main table. */
export interface RouteRecord {
  readonly prefix: Prefix;
  /** As in the desired state: 0 when none was asked for. */
  readonly metric: number;
  /** RTN_*. */
  readonly type: number;
  readonly protocol: number;
  readonly linkIndex?: number | undefined;
  readonly gateway?: Address | undefined;
  readonly onlink: boolean;
  readonly source?: Address | undefined;
  /** Undefined: the link's. */
  readonly mtu?: number | undefined;
  /** Has what the desired state has no word for: several next hops, another family's gateway, encapsulation, a TOS. */
  readonly compound: boolean;
}

/** Narrows a dump; the kernel then sends only what matches. */
interface RouteFilter {
  readonly protocol?: number;
  readonly linkIndex?: number;
}

/** The body of a request for main-table routes of one family. */
export function writeRouteRequest(
  writer: MessageWriter,
  family: Family,
  { protocol = 0, linkIndex }: RouteFilter,
): void {
  const { afNumber } = FAMILIES[family];
  writeFixed(writer, afNumber, 0, nl.RT_TABLE_MAIN, protocol, 0, 0, 0);
  if (linkIndex !== undefined) writer.u32Attribute(nl.RTA_OIF, linkIndex);
}

/** The body of a request for the way to one address, as a packet from this host would take it. */
export function writeRouteLookup(writer: MessageWriter, to: Address, family: Family): void {
  const { afNumber, bits } = FAMILIES[family];
  writeFixed(writer, afNumber, bits, 0, 0, 0, 0, 0);
  writer.addressAttribute(nl.RTA_DST, to);
}

/** The body of RTM_NEWROUTE. */
export function writeRoute(
  writer: MessageWriter,
  route: Route,
  linkIndex: number | undefined,
): void {
  writeBody(writer, route, linkIndex, scopeOf(route));
  if (route.mtu === undefined) return;
  const metrics = writer.beginNest(nl.RTA_METRICS);
  writer.u32Attribute(nl.RTAX_MTU, route.mtu);
  writer.endNest(metrics);
}

/**
 * To a lookup, every scope below RT_SCOPE_SITE means the same: beyond a gateway. They serve to spread routes
 * in the kernel's table of next hops, whose hash takes protocol, scope, metric and link but not the gateway
 * (fib_info_hashfn in net/ipv4/fib_semantics.c): with one scope, all peers of a link stand in one chain, and
 * each new route walks it. Ten thousand routes took 1.3 s so, and 0.09 s spread. IPv6 has no scopes.
 */
function scopeOf({ type, prefix, gateway }: Route): number {
  if (gateway === undefined) return type === 'unicast' ? nl.RT_SCOPE_LINK : nl.RT_SCOPE_UNIVERSE;
  const hostBits = Math.max(0, FAMILIES[4].bits - lengthOf(prefix));
  const [a = 0, b = 0, c = 0, d = 0] = addressToBytes(baseOf(prefix));
  return (((a << 24) | (b << 16) | (c << 8) | d) >>> hostBits) % nl.RT_SCOPE_SITE;
}

/** The body of RTM_DELROUTE: matches this route only, protocol and gateway included, but whatever its MTU. */
export function writeRouteRemoval(
  writer: MessageWriter,
  route: Route,
  linkIndex: number | undefined,
): void {
  writeBody(writer, route, linkIndex, ANY_SCOPE);
}

function writeBody(
  writer: MessageWriter,
  route: Route,
  linkIndex: number | undefined,
  scope: number,
): void {
  const { afNumber } = FAMILIES[familyOfPrefix(route.prefix)];
  const type = route.type === 'blackhole' ? nl.RTN_BLACKHOLE : nl.RTN_UNICAST;
  const flags = route.onlink ? nl.RTNH_F_ONLINK : 0;
  const length = lengthOf(route.prefix);
  writeFixed(writer, afNumber, length, nl.RT_TABLE_MAIN, route.protocol, scope, type, flags);
  if (length > 0) writer.addressAttribute(nl.RTA_DST, baseOf(route.prefix));
  if (route.gateway !== undefined) writer.addressAttribute(nl.RTA_GATEWAY, route.gateway);
  if (linkIndex !== undefined) writer.u32Attribute(nl.RTA_OIF, linkIndex);
  const metric = toKernelMetric(route.metric, familyOfPrefix(route.prefix));
  if (metric !== 0) writer.u32Attribute(nl.RTA_PRIORITY, metric);
}

function writeFixed(
  writer: MessageWriter,
  family: number,
  length: number,
  table: number,
  protocol: number,
  scope: number,
  type: number,
  flags: number,
): void {
  writer.u8(family).u8(length).u8(0).u8(0).u8(table).u8(protocol).u8(scope).u8(type).u32(flags);
}

/** The v6 kernel has no metric 0: asked for none, it takes 1024. Said in full, as a removal without one means any. */
function toKernelMetric(metric: number, family: Family): number {
  return family === 6 && metric === 0 ? nl.IPV6_DEFAULT_METRIC : metric;
}

function fromKernelMetric(metric: number, family: Family): number {
  return family === 6 && metric === nl.IPV6_DEFAULT_METRIC ? 0 : metric;
}

/** Whether a RTM_NEWROUTE or RTM_DELROUTE is about a route that weft made: a look at one byte. */
export function isOurRoute({ view, start, end }: Message): boolean {
  return end - start >= FIXED_BYTES && view.getUint8(start + 5) === ROUTE_PROTOCOL;
}

/** What a RTM_NEWROUTE or RTM_DELROUTE is about; undefined unless it is a route of the main table. */
export function readRoute(message: Message): RouteRecord | undefined {
  if (message.end - message.start < FIXED_BYTES) return undefined;
  const { view, start } = message;
  const flags = view.getUint32(start + 8, LITTLE_ENDIAN);
  if ((flags & nl.RTM_F_CLONED) !== 0) return undefined;
  const attributes = Attributes.of(message, FIXED_BYTES);
  const table = attributes.u32(nl.RTA_TABLE) ?? view.getUint8(start + 4);
  return table === nl.RT_TABLE_MAIN ? readAnyRoute(message, attributes, flags) : undefined;
}

/** The answer to writeRouteLookup, which may come from any table. */
export function readRouteAnswer(message: Message): RouteRecord | undefined {
  if (message.end - message.start < FIXED_BYTES) return undefined;
  return readAnyRoute(message, Attributes.of(message, FIXED_BYTES), 0);
}

function readAnyRoute(
  { view, start }: Message,
  attributes: Attributes,
  flags: number,
): RouteRecord | undefined {
  const family = familyOfNumber(view.getUint8(start));
  const length = view.getUint8(start + 1);
  if (family === undefined || length > FAMILIES[family].bits) return undefined;
  const base = attributes.address(nl.RTA_DST) ?? ANY_ADDRESS[family];
  const type = view.getUint8(start + 7);
  return {
    prefix: `${base}/${length}` as Prefix,
    metric: fromKernelMetric(attributes.u32(nl.RTA_PRIORITY) ?? 0, family),
    type,
    protocol: view.getUint8(start + 5),
    // A v6 blackhole is told with the loopback as its link.
    linkIndex: type === nl.RTN_UNICAST ? attributes.u32(nl.RTA_OIF) : undefined,
    gateway: attributes.address(nl.RTA_GATEWAY),
    onlink: (flags & nl.RTNH_F_ONLINK) !== 0,
    source: attributes.address(nl.RTA_PREFSRC),
    mtu: attributes.nested(nl.RTA_METRICS)?.u32(nl.RTAX_MTU),
    compound:
      view.getUint8(start + 2) !== 0 ||
      view.getUint8(start + 3) !== 0 ||
      COMPOUND.some((type) => attributes.has(type)),
  };
}

const COMPOUND = [nl.RTA_MULTIPATH, nl.RTA_VIA, nl.RTA_ENCAP, nl.RTA_NH_ID];
const ANY_ADDRESS = {
  4: addressFromBytes(new Uint8Array(4)),
  6: addressFromBytes(new Uint8Array(16)),
};

function familyOfNumber(number: number): Family | undefined {
  if (number === FAMILIES[4].afNumber) return 4;
  return number === FAMILIES[6].afNumber ? 6 : undefined;
}

/** The record in the words of the desired state; undefined when it has none for it. */
export function routeResource(
  record: RouteRecord,
  nameOf: (index: number) => string | undefined,
): Route | undefined {
  const { prefix, metric, onlink, protocol, gateway, linkIndex, mtu } = record;
  if (record.compound) return undefined;
  if (record.type === nl.RTN_BLACKHOLE)
    return { kind: 'route', prefix, metric, type: 'blackhole', onlink: false, protocol };
  const link = linkIndex === undefined ? undefined : nameOf(linkIndex);
  if (record.type !== nl.RTN_UNICAST || link === undefined) return undefined;
  const way = gateway === undefined ? { link } : { link, gateway };
  const size = mtu === undefined ? {} : { mtu };
  return { kind: 'route', prefix, metric, type: 'unicast', ...way, onlink, protocol, ...size };
}

/** The key a route of that prefix and metric has, whatever else it is. */
export function routePlace({ prefix, metric }: Pick<RouteRecord, 'prefix' | 'metric'>): Key {
  const protocol = nl.RTPROT_KERNEL;
  return keyOf({ kind: 'route', prefix, metric, type: 'unicast', onlink: false, protocol });
}
