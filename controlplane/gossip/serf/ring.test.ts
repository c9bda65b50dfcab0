import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LamportClock } from './lamport.ts';
import { Ring } from './ring.ts';

const MIB = 2 ** 20;

/** A ring with its clock. */
function ringOf(weight = 1): { add: (lTime: bigint, key: string) => boolean; ring: Ring<string> } {
  const ring = new Ring<string>();
  const clock = new LamportClock();
  return {
    ring,
    add(lTime, key) {
      clock.witness(lTime);
      return ring.add({ lTime, clock: clock.time, key, value: key, weight });
    },
  };
}

describe('Ring', () => {
  it('lets each through once, in whatever order and however often it comes', () => {
    const entry = fc.record({
      lTime: fc.bigInt({ min: 1n, max: 500n }),
      key: fc.stringMatching(/^[ab]{1,2}$/),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 100 }), (entries) => {
        const { add } = ringOf();
        const seen = new Set<string>();
        for (const { lTime, key } of entries) {
          expect(add(lTime, key)).toBe(!seen.has(`${lTime} ${key}`));
          seen.add(`${lTime} ${key}`);
        }
      }),
    );
  });

  it('lets nothing through twice, wherever the clock goes', () => {
    const entry = fc.record({
      lTime: fc.bigInt({ min: 1n, max: 3_000n }),
      key: fc.constantFrom('a', 'b'),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 300 }), (entries) => {
        const { add } = ringOf();
        const told = new Set<string>();
        for (const { lTime, key } of entries)
          if (add(lTime, key)) {
            expect(told).not.toContain(`${lTime} ${key}`);
            told.add(`${lTime} ${key}`);
          }
      }),
    );
  });

  it('lets nothing through that is too old to be told from something new', () => {
    const { add } = ringOf();
    expect(add(1_000n, 'a')).toBe(true);
    expect(add(489n, 'a')).toBe(true);
    expect(add(488n, 'a')).toBe(false);
  });

  it('lets nothing through below the minimum, which only rises', () => {
    const { ring, add } = ringOf();
    ring.raise(10n);
    ring.raise(5n);
    expect([add(9n, 'a'), add(10n, 'a')]).toEqual([false, true]);
  });

  it('forgets the oldest at its bound, and does not let it through again', () => {
    const { ring, add } = ringOf(MIB);
    for (const lTime of [1n, 2n, 3n, 4n, 5n]) expect(add(lTime, 'a')).toBe(true);
    expect([...ring].map(({ lTime }) => lTime)).toEqual([2n, 3n, 4n, 5n]);
    expect(add(1n, 'a')).toBe(false);
    expect(add(2n, 'b')).toBe(false);
    expect(add(6n, 'b')).toBe(true);
  });
});
