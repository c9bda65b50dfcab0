import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLamportTime, LamportClock } from './lamport.ts';

const times = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

describe('LamportClock', () => {
  it('is ahead of all that it has seen, never goes back, and never runs over', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(times, fc.constant('stamp' as const))), (steps) => {
        const clock = new LamportClock();
        let before = clock.time;
        for (const step of steps) {
          if (step === 'stamp') expect(clock.stamp()).toBe(before);
          else {
            clock.witness(step);
            if (isLamportTime(step)) expect(clock.time).toBeGreaterThan(step);
            else expect(clock.time).toBe(before);
          }
          expect(clock.time).toBeGreaterThanOrEqual(before);
          expect(clock.time).toBeLessThan(2n ** 64n);
          before = clock.time;
        }
      }),
    );
  });

  it('begins at 1', () => {
    expect(new LamportClock().time).toBe(1n);
  });
});
