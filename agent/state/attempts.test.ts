import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { Attempts } from './attempts.ts';
import type { Key } from './resource.ts';

const KEY = 'route 10.5.2.0/24 metric 0' as Key;

function stage() {
  const clock = new ManualClock();
  const retried: number[] = [];
  const calmed: number[] = [];
  const attempts = new Attempts({
    clock,
    random: () => 1,
    retry: () => void retried.push(clock.now()),
    calm: () => void calmed.push(clock.now()),
  });
  return { clock, retried, calmed, attempts };
}

test('after a failure the next try waits twice as long as before, up to half a minute', () => {
  const { clock, retried, attempts } = stage();
  for (let i = 0; i < 9; i++) {
    attempts.failed(KEY);
    clock.advance(30_000);
  }
  const pauses = retried.map((at, i) => at - i * 30_000);
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  attempts.succeeded(KEY);
  attempts.failed(KEY);
  clock.advance(500);
  expect(retried.at(-1)).toBe(270_500);
});

test('ten repairs are done at once, the next half a second later', () => {
  const { clock, retried, attempts } = stage();
  for (let i = 0; i < 10; i++) expect(attempts.struck(KEY)).toBe('now');
  expect(attempts.struck(KEY)).toBe('contested');
  expect(attempts.struck(KEY)).toBe('later');
  clock.advance(500);
  expect(retried).toEqual([500]);
  expect(attempts.struck(KEY)).toBe('later');
  clock.advance(1000);
  expect(retried).toEqual([500, 1500]);
});

test('it stays contested as long as somebody is at it, and until a minute has passed in peace', () => {
  const { clock, calmed, attempts } = stage();
  const verdicts = Array.from({ length: 200 }, () => {
    clock.advance(1000);
    return attempts.struck(KEY);
  });
  expect(verdicts.filter((verdict) => verdict === 'contested')).toHaveLength(1);
  expect(verdicts.filter((verdict) => verdict === 'now')).toHaveLength(10);
  expect([calmed, attempts.isContested(KEY)]).toEqual([[], true]);
  clock.advance(90_000);
  expect([calmed.length, attempts.isContested(KEY)]).toEqual([1, false]);
  expect(attempts.struck(KEY)).toBe('now');
});

test('a repair now and then is never contested', () => {
  const { clock, attempts } = stage();
  for (let i = 0; i < 20; i++) {
    expect(attempts.struck(KEY)).toBe('now');
    clock.advance(60_001);
  }
});

test('a new wish starts afresh, and nothing comes after the end', () => {
  const { clock, retried, calmed, attempts } = stage();
  for (let i = 0; i < 11; i++) attempts.struck(KEY);
  attempts.forget(KEY);
  expect([attempts.isContested(KEY), attempts.struck(KEY)]).toEqual([false, 'now']);
  for (let i = 0; i < 11; i++) attempts.struck(KEY);
  attempts.stop();
  clock.advance(100_000);
  expect([retried, calmed]).toEqual([[], []]);
});
