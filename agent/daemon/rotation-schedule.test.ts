import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { turn } from './machine.ts';
import { RotationSchedule } from './rotation-schedule.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function stage(every: number, { ageAtStart = 0, chance = 0.5 } = {}) {
  const clock = new ManualClock();
  const tried: number[] = [];
  const failures: unknown[] = [];
  let madeAt = -ageAtStart;
  let refusal: Error | undefined;
  const schedule = new RotationSchedule({
    every,
    clock,
    random: () => chance,
    age: () => clock.now() - madeAt,
    rotate: async () => {
      tried.push(clock.now());
      if (refusal !== undefined) throw refusal;
      madeAt = clock.now();
    },
    failed: (cause) => void failures.push(cause),
  });
  schedule.start();
  const advance = async (ms: number): Promise<void> => {
    for (const end = clock.now() + ms; clock.now() < end;) {
      clock.advance(Math.min(HOUR / 2, end - clock.now()));
      await turn();
    }
  };
  const refuse = (error: Error | undefined): void => void (refusal = error);
  const byHand = (): void => void (madeAt = clock.now());
  return { clock, tried, failures, schedule, advance, refuse, byHand };
}

test('so long after the last time, and by chance up to a tenth later', async () => {
  const { tried, advance } = stage(30 * DAY);
  await advance(31.5 * DAY - HOUR);
  expect(tried).toEqual([]);
  await advance(HOUR);
  expect(tried).toEqual([31.5 * DAY]);
  await advance(31.5 * DAY);
  expect(tried).toHaveLength(2);
});

test('overdue at the start, by chance within the next hour', async () => {
  const { tried, advance } = stage(30 * DAY, { ageAtStart: 90 * DAY });
  await advance(HOUR);
  expect(tried).toEqual([HOUR / 2]);
});

test('refused, it is told, and tried again after ever longer pauses', async () => {
  const { tried, failures, advance, refuse } = stage(DAY, { ageAtStart: 2 * DAY, chance: 0 });
  refuse(new Error('no'));
  await advance(DAY);
  expect(failures.length).toBe(tried.length);
  expect(tried.length).toBeGreaterThan(6);
  expect(tried.length).toBeLessThan(14);
  refuse(undefined);
  const before = tried.length;
  await advance(0.9 * DAY);
  expect(tried).toHaveLength(before + 1);
});

test('a key changed by hand counts, and after a stop nothing happens', async () => {
  const { tried, advance, schedule, byHand } = stage(DAY);
  await advance(DAY);
  byHand();
  await advance(DAY);
  expect(tried).toEqual([]);
  await advance(DAY / 10);
  expect(tried).toHaveLength(1);
  schedule.stop();
  await advance(9 * DAY);
  expect(tried).toHaveLength(1);
});
