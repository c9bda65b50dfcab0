/** What tests of the Serf layer share. */
import type { Random } from '../random.ts';
import type { Timers } from '../timers.ts';

/** In ms, of tests that let whole clusters run: the machine may be busy with others. */
export const TEST_TIMEOUT = 60_000;

/** A chance that is the same in every run (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lets `time` ms pass, without a stall. False when `until` said that it is enough before. */
export function pass(timers: Timers, time: number, until: () => boolean = () => false): boolean {
  const end = timers.now + time;
  const mark = timers.after(time, () => {});
  while (!until()) {
    if (timers.now >= end) return true;
    timers.advance(timers.due);
  }
  mark.cancel();
  return false;
}
