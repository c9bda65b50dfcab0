/**
 * What many names are answered with, in few bytes: a tree by the names' hashes, in which hosts that say the same have
 * the same digests, and others find where they differ without telling each other all. Pure.
 */

/** Parts of a part. */
export const FANOUT = 64;
const DIGIT_BITS = 6;
/** Digits of a hash that say where a name stands; parts of that depth are only listed. */
export const DEPTH = 5;

/** What a host's DNS answers for a name. */
export interface Answered {
  /** NOERROR, NXDOMAIN, … */
  readonly status: string;
  /** In order. */
  readonly addresses: readonly string[];
}

/** Digits of hashes, the first one first; empty: all names. */
export type Part = readonly number[];

/** Of 32 bits: FNV-1a, and MurmurHash3's last steps, as its upper bits alone are poor. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Of what is answered, whatever the name. */
export function answeredHash({ status, addresses }: Answered): number {
  return hashOf(addresses.length > 0 ? addresses.join() : status);
}

/** What one host's DNS answers for each name. */
export type Answers = ReadonlyMap<string, Answered>;

/** One for each part of the part: the sum of its names' hashes, so that their order does not count. */
export function digestsOf(answers: Answers, part: Part): number[] {
  const digests = Array<number>(FANOUT).fill(0);
  for (const [name, answered] of answers) {
    const at = hashOf(name);
    if (!isIn(part, at)) continue;
    const digit = digitOf(at, part.length);
    const hash = hashOf(`${name} ${answeredHash(answered)}`);
    digests[digit] = ((digests[digit] ?? 0) + hash) >>> 0;
  }
  return digests;
}

/** In order. */
export function namesIn(answers: Answers, part: Part): string[] {
  return [...answers.keys()].filter((name) => isIn(part, hashOf(name))).sort();
}

function isIn(part: Part, hash: number): boolean {
  return part.every((digit, depth) => digitOf(hash, depth) === digit);
}

function digitOf(hash: number, depth: number): number {
  return (hash >>> (DIGIT_BITS * depth)) & (FANOUT - 1);
}
