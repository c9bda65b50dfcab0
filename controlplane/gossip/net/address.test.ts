import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBytes, addressText, endpointText, isLinkLocal, unmapped } from './address.ts';

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

test.each([
  ['127.0.0.1', '7f000001'],
  ['255.255.255.255', 'ffffffff'],
  ['::', '00000000000000000000000000000000'],
  ['::1', '00000000000000000000000000000001'],
  ['2001:db8::1:0:0:1', '20010db8000000000001000000000001'],
  ['2001:0:0:1::1', '20010000000000010000000000000001'],
  ['fe80::1', 'fe800000000000000000000000000001'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['1:0:3:4:5:6:7:8', '00010000000300040005000600070008'],
])('%s is %s', (text, bytes) => {
  expect(hex(addressBytes(text))).toBe(bytes);
  expect(addressText(Buffer.from(bytes, 'hex'))).toBe(text);
});

test('a v4 address in 16 bytes is dialled as v4', () => {
  const mapped = Buffer.from('00000000000000000000ffff0a4d0001', 'hex');
  expect(addressText(mapped)).toBe('10.77.0.1');
  expect(hex(unmapped(mapped))).toBe('0a4d0001');
  expect(hex(addressBytes('::ffff:10.77.0.1'))).toBe('0a4d0001');
  expect(endpointText({ addr: mapped, port: 7946 })).toBe('10.77.0.1:7946');
});

test('what is no address has none', () => {
  for (const text of ['', 'host', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1::2::3', ':'])
    expect(addressBytes(text)).toBeUndefined();
  for (const length of [0, 3, 5, 15, 17]) {
    expect(addressText(new Uint8Array(length))).toBeUndefined();
    expect(endpointText({ addr: new Uint8Array(length), port: 1 })).toContain('0x');
  }
});

test('a zone is no part of the bytes', () => {
  const addr = addressBytes('fe80::1%eth0');
  expect(hex(addr)).toBe('fe800000000000000000000000000001');
  expect(isLinkLocal(addr ?? new Uint8Array(0))).toBe(true);
});

test('bytes come back from their text', () => {
  // Many zeros, so that runs of them occur in every place.
  const byte = fc.oneof(fc.constant(0), fc.nat(255));
  const any = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.array(byte, { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
  );
  fc.assert(
    fc.property(any, (addr) => {
      expect(hex(addressBytes(addressText(addr) ?? ''))).toBe(hex(unmapped(addr)));
    }),
  );
});
