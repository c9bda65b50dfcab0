import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Coordinate } from '../codec/index.ts';
import { below } from '../random.ts';
import { seeded } from './testing.ts';
import { Coordinates, estimateRtt, isBelievable, ORIGIN } from './vivaldi.ts';

/** Everybody measures somebody, many times; the median of how far estimates are from the truth. */
function errorAfter(
  rounds: number,
  truth: (a: number, b: number) => number,
  count: number,
  seed: number,
): number {
  const random = seeded(seed);
  const nodes = Array.from({ length: count }, () => new Coordinates(random));
  for (let round = 0; round < rounds; round++)
    for (const [a, node] of nodes.entries()) {
      const b = (a + 1 + below(random, count - 1)) % count;
      const other = nodes[b] as Coordinates;
      node.observe(String(b), other.own, truth(a, b) * (0.95 + 0.1 * random()));
    }
  const errors: number[] = [];
  for (let a = 0; a < count; a++)
    for (let b = 0; b < a; b++) {
      const estimate = estimateRtt((nodes[a] as Coordinates).own, (nodes[b] as Coordinates).own);
      errors.push(Math.abs(estimate - truth(a, b)) / truth(a, b));
    }
  return errors.sort((a, b) => a - b)[errors.length >> 1] as number;
}

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.double({ min: -100, max: 100, noNaN: true }),
);
const place: fc.Arbitrary<Coordinate> = fc.record({
  vec: fc.array(number, { minLength: 8, maxLength: 8 }),
  error: fc.oneof(number, fc.double({ min: 0, max: 1.5, noNaN: true })),
  adjustment: number,
  height: fc.oneof(number, fc.double({ min: 0, max: 100, noNaN: true })),
});

describe('Coordinates', () => {
  it('find the round trips of hosts on a line, and of two rooms far apart', () => {
    for (const seed of [1, 2, 3]) {
      const line = (a: number, b: number): number => 10 * Math.abs(a - b);
      expect(errorAfter(300, line, 12, seed)).toBeLessThan(0.15);
      const rooms = (a: number, b: number): number => (a % 2 === b % 2 ? 1 : 80);
      expect(errorAfter(300, rooms, 12, seed)).toBeLessThan(0.3);
    }
  });

  it('stay numbers within bounds, whatever is said to them', () => {
    const sample = fc.record({ name: fc.constantFrom('a', 'b', 'c'), place, rtt: number });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 60 }), fc.integer(), (samples, seed) => {
        const coordinates = new Coordinates(seeded(seed));
        for (const { name, place, rtt } of samples) {
          const before = coordinates.own;
          const taken = coordinates.observe(name, place, rtt);
          if (!taken) expect(coordinates.own).toBe(before);
          expect(isBelievable(coordinates.own)).toBe(true);
          const estimate = coordinates.rtt(name);
          if (estimate !== undefined) expect(Number.isFinite(estimate) && estimate >= 0).toBe(true);
        }
      }),
    );
  });

  it('refuse a round trip that cannot be', () => {
    const coordinates = new Coordinates(seeded(1));
    for (const rtt of [-1, 10_001, NaN, Infinity])
      expect(coordinates.observe('a', ORIGIN, rtt)).toBe(false);
    expect(coordinates.rtt('a')).toBeUndefined();
    expect(coordinates.observe('a', ORIGIN, 0)).toBe(true);
  });

  it('take the median: one slow answer is no slow way', () => {
    const calm = new Coordinates(seeded(1));
    const rough = new Coordinates(seeded(1));
    for (let i = 0; i < 200; i++) {
      calm.observe('a', ORIGIN, 10);
      rough.observe('a', ORIGIN, i % 7 === 3 ? 900 : 10);
    }
    expect(rough.own).toEqual(calm.own);
  });

  it('forget a member', () => {
    const coordinates = new Coordinates(seeded(1));
    coordinates.observe('a', ORIGIN, 10);
    expect(coordinates.rtt('a')).toBeGreaterThan(0);
    coordinates.forget('a');
    expect(coordinates.rtt('a')).toBeUndefined();
  });
});
