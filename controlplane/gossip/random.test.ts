import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sample, shuffle } from './random.ts';

const numbers = fc.uniqueArray(fc.nat(), { maxLength: 60 });
const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
  minLength: 1,
  maxLength: 300,
});

/** The numbers given, over and over. */
function replay(draws: readonly number[]): () => number {
  let at = 0;
  return () => draws[at++ % draws.length] as number;
}

const byValue = (a: number, b: number): number => a - b;

describe('shuffle', () => {
  it('keeps every element', () => {
    fc.assert(
      fc.property(numbers, draws, (list, chance) => {
        expect(shuffle(replay(chance), [...list]).sort(byValue)).toEqual([...list].sort(byValue));
      }),
    );
  });
});

describe('sample', () => {
  it('gives different ones that pass, and no more than asked for', () => {
    fc.assert(
      fc.property(numbers, draws, fc.nat({ max: 8 }), (list, chance, count) => {
        const chosen = sample(replay(chance), list, count, (n) => n % 2 === 0);
        expect(chosen.length).toBeLessThanOrEqual(count);
        expect(new Set(chosen).size).toBe(chosen.length);
        for (const n of chosen) expect(list.includes(n) && n % 2 === 0).toBe(true);
      }),
    );
  });

  it('gives all that a short list has', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { maxLength: 12 }), draws, (list, chance) => {
        const even = list.filter((n) => n % 2 === 0);
        const chosen = sample(replay(chance), list, 3, (n) => n % 2 === 0);
        expect(chosen.length).toBe(Math.min(3, even.length));
      }),
    );
  });
});
