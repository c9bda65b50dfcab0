import { describe, expect, it } from 'vitest';
import { Timers } from '../timers.ts';
import { Pace } from './pace.ts';

describe('a pace', () => {
  it('allows each kind once in a while', () => {
    const timers = new Timers(0);
    const pace = new Pace(timers, 1_000);
    expect([pace.allows('a'), pace.allows('a'), pace.allows('b')]).toEqual([true, false, true]);
    timers.advance(999);
    expect(pace.allows('a')).toBe(false);
    timers.advance(1_000);
    expect(pace.allows('a')).toBe(true);
  });

  it('allows no more kinds than its bound until some are over', () => {
    const timers = new Timers(0);
    const pace = new Pace(timers, 1_000, 32);
    const allowed = Array.from({ length: 2_000 }, (_, at) => pace.allows(String(at)));
    expect(allowed.filter(Boolean)).toHaveLength(32);
    timers.advance(1_000);
    expect(pace.allows('more')).toBe(true);
  });
});
