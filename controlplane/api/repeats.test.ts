import { expect, test } from 'vitest';
import { Repeats, Told } from './repeats.ts';

const done = (value: number) => ({ end: Promise.resolve(value) });

test('a change is made once by its id, whatever comes between, and each time without one', async () => {
  const repeats = new Repeats();
  let made = 0;
  const make = () => done(++made);
  expect(await repeats.once('a', { x: 1 }, make).end).toBe(1);
  expect(await repeats.once('b', { x: 1 }, make).end).toBe(2);
  expect(await repeats.once('a', { x: 1 }, make).end).toBe(1);
  expect(await repeats.once('', { x: 1 }, make).end).toBe(3);
  expect(await repeats.once('', { x: 1 }, make).end).toBe(4);
});

test('an id that stands for another change, and one that is too long, are refused', () => {
  const repeats = new Repeats();
  repeats.once('a', { x: 1 }, () => done(1));
  expect(() => repeats.once('a', { x: 2 }, () => done(2))).toThrow(/stands for another change/);
  expect(() => repeats.once('a'.repeat(65), {}, () => done(2))).toThrow(/64 characters/);
});

test('while it is under way it is the same; when it failed it is made anew', async () => {
  const repeats = new Repeats();
  let fail: (cause: Error) => void = () => {};
  const end = new Promise<number>((_resolve, reject) => (fail = reject));
  const first = repeats.once('a', {}, () => ({ end }));
  expect(repeats.once('a', {}, () => done(2))).toBe(first);
  fail(new Error('no'));
  await expect(first.end).rejects.toThrow('no');
  await new Promise((resolve) => setImmediate(resolve));
  expect(await repeats.once('a', {}, () => done(2)).end).toBe(2);
});

test('of many the oldest that is done is forgotten, and none that is under way', async () => {
  const repeats = new Repeats();
  const never = { end: new Promise<number>(() => {}) };
  repeats.once('held', {}, () => never);
  for (let i = 0; i < 300; i++) await repeats.once(`n${i}`, {}, () => done(i)).end;
  expect(repeats.once('held', {}, () => done(1))).toBe(never);
  expect(await repeats.once('n299', {}, () => done(-1)).end).toBe(299);
  expect(await repeats.once('n0', {}, () => done(-1)).end).toBe(-1);
});

test('who follows late is told what was before, and all are told the end', async () => {
  let tell: (step: number) => void = () => {};
  let finish: () => void = () => {};
  const told = new Told<number>(
    (step) =>
      new Promise((resolve) => {
        tell = step;
        finish = resolve;
      }),
  );
  const [early, late]: [number[], number[]] = [[], []];
  const first = told.follow((step) => early.push(step));
  tell(1);
  const second = told.follow((step) => late.push(step));
  tell(2);
  finish();
  await Promise.all([first, second]);
  expect([early, late]).toEqual([
    [1, 2],
    [1, 2],
  ]);
});
