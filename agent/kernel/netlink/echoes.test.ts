import { expect, test } from 'vitest';
import { Echoes } from './echoes.ts';

test('an expected event is dropped once', () => {
  const echoes = new Echoes();
  echoes.expect('a');
  expect(echoes.take('a')).toBe(true);
  expect(echoes.take('a')).toBe(false);
});

test('what did not happen is struck out behind the marker, what came after it stays', async () => {
  const echoes = new Echoes();
  echoes.expect('a');
  const round = echoes.endRound();
  echoes.expect('b');
  const passed = echoes.whenPassed(round);
  echoes.passed(round);
  await passed;
  expect(echoes.take('a')).toBe(false);
  expect(echoes.take('b')).toBe(true);
});

test('when events were lost nobody waits for a marker any more', async () => {
  const echoes = new Echoes();
  echoes.expect('a');
  const passed = echoes.whenPassed(echoes.endRound());
  echoes.lost();
  await passed;
  expect(echoes.isExpecting()).toBe(false);
});
