import { expect, test } from 'vitest';
import { ProblemBoard } from './problem-board.ts';

test('a problem that stays keeps its date, a new one is told, one no longer found is gone', () => {
  let seconds = 0;
  let changes = 0;
  const board = new ProblemBoard(
    () => new Date(1000 * ++seconds),
    () => changes++,
  );
  const down = { code: 'ETCD', message: 'unreachable' };
  const route = { code: 'CONFLICT', message: 'taken', subject: 'route 10.5.2.0/24' };
  expect(board.set('etcd', [down])).toEqual([down]);
  expect(board.set('kernel', [route])).toEqual([route]);
  expect(board.set('etcd', [down])).toEqual([]);
  expect(changes).toBe(2);
  expect(board.list().map(({ code, since }) => [code, since.getTime()])).toEqual([
    ['ETCD', 1000],
    ['CONFLICT', 2000],
  ]);
  expect(board.set('kernel', [{ ...route, message: 'still taken' }])).toHaveLength(1);
  expect(board.list()[1]).toMatchObject({ message: 'still taken', since: new Date(2000) });
  board.set('kernel', []);
  expect(board.list()).toHaveLength(1);
});
