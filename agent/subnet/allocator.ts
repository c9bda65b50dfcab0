/**
 * Which subnets a host tries, in which order: the whole range in an order of its own, drawn from a hash of its
 * identity, so that a thousand hosts that start together seldom try the same one.
 */
import { createHash } from 'node:crypto';
import { addressFromInteger, addressToInteger, FAMILIES, type Family } from '../ip/address.ts';
import { familyOfPrefix, prefixOf, type Prefix } from '../ip/prefix.ts';
import type { NetworkConfig, PerFamily, SubnetRange } from '../state/facts.ts';
import type { Parsed } from './parsed.ts';

/**
 * Most subnets tried in one go, 0.3 s of work if every one is taken. A range of no more is tried whole; of a
 * larger one, with this many tries in vain, more than 99.9 % is taken.
 */
export const TRY_LIMIT = 65_536;

/** Subnets of `range` that `isTaken` does not refuse, each at most once. */
export function* candidates(
  range: SubnetRange,
  isTaken: (subnet: Prefix) => boolean,
  seed: string,
): Generator<Prefix> {
  for (const subnet of inOrderOf(seed, range)) if (!isTaken(subnet)) yield subnet;
}

/** A free subnet of each family that is on, or why there is none. */
export function allocate(
  { ranges }: NetworkConfig,
  isTaken: (subnet: Prefix) => boolean,
  seed: string,
): Parsed<PerFamily<Prefix>> {
  const subnets: Partial<Record<Family, Prefix>> = {};
  for (const family of [4, 6] as const) {
    const range = ranges[family];
    if (range === undefined) continue;
    const [first] = candidates(range, isTaken, `${seed}/${family}`);
    if (first === undefined)
      return { reason: `out of subnets: ${range.network} has ${sizeOf(range)}, and none is free` };
    subnets[family] = first;
  }
  return { value: subnets };
}

/** The number of subnets in the range; 0 when its first lies behind its last. */
export function sizeOf(range: SubnetRange): bigint {
  return layout(range).count;
}

function* inOrderOf(seed: string, range: SubnetRange): Generator<Prefix> {
  const { family, first, step, count } = layout(range);
  if (count <= 0n) return;
  const digest = createHash('sha256').update(seed).digest();
  const start = digest.readBigUInt64BE(0) % count;
  const stride = coprime(digest.readBigUInt64BE(8), count);
  const tries = count < TRY_LIMIT ? count : BigInt(TRY_LIMIT);
  for (let i = 0n, at = start; i < tries; i++, at = (at + stride) % count)
    yield prefixOf(addressFromInteger(first + at * step, family), range.subnetLength);
}

function layout({ network, first: from, last: to, subnetLength }: SubnetRange) {
  const family = familyOfPrefix(network);
  const step = 1n << BigInt(FAMILIES[family].bits - subnetLength);
  const first = addressToInteger(from);
  const last = addressToInteger(to);
  return { family, first, step, count: last < first ? 0n : (last - first) / step + 1n };
}

/** The first number from `from % count` on that shares no divisor with `count`: steps of it visit every place once. */
function coprime(from: bigint, count: bigint): bigint {
  for (let number = from % count || 1n; ; number++)
    if (divisor(number, count) === 1n) return number;
}

function divisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : divisor(b, a % b);
}
