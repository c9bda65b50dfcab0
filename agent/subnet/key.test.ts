import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressFromInteger } from '../ip/address.ts';
import { prefix, prefixOf } from '../ip/prefix.ts';
import { formatKey, parseKey } from './key.ts';

test.each([
  ['10.5.52.0-24', { 4: '10.5.52.0/24' }],
  ['10.5.32.0-24&fd00:5:0:17::-64', { 4: '10.5.32.0/24', 6: 'fd00:5:0:17::/64' }],
  ['x10.5.91.0-24', { 4: '10.5.91.0/24' }],
  ['0.0.0.0-0&fd00:5::-64', { 6: 'fd00:5::/64' }],
  ['10.5.52.7-24', { 4: '10.5.52.0/24' }],
])('%s is read', (key, subnets) => {
  expect(parseKey(key)).toEqual({ value: subnets });
});

test.each([
  '10.5.91.7-32',
  '10.5.91.0-24x',
  'foo',
  '',
  '10-5-1-0-24',
  '10.5.1.0-24&FD00::-64',
  '10.5.1.0-24&fd00::-128',
  '10.5.1.0-24&fd00::-0',
  '10.5.1.0-24&fd0::0::-64',
  '256.5.1.0-24',
  '0.0.0.0-0',
  `${'x'.repeat(300)}10.5.1.0-24`,
])('%s is refused', (key) => {
  expect(parseKey(key)).toHaveProperty('reason');
});

test('v6 only is written with the v4 part zero', () => {
  expect(formatKey({ 6: prefix('fd00:5:0:2::/64') })).toBe('0.0.0.0-0&fd00:5:0:2::-64');
});

test('what is written is read back', () => {
  const v4 = fc
    .tuple(fc.bigInt(0n, 2n ** 32n - 1n), fc.integer({ min: 1, max: 31 }))
    .map(([integer, length]) => prefixOf(addressFromInteger(integer, 4), length));
  const v6 = fc
    .tuple(fc.bigInt(0n, 2n ** 128n - 1n), fc.integer({ min: 1, max: 127 }))
    .map(([integer, length]) => prefixOf(addressFromInteger(integer, 6), length));
  const subnets = fc.oneof(fc.record({ 4: v4 }), fc.record({ 6: v6 }), fc.record({ 4: v4, 6: v6 }));
  fc.assert(
    fc.property(subnets, (value) => {
      expect(parseKey(formatKey(value))).toEqual({ value });
    }),
  );
});

test('no text makes the reader throw', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseKey(text)));
});
