import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pending } from './pending.ts';

const ever = new AbortController().signal;

test('of each thing the reader gets the latest, in the order of the changes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(5), fc.nat()), { minLength: 1 }), async (changes) => {
      const pending = new Pending<readonly [number, number]>(6);
      for (const change of changes) pending.put(String(change[0]), change);
      const latest = changes.filter(
        ([key], i) => !changes.slice(i + 1).some(([later]) => later === key),
      );
      expect(await pending.take(2, ever)).toEqual(latest.slice(0, 2));
      if (latest.length > 2) expect(await pending.take(9, ever)).toEqual(latest.slice(2));
    }),
  );
});

test('a reader that waits is woken by a change, and by the end', async () => {
  const pending = new Pending<number>(1);
  const waiting = pending.take(1, ever);
  pending.put('a', 1);
  expect(await waiting).toEqual([1]);
  const ending = new AbortController();
  const last = pending.take(1, ending.signal);
  ending.abort();
  expect(await last).toBeUndefined();
  expect(await pending.take(1, ending.signal)).toBeUndefined();
});

test('past its limit it forgets everything and says so from then on', async () => {
  const pending = new Pending<number>(2);
  for (const key of ['a', 'b', 'c', 'd']) pending.put(key, 1);
  await expect(pending.take(1, ever)).rejects.toMatchObject({ code: 'WEFT_SLOW_READER' });
  await expect(pending.take(1, ever)).rejects.toMatchObject({ code: 'WEFT_SLOW_READER' });
});
