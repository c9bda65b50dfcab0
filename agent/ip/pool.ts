/** A prefix that subnets of one length are taken from: `172.16.0.0/12:24`. */
import { FAMILIES } from './address.ts';
import { familyOfPrefix, lengthOf, parsePrefix, prefix, type Prefix } from './prefix.ts';

export interface Pool {
  readonly prefix: Prefix;
  /** Of each subnet, in bits. */
  readonly length: number;
}

/** Docker's local pools (libnetwork, ipamutils), and for IPv6 a range of RFC 4193. */
export const DEFAULT_POOLS: readonly Pool[] = [
  ...Array.from({ length: 15 }, (_, i) => ({
    prefix: prefix(`172.${17 + i}.0.0/16`),
    length: 16,
  })),
  { prefix: prefix('192.168.0.0/16'), length: 20 },
  { prefix: prefix('fdf7:77ef:7400::/40'), length: 64 },
];

/** As `PREFIX:LENGTH`, or undefined. A subnet has two bits at least. */
export function parsePool(text: string): Pool | undefined {
  const [, range = '', bits = ''] = /^(.+):(\d{1,3})$/.exec(text) ?? [];
  const pool = parsePrefix(range);
  const length = Number(bits);
  if (pool === undefined || length < lengthOf(pool)) return undefined;
  return length <= FAMILIES[familyOfPrefix(pool)].bits - 2 ? { prefix: pool, length } : undefined;
}

export function formatPool({ prefix, length }: Pool): string {
  return `${prefix}:${length}`;
}
