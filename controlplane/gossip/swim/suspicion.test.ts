import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timers } from '../timers.ts';
import { LAN, WAN } from './settings.ts';
import { Suspicion, suspicionTimeout, suspicionTimes } from './suspicion.ts';

function times(size: number): number[] {
  const all = suspicionTimes(LAN, size);
  return Array.from({ length: all.confirmations + 1 }, (_, had) => suspicionTimeout(all, had));
}

describe('the times of a suspicion', () => {
  it.each([
    [2, [4_000]],
    [3, [4_000]],
    [4, [24_000, 11_381, 4_000]],
    [10, [24_000, 11_381, 4_000]],
    [50, [40_752, 19_325, 6_792]],
    [100, [48_000, 22_762, 8_000]],
    [1_000, [72_000, 34_144, 12_000]],
  ])('are those of the specification for %i members', (size, expected) => {
    expect(times(size)).toEqual(expected);
  });

  it('shrink with each confirmation, never below the least', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70_000 }),
        fc.constantFrom(LAN, WAN),
        (size, settings) => {
          const all = suspicionTimes(settings, size);
          let last = Infinity;
          for (let had = 0; had <= all.confirmations; had++) {
            const timeout = suspicionTimeout(all, had);
            expect(timeout).toBeLessThan(last);
            expect(timeout).toBeGreaterThanOrEqual(all.min);
            last = timeout;
          }
          expect(last).toBeCloseTo(all.min, -1);
        },
      ),
    );
  });
});

describe('a suspicion', () => {
  const start = (size: number) => {
    const timers = new Timers(0);
    const ends = { calls: [] as number[], over: Infinity };
    const suspicion = new Suspicion(timers, suspicionTimes(LAN, size), 'starter', {
      nearlyOver: () => ends.calls.push(timers.now),
      over: () => (ends.over = timers.now),
    });
    const pass = (until: number): void => {
      while (timers.due <= until) timers.advance(timers.due);
      timers.advance(until);
    };
    return { suspicion, ends, pass };
  };

  it('counts each accuser once, and its own not at all', () => {
    const { suspicion } = start(10);
    expect(suspicion.confirm('starter')).toBe(false);
    expect(suspicion.confirm('a')).toBe(true);
    expect(suspicion.confirm('a')).toBe(false);
    expect(suspicion.isOpen).toBe(true);
    expect(suspicion.confirm('b')).toBe(true);
    expect(suspicion.isOpen).toBe(false);
    expect(suspicion.confirm('c')).toBe(false);
  });

  it('ends when the confirmations say so, reckoned from its start', () => {
    const { suspicion, ends, pass } = start(10);
    pass(1_000);
    suspicion.confirm('a');
    pass(2_000);
    suspicion.confirm('b');
    pass(60_000);
    expect(ends.over).toBe(4_000);
  });

  it('has the suspect called once more when its time is over with a late confirmation', () => {
    const { suspicion, ends, pass } = start(10);
    pass(15_000);
    suspicion.confirm('a');
    pass(60_000);
    expect(ends).toEqual({ calls: [15_000], over: 16_000 });
  });

  it('has the suspect called before', () => {
    const { suspicion, ends, pass } = start(3);
    pass(60_000);
    expect(ends).toEqual({ calls: [1_000, 2_000, 3_000], over: 4_000 });
    expect(suspicion.isOpen).toBe(false);
  });

  it('has its time anew after a sign of life', () => {
    const { suspicion, ends, pass } = start(3);
    pass(3_500);
    suspicion.renew();
    pass(60_000);
    expect(ends.over).toBe(7_500);
  });

  it('does not end once it is taken back', () => {
    const { suspicion, ends, pass } = start(3);
    suspicion.cancel();
    pass(60_000);
    expect(ends).toEqual({ calls: [], over: Infinity });
  });
});
