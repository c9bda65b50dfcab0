import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { phaseOf, turnOf } from './turns.ts';

const sizes = fc.integer({ min: 2, max: 300 });
const periods = fc.integer({ min: 0, max: 2 ** 41 });

describe('turns', () => {
  it('let each member be probed by one other in each period', () => {
    fc.assert(
      fc.property(sizes, periods, (size, period) => {
        const targets = Array.from({ length: size }, (_, at) => (at + turnOf(period, size)) % size);
        expect(new Set(targets).size).toBe(size);
        expect(targets.every((target, at) => target !== at)).toBe(true);
      }),
    );
  });

  it('let each member probe all others, in as many periods', () => {
    fc.assert(
      fc.property(sizes, periods, (size, first) => {
        const turns = Array.from({ length: size - 1 }, (_, at) => turnOf(first + at, size));
        expect(turns.toSorted((a, b) => a - b)).toEqual(turns.map((_, at) => at + 1));
      }),
    );
  });

  it('spread members of like names over the period', () => {
    const phases = Array.from({ length: 1_000 }, (_, at) => phaseOf(`host-${at}`));
    for (let tenth = 0; tenth < 10; tenth++) {
      const here = phases.filter((phase) => Math.floor(phase * 10) === tenth);
      expect(here.length).toBeGreaterThan(60);
      expect(here.length).toBeLessThan(140);
    }
  });
});
