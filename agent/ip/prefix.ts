/** Prefixes (CIDR blocks) as values: the canonical string `base/length`, host bits zero. */
import {
  FAMILIES,
  addressFromBytes,
  addressFromInteger,
  addressToBytes,
  addressToInteger,
  familyOf,
  parseAddress,
  type Address,
  type Family,
} from './address.ts';

export type Prefix = string & { readonly __brand: 'Prefix' };

/** The prefix with its host bits dropped, or undefined if `text` is not `ADDRESS/LENGTH`. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.lastIndexOf('/');
  const base = parseAddress(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (slash < 0 || base === undefined || !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  return length <= FAMILIES[familyOf(base)].bits ? prefixOf(base, length) : undefined;
}

/** For constants and tests: as parsePrefix, but throws a RangeError. */
export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new RangeError(`not a prefix: ${text}`);
  return parsed;
}

/** The prefix of `length` bits that holds `address`. Throws a RangeError on a length the family does not have. */
export function prefixOf(address: Address, length: number): Prefix {
  const { bits } = FAMILIES[familyOf(address)];
  if (!Number.isInteger(length) || length < 0 || length > bits)
    throw new RangeError(`bad prefix length ${length}`);
  const bytes = addressToBytes(address);
  for (let byte = length >> 3; byte < bytes.length; byte++) {
    const kept = Math.max(0, length - byte * 8);
    bytes[byte] = (bytes[byte] ?? 0) & ~(0xff >> kept);
  }
  return `${addressFromBytes(bytes)}/${length}` as Prefix;
}

/** The prefix that holds this one address: /32 or /128. */
export function hostPrefix(address: Address): Prefix {
  return `${address}/${FAMILIES[familyOf(address)].bits}` as Prefix;
}

export function baseOf(prefix: Prefix): Address {
  return prefix.slice(0, prefix.lastIndexOf('/')) as Address;
}

export function lengthOf(prefix: Prefix): number {
  return Number(prefix.slice(prefix.lastIndexOf('/') + 1));
}

export function familyOfPrefix(prefix: Prefix): Family {
  return prefix.includes(':') ? 6 : 4;
}

/** First and last address as integers, both included. */
export function rangeOf(prefix: Prefix): { readonly first: bigint; readonly last: bigint } {
  const first = addressToInteger(baseOf(prefix));
  const hostBits = BigInt(FAMILIES[familyOfPrefix(prefix)].bits - lengthOf(prefix));
  return { first, last: first + (1n << hostBits) - 1n };
}

export function containsAddress(prefix: Prefix, address: Address): boolean {
  return (
    familyOf(address) === familyOfPrefix(prefix) && prefixOf(address, lengthOf(prefix)) === prefix
  );
}

/** Whether `inner` lies wholly inside `outer` (equal counts). */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  return lengthOf(inner) >= lengthOf(outer) && containsAddress(outer, baseOf(inner));
}

/** Two prefixes overlap exactly when one contains the other. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return containsPrefix(a, b) || containsPrefix(b, a);
}

/** Those that lie in none of the others, each once, in the order given. O(n log n): there may be thousands. */
export function outermost(prefixes: Iterable<Prefix>): readonly Prefix[] {
  const all = Array.from(new Set(prefixes), (prefix) => ({
    prefix,
    family: familyOfPrefix(prefix),
    first: addressToInteger(baseOf(prefix)),
    length: lengthOf(prefix),
  }));
  const inner = new Set<Prefix>();
  let outer: Prefix | undefined;
  // Whatever lies in a prefix follows it, before all that does not.
  const inOrder = all.toSorted(
    (a, b) =>
      a.family - b.family ||
      Number(a.first > b.first) - Number(a.first < b.first) ||
      a.length - b.length,
  );
  for (const { prefix } of inOrder)
    if (outer !== undefined && containsPrefix(outer, prefix)) inner.add(prefix);
    else outer = prefix;
  return all.map(({ prefix }) => prefix).filter((prefix) => !inner.has(prefix));
}

/** The address `offset` places after the base; throws a RangeError beyond the family. */
export function addressIn(prefix: Prefix, offset: bigint): Address {
  return addressFromInteger(addressToInteger(baseOf(prefix)) + offset, familyOfPrefix(prefix));
}
