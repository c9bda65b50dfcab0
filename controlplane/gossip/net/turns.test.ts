import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('works in slices of 10 ms, in order, and goes on by itself', async () => {
  let now = 0;
  const turns = new Turns(() => now);
  const done: number[] = [];
  for (let i = 0; i < 10; i++) {
    turns.add(() => {
      done.push(i);
      now += 4;
    });
  }
  expect(done).toEqual([]);
  turns.run();
  expect(done).toEqual([0, 1, 2]);
  expect(turns.size).toBe(7);
  await turn();
  expect(done).toEqual([0, 1, 2, 3, 4, 5]);
  await turn();
  await turn();
  expect(done).toHaveLength(10);
  expect(turns.size).toBe(0);
});

test('a job may add another, and all can be dropped', async () => {
  const turns = new Turns(() => 0);
  const done: string[] = [];
  turns.add(() => turns.add(() => done.push('second')));
  await turn();
  expect(done).toEqual(['second']);
  turns.add(() => done.push('never'));
  turns.clear();
  await turn();
  expect(done).toEqual(['second']);
});
