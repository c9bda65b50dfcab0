import { expect, test } from 'vitest';
import { decodeTags } from './tags.ts';

test('meta that is no map is a role, as old versions had it', () => {
  expect(decodeTags(new Uint8Array(Buffer.from('web')))).toEqual({
    ok: true,
    value: new Map([['role', 'web']]),
  });
});

test('no meta is no tags', () => {
  expect(decodeTags(new Uint8Array(0))).toEqual({ ok: true, value: new Map() });
});

test.each([
  ['a map that is cut off', [0xff, 0x81, 0xa1], 'truncated'],
  ['a map of numbers', [0xff, 0x81, 0xa1, 0x61, 0x01], 'malformed'],
  ['more than 512 bytes', Array<number>(513).fill(0x61), 'too-large'],
])('refuses %s', (_what, meta, reason) => {
  expect(decodeTags(Uint8Array.from(meta))).toMatchObject({ ok: false, reason });
});
