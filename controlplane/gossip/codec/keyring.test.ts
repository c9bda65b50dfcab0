import { expect, test } from 'vitest';
import { addKey, removeKey, useKey, type KeyChange, type Keyring } from './keyring.ts';

const [a, b, c] = [keyOf(16, 'a'), keyOf(24, 'b'), keyOf(32, 'c')] as const;

test('the first key added is used, later ones wait', () => {
  expect(ringOf(addKey(ringOf(addKey([], a)), b))).toEqual([a, b]);
});

test('adding a key that is there changes nothing', () => {
  const ring = [a, b];
  expect(ringOf(addKey(ring, keyOf(24, 'b')))).toBe(ring);
});

test('using a key moves it to the front and keeps the others in order', () => {
  expect(ringOf(useKey([a, b, c], keyOf(32, 'c')))).toEqual([c, a, b]);
});

test('removing a key leaves the others, and one that is not there all', () => {
  expect(ringOf(removeKey([a, b, c], b))).toEqual([a, c]);
  expect(ringOf(removeKey([a, b], c))).toEqual([a, b]);
});

test.each([
  ['a key of 17 bytes', addKey([], keyOf(17, 'a')), '16, 24 or 32 bytes, not 17'],
  ['the use of an unknown key', useKey([a], b), 'install it'],
  ['the removal of the key in use', removeKey([a, b], a), 'use another one'],
])('refuses %s', (_what, change, problem) => {
  expect(change).toMatchObject({ ok: false, problem: expect.stringContaining(problem) as string });
});

function ringOf(change: KeyChange): Keyring {
  if (!change.ok) throw new Error(change.problem);
  return change.keyring;
}

function keyOf(length: number, fill: string): Uint8Array {
  return new Uint8Array(Buffer.alloc(length, fill));
}
