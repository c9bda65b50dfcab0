import { expect, test } from 'vitest';
import { decodeCoordinate, encodeCoordinate, type Coordinate } from './coordinate.ts';
import { Writer } from './writer.ts';

const ORIGIN: Coordinate = {
  vec: Array<number>(8).fill(0),
  error: 1.5,
  adjustment: 0,
  height: 1e-5,
};

test('the first coordinate takes the 130 bytes that Serf gives it', () => {
  expect(encodeCoordinate(ORIGIN)).toHaveLength(130);
});

test.each<[string, Uint8Array, string]>([
  ['another version', Uint8Array.of(2, ...encodeCoordinate(ORIGIN).subarray(1)), 'unknown-type'],
  ['7 dimensions', written({ ...ORIGIN, vec: ORIGIN.vec.slice(1) }), 'malformed'],
  ['9 dimensions', written({ ...ORIGIN, vec: [...ORIGIN.vec, 0] }), 'too-large'],
  ['a height that is none', written({ ...ORIGIN, height: Number.NaN }), 'malformed'],
  [
    'an infinite place',
    written({ ...ORIGIN, vec: [...ORIGIN.vec.slice(1), Infinity] }),
    'malformed',
  ],
  ['nothing', new Uint8Array(0), 'truncated'],
  ['a nil', Uint8Array.of(1, 0xc0), 'malformed'],
])('refuses %s', (_what, payload, reason) => {
  expect(decodeCoordinate(payload)).toMatchObject({ ok: false, reason });
});

test('does not write what others would refuse', () => {
  expect(() => encodeCoordinate({ ...ORIGIN, error: Number.NaN })).toThrow(RangeError);
  expect(() => encodeCoordinate({ ...ORIGIN, vec: [] })).toThrow(RangeError);
});

/** Without looking at whether it is sound. */
function written({ vec, error, adjustment, height }: Coordinate): Uint8Array {
  const writer = new Writer();
  writer.u8(1);
  writer.arrayHead(4);
  writer.arrayHead(vec.length);
  for (const number of [...vec, error, adjustment, height]) writer.float(number);
  return writer.bytes();
}
