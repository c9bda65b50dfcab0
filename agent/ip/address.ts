/**
 * IP addresses as values: a canonical string (RFC 5952 for v6), so that `===`, Map keys,
 * JSON and logs need no conversion. Everything that differs between v4 and v6 is in `FAMILIES`.
 */
import { isIP } from 'node:net';

export type Address = string & { readonly __brand: 'Address' };
export type Family = 4 | 6;

/** What differs between the families, as data. `afNumber` is AF_INET and AF_INET6 of linux/socket.h. */
export const FAMILIES = {
  4: { bits: 32, bytes: 4, afNumber: 2, vxlanOverhead: 50 },
  6: { bits: 128, bytes: 16, afNumber: 10, vxlanOverhead: 70 },
} as const;

/** The address in canonical form, or undefined if `text` is not exactly one address (no zone, no leading zeros). */
export function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 4) return text as Address;
  if (family !== 6 || text.includes('%')) return undefined;
  return addressFromBytes(v6TextToBytes(text));
}

/** For constants and tests: as parseAddress, but throws a RangeError. */
export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new RangeError(`not an IP address: ${text}`);
  return parsed;
}

export function familyOf(value: Address): Family {
  return value.includes(':') ? 6 : 4;
}

/** Network byte order; 4 or 16 bytes. */
export function addressToBytes(value: Address): Uint8Array {
  const bytes = new Uint8Array(FAMILIES[familyOf(value)].bytes);
  writeAddress(value, bytes, 0);
  return bytes;
}

/** Writes the address in network byte order at `offset`; returns the bytes written (4 or 16). */
export function writeAddress(value: Address, into: Uint8Array, offset: number): number {
  if (familyOf(value) === 6) {
    into.set(v6TextToBytes(value), offset);
    return 16;
  }
  let octet = 0;
  let at = offset;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === DOT) {
      into[at++] = octet;
      octet = 0;
    } else octet = octet * 10 + code - ZERO;
  }
  into[at] = octet;
  return 4;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** The address in `bytes[offset, offset + length)`, length 4 or 16, network byte order. */
export function addressFromBytes(bytes: Uint8Array, offset = 0, length = bytes.length): Address {
  if (length === 4) {
    return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}` as Address;
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((bytes[offset + i] ?? 0) << 8) | (bytes[offset + i + 1] ?? 0));
  }
  return v6GroupsToText(groups) as Address;
}

/** The address as an unsigned integer of 32 or 128 bits. */
export function addressToInteger(value: Address): bigint {
  let integer = 0n;
  for (const byte of addressToBytes(value)) integer = (integer << 8n) | BigInt(byte);
  return integer;
}

/** Inverse of addressToInteger; throws a RangeError outside the family's range. */
export function addressFromInteger(integer: bigint, family: Family): Address {
  const { bits, bytes: size } = FAMILIES[family];
  if (integer < 0n || integer >> BigInt(bits) !== 0n)
    throw new RangeError(`outside IPv${family}: ${integer}`);
  const bytes = new Uint8Array(size);
  for (let i = size - 1, rest = integer; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return addressFromBytes(bytes);
}

/** `text` must have passed node:net.isIP as v6. Accepts an embedded dotted quad (RFC 4291 section 2.2). */
function v6TextToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [head = '', tail] = text.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  front.forEach((group, i) => writeGroup(bytes, i, group));
  back.forEach((group, i) => writeGroup(bytes, 8 - back.length + i, group));
  return bytes;
}

function writeGroup(bytes: Uint8Array, index: number, group: number): void {
  bytes[index * 2] = group >> 8;
  bytes[index * 2 + 1] = group & 0xff;
}

function groupsOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
function v6GroupsToText(groups: readonly number[]): string {
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const text = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(':');
  if (best.length < 2) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}
