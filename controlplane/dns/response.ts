/** The door of answers that other servers give: bytes → what of it may be passed on, and for how long. Throws never. */
import type { Query } from './query.ts';
import { OPT_BYTES, writeOpt } from './reply.ts';
import { readPlainName, skipName } from './name.ts';
import { FLAG, HEADER, long, RCODE, RCODE_MASK, setLong, setWord, TYPE, word } from './wire.ts';

/** Seconds that an answer is kept at most, of what there is and of what there is not (RFC 2308, section 5). */
const POSITIVE_LIMIT = 3600;
const NEGATIVE_LIMIT = 300;
/** Records that we look at; a message of 64 KiB has room for more only if it is made to cost us time. */
const RECORD_LIMIT = 4096;

export interface Response {
  /** The message without its OPT record and what stood behind that. A copy. */
  readonly message: Uint8Array;
  readonly rcode: number;
  readonly isTruncated: boolean;
  /** Where its question ends. */
  readonly end: number;
  /** Where its TTLs are. */
  readonly ttls: readonly number[];
  /** Seconds that it may be kept; 0: not at all. */
  readonly lifetime: number;
}

/** Whether the answer is one to the question at `asked`, as it was sent: letters in their case (0x20), too. */
export type Match = 'same' | 'other-case' | 'other';

export function matchOf(bytes: Uint8Array, asked: Uint8Array, end: number): Match {
  if (bytes.length < end || word(bytes, 0) !== word(asked, 0)) return 'other';
  if ((word(bytes, 2) & FLAG.QR) === 0 || word(bytes, 4) !== 1) return 'other';
  let match: Match = 'same';
  for (let at = HEADER; at < end; at++) {
    if (bytes[at] === asked[at]) continue;
    if (!isOtherCase(bytes[at] ?? 0, asked[at] ?? 0)) return 'other';
    match = 'other-case';
  }
  return match;
}

/** A server that does not take EDNS may say so by its header alone (RFC 6891, section 7). */
export function refusesEdns(bytes: Uint8Array, asked: Uint8Array): boolean {
  if (bytes.length < HEADER || word(bytes, 0) !== word(asked, 0)) return false;
  const flags = word(bytes, 2);
  const rcode = flags & RCODE_MASK;
  return (flags & FLAG.QR) !== 0 && (rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP);
}

function isOtherCase(a: number, b: number): boolean {
  const lower = a | 0x20;
  return (a ^ b) === 0x20 && lower >= 0x61 && lower <= 0x7a;
}

/** Undefined if it is malformed. */
export function readResponse(bytes: Uint8Array): Response | undefined {
  if (bytes.length < HEADER || word(bytes, 4) !== 1) return undefined;
  const question = readPlainName(bytes, HEADER, bytes.length);
  if (question === undefined || question.end + 4 > bytes.length) return undefined;
  const end = question.end + 4;
  const walked = walk(bytes, end);
  if (walked === undefined) return undefined;
  const { at, ttls, kept } = walked;
  const message = bytes.slice(0, at);
  setWord(message, 10, kept);
  const flags = word(bytes, 2);
  const rcode = flags & RCODE_MASK;
  const isTruncated = (flags & FLAG.TC) !== 0;
  const lifetime = isTruncated ? 0 : lifetimeOf(rcode, word(bytes, 6), walked);
  return { message, rcode, isTruncated, end, ttls, lifetime };
}

interface Walked {
  /** Where it ended: behind all records, or before the OPT. */
  readonly at: number;
  readonly ttls: readonly number[];
  /** The smallest TTL; undefined: no records. */
  readonly least: number | undefined;
  /** Of the first SOA: the smaller of its TTL and its last number (RFC 2308, section 5). */
  readonly negative: number | undefined;
  /** Additional records before the OPT. */
  readonly kept: number;
}

function walk(bytes: Uint8Array, start: number): Walked | undefined {
  const before = word(bytes, 6) + word(bytes, 8);
  const total = before + word(bytes, 10);
  if (total > RECORD_LIMIT) return undefined;
  const ttls: number[] = [];
  let [at, least, negative]: [number, number | undefined, number | undefined] = [
    start,
    undefined,
    undefined,
  ];
  for (let i = 0; i < total; i++) {
    const fixed = skipName(bytes, at);
    if (fixed === undefined || fixed + 10 > bytes.length) return undefined;
    const type = word(bytes, fixed);
    if (type === TYPE.OPT)
      return i < before ? undefined : { at, ttls, least, negative, kept: i - before };
    const next = fixed + 10 + word(bytes, fixed + 8);
    if (next > bytes.length) return undefined;
    const ttl = ttlAt(bytes, fixed + 4);
    ttls.push(fixed + 4);
    least = Math.min(ttl, least ?? ttl);
    if (type === TYPE.SOA && next - fixed >= 30) negative ??= Math.min(ttl, ttlAt(bytes, next - 4));
    at = next;
  }
  return { at, ttls, least, negative, kept: total - before };
}

/** One with the upper bit set is 0 (RFC 2181, section 8). */
function ttlAt(bytes: Uint8Array, at: number): number {
  const ttl = long(bytes, at);
  return ttl > 0x7fff_ffff ? 0 : ttl;
}

function lifetimeOf(rcode: number, answers: number, { least, negative }: Walked): number {
  const isNothing = rcode === RCODE.NXDOMAIN || (rcode === RCODE.NOERROR && answers === 0);
  if (isNothing) return Math.min(negative ?? 0, NEGATIVE_LIMIT);
  return rcode === RCODE.NOERROR ? Math.min(least ?? 0, POSITIVE_LIMIT) : 0;
}

/** Takes `seconds` off every TTL. */
export function age(message: Uint8Array, ttls: readonly number[], seconds: number): void {
  for (const at of ttls) setLong(message, at, Math.max(0, ttlAt(message, at) - seconds));
}

/**
 * Writes it to `out` as the answer to the query at `asked`, `seconds` after it came. Returns its length. What is longer
 * than `limit` is not cut at a record but left out: who asked comes back by TCP (TC).
 */
export function writeResponse(
  out: Uint8Array,
  asked: Uint8Array,
  { end, edns }: Query,
  response: Response,
  seconds: number,
  limit: number,
): number {
  const { message, ttls } = response;
  const isWhole = message.length + (edns ? OPT_BYTES : 0) <= Math.min(limit, out.length);
  out.set(isWhole ? message : message.subarray(0, end));
  for (let at = HEADER; at < end; at++) out[at] = asked[at] ?? 0;
  setWord(out, 0, word(asked, 0));
  const kept = word(message, 2) & ~(FLAG.RD | FLAG.CD);
  const echoed = word(asked, 2) & (FLAG.RD | FLAG.CD);
  setWord(out, 2, kept | echoed | FLAG.RA | (isWhole ? 0 : FLAG.TC));
  if (isWhole && seconds > 0) age(out, ttls, seconds);
  if (!isWhole) for (const at of [6, 8, 10]) setWord(out, at, 0);
  const length = isWhole ? message.length : end;
  if (!edns) return length;
  setWord(out, 10, word(out, 10) + 1);
  return writeOpt(out, length, 0);
}
