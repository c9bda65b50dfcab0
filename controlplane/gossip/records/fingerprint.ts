/**
 * What many records are, in 64 bits: the sum of their hashes, so that it follows each change at the cost of that
 * change, in whatever order changes come. It tells differences between honest members; it is no proof against others.
 */

/** Two sums modulo 2^32, as signed integers: those fit a word of V8. */
export interface Fingerprint {
  high: number;
  low: number;
}

export function nothing(): Fingerprint {
  return { high: 0, low: 0 };
}

export function isSame(a: Fingerprint, b: Fingerprint): boolean {
  return a.high === b.high && a.low === b.low;
}

export function add(sum: Fingerprint, { high, low }: Fingerprint): void {
  sum.high = (sum.high + high) | 0;
  sum.low = (sum.low + low) | 0;
}

/** 16 hexadecimal digits. */
export function textOf({ high, low }: Fingerprint): string {
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}

/** Adds the hash of these values to `sum`, or with `sign` −1 takes it away. */
export function addHash(
  sum: Fingerprint,
  texts: readonly string[],
  time: number,
  payload: Uint8Array,
  sign: 1 | -1,
): void {
  const hash = new Hash();
  for (const text of texts) {
    for (let at = 0; at < text.length; at++) hash.take(text.charCodeAt(at));
    hash.take(-1);
  }
  hash.take(time % 2 ** 32);
  hash.take(Math.floor(time / 2 ** 32));
  for (const byte of payload) hash.take(byte);
  hash.finish(payload.length);
  sum.high = (sum.high + sign * hash.high) | 0;
  sum.low = (sum.low + sign * hash.low) | 0;
}

/** Two multiplicative hashes that stir each other at the end, with the constants of cyrb53 and MurmurHash3. */
class Hash implements Fingerprint {
  high = 0x41c6ce57;
  low = 0x5eadbeef;

  take(word: number): void {
    this.low = Math.imul(this.low ^ word, 0x9e3779b1);
    this.high = Math.imul(this.high ^ word, 0x5f356495);
    // A product carries upwards only: bring high bits down.
    this.low ^= this.low >>> 15;
    this.high ^= this.high >>> 13;
  }

  finish(length: number): void {
    this.take(length);
    const low = stir(this.low) ^ stir(this.high + 1);
    this.high = stir(this.high ^ Math.imul(low, 0x85ebca77));
    this.low = low;
  }
}

/** MurmurHash3's finalizer: every bit depends on every bit. */
function stir(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
