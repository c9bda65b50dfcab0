/**
 * Subnet keys: the last part of `<prefix>/subnets/<key>`, flannel's own grammar.
 *
 *     10.5.52.0-24                       v4 only
 *     10.5.32.0-24&fd00:5:0:17::-64      dual-stack
 *     0.0.0.0-0&fd00:5:0:2::-64          v6 only: flannel writes the v4 part it does not have as zero
 */
import { parseAddress } from '../ip/address.ts';
import { baseOf, lengthOf, overlaps, prefixOf, type Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import { isRefused, type Parsed } from './parsed.ts';

/** Anchored at the end only, as flannel's reader is: text before the address is tolerated, after it is not. */
const KEY = /(\d+\.\d+\.\d+\.\d+)-(\d+)(?:&([a-f0-9:]+)-(\d+))?$/;
/** Longest key looked at: a dual-stack key needs at most 62 characters. */
const LENGTH_LIMIT = 256;
const NO_V4 = '0.0.0.0-0';
/** flannel refuses subnets of a single address. */
const LONGEST = { 4: 31, 6: 127 } as const;

/** The subnets a key stands for, host bits dropped; v4's zero subnet counts as none. */
export function parseKey(key: string): Parsed<PerFamily<Prefix>> {
  if (key.length > LENGTH_LIMIT) return { reason: `the key is longer than ${LENGTH_LIMIT} bytes` };
  const [, base4, length4, base6, length6] = KEY.exec(key) ?? [];
  if (base4 === undefined || length4 === undefined) return { reason: 'the key names no subnet' };
  const v4 = subnet(base4, length4, LONGEST[4]);
  if (v4 === undefined) return { reason: `${base4}-${length4} is not an IPv4 subnet` };
  const subnet4 = lengthOf(v4) === 0 ? {} : { 4: v4 };
  if (base6 === undefined || length6 === undefined) {
    return lengthOf(v4) === 0 ? { reason: 'the key names no subnet' } : { value: subnet4 };
  }
  const v6 = subnet(base6, length6, LONGEST[6]);
  if (v6 === undefined || lengthOf(v6) === 0)
    return { reason: `${base6}-${length6} is not an IPv6 subnet` };
  return { value: { ...subnet4, 6: v6 } };
}

function subnet(base: string, lengthText: string, longest: number): Prefix | undefined {
  const address = parseAddress(base);
  const length = Number(lengthText);
  return address === undefined || length > longest ? undefined : prefixOf(address, length);
}

/** The key flannel would write. At least one family must be given. */
export function formatKey(subnets: PerFamily<Prefix>): string {
  const v4 = subnets[4] === undefined ? NO_V4 : part(subnets[4]);
  return subnets[6] === undefined ? v4 : `${v4}&${part(subnets[6])}`;
}

function part(subnet: Prefix): string {
  return `${baseOf(subnet)}-${lengthOf(subnet)}`;
}

/** The subnets a key stands for; none when it is refused. */
export function subnetsIn(key: string): PerFamily<Prefix> {
  const parsed = parseKey(key);
  return isRefused(parsed) ? {} : parsed.value;
}

/** Whether a subnet of one overlaps a subnet of the other. */
export function clash(these: PerFamily<Prefix>, those: PerFamily<Prefix>): boolean {
  return Object.values(these).some((a) => Object.values(those).some((b) => overlaps(a, b)));
}
