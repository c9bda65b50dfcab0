/**
 * The few nftables objects we need, in exactly the form that `nft -j list table` prints them (nft 1.0.6,
 * libnftables-json(5)), so that what is desired can be compared with what is there. That listing leaves
 * out comments of tables and chains, and the `meta nfproto` that an address match implies.
 *
 * Every rule has a counter, so that `nft list table inet weft` shows where packets go; the reader drops
 * the figures.
 */
import { addressFromInteger, FAMILIES, type Family } from '../ip/address.ts';
import { baseOf, familyOfPrefix, lengthOf, type Prefix } from '../ip/prefix.ts';
import { sortedElements, TABLE_NAME, type NftObject } from '../state/resource.ts';

const PLACE = { family: 'inet', table: TABLE_NAME } as const;

/** The bit that other programs set on packets whose source is not to be touched. */
const BYPASS_MARK = 0x4000;

export function table(): NftObject {
  return { table: { family: PLACE.family, name: PLACE.table } };
}

/** A base chain; `prio` decides the order among chains at one hook, lower first. */
export function chain(name: string, type: string, hook: string, prio: number): NftObject {
  return { chain: { ...PLACE, name, type, hook, prio, policy: 'accept' } };
}

/** Its elements in an order of its own, as the kernel has none; an empty one is listed without them. */
export function set(
  name: string,
  type: string | readonly string[],
  elements: readonly unknown[],
  flag?: 'interval',
): NftObject {
  const elem = sortedElements(elements);
  return {
    set: {
      ...PLACE,
      name,
      type,
      ...(flag === undefined ? {} : { flags: [flag] }),
      ...(elem.length === 0 ? {} : { elem }),
    },
  };
}

/** An element of a set of several types. */
export function concat(...parts: readonly unknown[]): NftObject {
  return { concat: parts };
}

export function returns(chain: string, comment: string, matches: readonly NftObject[]): NftObject {
  return rule(chain, comment, [...matches, COUNTER, { return: null }]);
}

export function accept(chain: string, comment: string, matches: readonly NftObject[]): NftObject {
  return rule(chain, comment, [...matches, COUNTER, { accept: null }]);
}

export function drop(chain: string, comment: string, matches: readonly NftObject[]): NftObject {
  return rule(chain, comment, [...matches, COUNTER, { drop: null }]);
}

export function masquerade(
  chain: string,
  comment: string,
  matches: readonly NftObject[],
  fullyRandom: boolean,
): NftObject {
  const verdict = { masquerade: fullyRandom ? { flags: 'fully-random' } : null };
  return rule(chain, comment, [...matches, COUNTER, verdict]);
}

const COUNTER: NftObject = { counter: null };

function rule(chain: string, comment: string, expr: readonly NftObject[]): NftObject {
  return { rule: { ...PLACE, chain, comment, expr } };
}

/** Only the bit counts, whatever else the mark holds. */
export function bypassMark(): NftObject {
  return match('==', { '&': [{ meta: { key: 'mark' } }, BYPASS_MARK] }, BYPASS_MARK);
}

/** By its name, which the link may come and go under; or by one of the set of that name, with @ before it. */
export function arrivesOn(link: string, op: '==' | '!=' = '=='): NftObject {
  return match(op, incoming(), link);
}

export function leavesBy(link: string, op: '==' | '!=' = '=='): NftObject {
  return match(op, outgoing(), link);
}

export function incoming(): NftObject {
  return { meta: { key: 'iifname' } };
}

export function outgoing(): NftObject {
  return { meta: { key: 'oifname' } };
}

/**
 * Packets of VXLAN of these networks: 24 bits behind 8 bytes of UDP and 4 of VXLAN's header (RFC 7348, section 5).
 */
export function ofVnis(vnis: readonly number[], ports: readonly number[]): readonly NftObject[] {
  return [
    toPorts(ports),
    match('==', { payload: { base: 'th', offset: 96, len: 24 } }, oneOf(vnis)),
  ];
}

/** Of UDP. */
export function toPorts(ports: readonly number[]): NftObject {
  return match('==', { payload: { protocol: 'udp', field: 'dport' } }, oneOf(ports));
}

/** One alone is listed as itself. */
function oneOf(numbers: readonly number[]): unknown {
  const [first, ...more] = [...new Set(numbers)].toSorted((a, b) => a - b);
  return more.length === 0 ? first : { set: [first, ...more] };
}

/** To one address, and none of this host's. */
export function toUnicast(): NftObject {
  return match('==', { fib: { result: 'type', flags: ['daddr'] } }, 'unicast');
}

/** Its source is the first address of a subnet of that length, as that of a host is. */
export function ofHosts(protocol: 'ip' | 'ip6', length: number, op: '==' | '!='): NftObject {
  const family = protocol === 'ip' ? 4 : 6;
  const mask = (1n << BigInt(FAMILIES[family].bits - length)) - 1n;
  const inSubnet = { '&': [packet(protocol).source, maskText(mask, family)] };
  return match(op, inSubnet, addressFromInteger(0n, family));
}

/** As inet_ntop(3) of glibc writes it, which takes some of IPv6 for ones of IPv4 within. */
function maskText(mask: bigint, family: Family): string {
  const text = addressFromInteger(mask, family);
  if (family === 4 || mask <= 0xffffn || mask > 0xffff_ffff_ffffn) return text;
  const last = addressFromInteger(mask & 0xffff_ffffn, 4);
  if (mask === 0xffff_ffff_ffffn) return `::ffff:${last}`;
  return mask > 0xffff_ffffn ? text : `::${last}`;
}

export function amongStates(...states: readonly string[]): NftObject {
  return { match: { op: 'in', left: { ct: { key: 'state' } }, right: states } };
}

/** The route back to its source leads by the link. */
export function answeredBy(link: string): NftObject {
  return match('==', { fib: { result: 'oifname', flags: ['saddr'] } }, link);
}

/** Matches on a packet's addresses: against a prefix, or those of the set of a name. */
export function packet(
  protocol: 'ip' | 'ip6',
): Record<'from' | 'notFrom' | 'to' | 'notTo', (prefix: Prefix) => NftObject> &
  Record<'fromAny' | 'toAny', (set: string) => NftObject> &
  Record<'source' | 'destination', NftObject> {
  const matcher = (op: '==' | '!=', field: string) => (prefix: Prefix) =>
    match(op, { payload: { protocol, field } }, named(prefix));
  const among = (field: string) => (name: string) =>
    match('==', { payload: { protocol, field } }, `@${name}`);
  return {
    source: { payload: { protocol, field: 'saddr' } },
    destination: { payload: { protocol, field: 'daddr' } },
    fromAny: among('saddr'),
    toAny: among('daddr'),
    from: matcher('==', 'saddr'),
    notFrom: matcher('!=', 'saddr'),
    to: matcher('==', 'daddr'),
    notTo: matcher('!=', 'daddr'),
  };
}

/** Several things at once against a set of such. */
export function isIn(parts: readonly NftObject[], name: string, op: '==' | '!=' = '=='): NftObject {
  return match(op, { concat: parts }, `@${name}`);
}

function match(op: '==' | '!=', left: NftObject, right: unknown): NftObject {
  return { match: { op, left, right } };
}

/** How a prefix is listed; one of one address is that address. */
export function named(prefix: Prefix): unknown {
  const len = lengthOf(prefix);
  const addr = baseOf(prefix);
  return len === FAMILIES[familyOfPrefix(prefix)].bits ? addr : { prefix: { addr, len } };
}
