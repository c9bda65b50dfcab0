/** The one source of chance of a simulation: all of it follows from the seed. */
import type { Random } from '../../../controlplane/gossip/random.ts';

/**
 * A stream of its own for each purpose, named by `path`, so that what one part draws does not shift what another gets
 * (sfc32 by Chris Doty-Humphrey, PractRand).
 */
export function stream(seed: number, ...path: readonly (string | number)[]): Random {
  let [a, b, c] = keyOf([seed, ...path].join('/'));
  let count = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
}

/** Exponentially distributed around `mean`: many small ones, few large ones. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

export function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low);
}

export function pick<T>(random: Random, list: readonly T[]): T {
  if (list.length === 0) throw new RangeError('nothing to pick from');
  return list[Math.floor(random() * list.length)] as T;
}

/** Three words of the text (FNV-1a from three starts). */
function keyOf(text: string): [number, number, number] {
  return [0x811c9dc5, 0x01000193, 0x9e3779b9].map((start) => {
    let hash = start;
    for (let at = 0; at < text.length; at++)
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    return hash | 0;
  }) as [number, number, number];
}
