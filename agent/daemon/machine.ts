/** The machine's own time and chance, for the cores that take them as arguments. */
import { uptime } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import type { Clock, Random } from '../state/clock.ts';

export const machineClock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

export const machineRandom: Random = Math.random;

/** The time on the wall, in s since 1970. */
export function machineSeconds(): number {
  return Date.now() / 1000;
}

/** In ms since the machine began, with the time in which it slept: CLOCK_BOOTTIME, clock_gettime(2). */
export function machineUptime(): number {
  return uptime() * 1000;
}

/** Lets the event loop turn once, so that a long piece of work blocks nobody. */
export async function turn(): Promise<void> {
  await setImmediate();
}
