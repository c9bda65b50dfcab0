import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from './address.ts';
import {
  formatHostPort,
  parseHostPort,
  parseSocketAddress,
  partsOf,
  socketAddress,
} from './socket-address.ts';

test.each([
  ['h1', { host: 'h1' }],
  ['node_1.example.org.:1', { host: 'node_1.example.org.', port: 1 }],
  ['192.0.2.1', { host: '192.0.2.1' }],
  ['192.0.2.1:65535', { host: '192.0.2.1', port: 65_535 }],
  ['2001:DB8::1', { host: '2001:db8::1' }],
  ['[2001:DB8::1]', { host: '2001:db8::1' }],
  ['[2001:db8::1]:7946', { host: '2001:db8::1', port: 7946 }],
])('%s is a host', (text, parsed) => {
  expect(parseHostPort(text)).toEqual(parsed);
});

test.each([
  '',
  ':7946',
  'h1:',
  'h1:0',
  'h1:65536',
  'h1:123456',
  'h1:79x',
  'h 1',
  'a..b',
  '192.0.2.256',
  '192.0.2',
  '[192.0.2.1]:1',
  '[h1]:1',
  '2001:db8::1:65536:1:1:1:1:1',
  'x'.repeat(64),
  `${'abcdefgh.'.repeat(30)}z`,
])('%j is none', (text) => {
  expect(parseHostPort(text)).toBeUndefined();
});

test('with a port, what is written is read', () => {
  const one = fc.record({
    host: fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((text) => address(text) as string),
      fc.domain(),
    ),
    port: fc.integer({ min: 1, max: 65_535 }),
  });
  fc.assert(
    fc.property(one, (value) => {
      expect(parseHostPort(formatHostPort(value))).toEqual(value);
    }),
  );
});

test('a socket address has an address and a port', () => {
  const parsed = parseSocketAddress('[FD00::1]:7946');
  expect(parsed).toBe('[fd00::1]:7946');
  expect(parsed && partsOf(parsed)).toEqual({ address: 'fd00::1', port: 7946 });
  expect(partsOf(socketAddress(address('192.0.2.1'), 1))).toEqual({
    address: '192.0.2.1',
    port: 1,
  });
  expect(parseSocketAddress('h1:7946')).toBeUndefined();
  expect(parseSocketAddress('192.0.2.1')).toBeUndefined();
});
