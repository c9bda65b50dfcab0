import { Address4, Address6 } from 'ip-address';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  address,
  addressFromBytes,
  addressFromInteger,
  addressToBytes,
  addressToInteger,
  familyOf,
  parseAddress,
} from './address.ts';
import { isUnicastMac, localMac, mac, macFromBytes, parseMac, writeMac } from './mac.ts';
import {
  addressIn,
  containsAddress,
  containsPrefix,
  hostPrefix,
  outermost,
  overlaps,
  parsePrefix,
  prefix,
  prefixOf,
  rangeOf,
} from './prefix.ts';

const arbV4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
// Many zeros, so that :: has something to choose from.
const arbV6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 })
  .map((bytes) => new Uint8Array(bytes));
const arbAddress = fc.oneof(arbV4, arbV6).map((bytes) => addressFromBytes(bytes));

test('bytes, text and integer say the same, and the text is what others print', () => {
  fc.assert(
    fc.property(fc.oneof(arbV4, arbV6), (bytes) => {
      const value = addressFromBytes(bytes);
      expect(addressToBytes(value)).toEqual(bytes);
      expect(parseAddress(value)).toBe(value);
      expect(addressFromInteger(addressToInteger(value), familyOf(value))).toBe(value);
      const other = familyOf(value) === 4 ? new Address4(value) : new Address6(value);
      expect(value).toBe(other.correctForm());
      expect(addressToInteger(value)).toBe(other.bigInt());
    }),
  );
});

test('any spelling of an IPv6 address parses to the canonical one', () => {
  expect(parseAddress('FD00:0:0:0::0:1')).toBe('fd00::1');
  expect(parseAddress('::ffff:192.0.2.1')).toBe('::ffff:c000:201');
});

test.each([
  '',
  '1.2.3',
  '010.1.1.1',
  '127.1',
  '1.2.3.4.5',
  '1.2.3.256',
  'fe80::1%eth0',
  '::1::',
  ' 1.2.3.4',
  '1.2.3.4/24',
])('not an address: %j', (text) => {
  expect(parseAddress(text)).toBeUndefined();
  expect(() => address(text)).toThrow(RangeError);
});

test('parsing never throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseAddress(text);
      parsePrefix(text);
      parseMac(text);
    }),
  );
});

test.each([
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/08',
  '10.0.0.0/',
  '/24',
  'fd00::/129',
  '10.0.0.0/8/8',
])('not a prefix: %j', (text) => {
  expect(parsePrefix(text)).toBeUndefined();
  expect(() => prefix(text)).toThrow(RangeError);
});

test('a prefix holds its range and nothing else', () => {
  fc.assert(
    fc.property(
      arbAddress,
      fc.nat(128),
      fc.bigInt({ min: 0n, max: 1n << 70n }),
      (base, bits, offset) => {
        const length = familyOf(base) === 4 ? bits % 33 : bits;
        const block = prefixOf(base, length);
        const { first, last } = rangeOf(block);
        expect(parsePrefix(block)).toBe(block);
        expect(containsAddress(block, base)).toBe(true);
        expect(containsAddress(block, addressFromInteger(first, familyOf(base)))).toBe(true);
        expect(addressIn(block, offset % (last - first + 1n)) !== undefined).toBe(true);
        const past = last + 1n;
        if (past >> BigInt(familyOf(base) === 4 ? 32 : 128) === 0n) {
          expect(containsAddress(block, addressFromInteger(past, familyOf(base)))).toBe(false);
        }
        expect(overlaps(block, hostPrefix(base))).toBe(true);
      },
    ),
  );
});

test('prefixes of different families never overlap', () => {
  expect(overlaps(prefix('0.0.0.0/0'), prefix('::/0'))).toBe(false);
});

test('the outermost of many are those that lie in no other, each once and in their order', () => {
  // Few bits that differ, so that prefixes lie in each other and side by side.
  const few = fc.constantFrom('0.0.0.0', '10.0.0.0', '10.0.0.1', '10.128.0.0', '255.255.255.255');
  const few6 = fc.constantFrom('::', '::1', 'fd00::', 'fd00:0:0:1::', 'fd00::8000:0:0:0');
  const arbPrefix = fc.oneof(
    fc.tuple(few, fc.nat(32)).map(([base, length]) => prefix(`${base}/${length}`)),
    fc.tuple(few6, fc.nat(128)).map(([base, length]) => prefix(`${base}/${length}`)),
  );
  fc.assert(
    fc.property(fc.array(arbPrefix, { maxLength: 12 }), (prefixes) => {
      const all = [...new Set(prefixes)];
      expect(outermost(prefixes)).toEqual(
        all.filter((inner) => !all.some((each) => each !== inner && containsPrefix(each, inner))),
      );
    }),
    { numRuns: 1_000 },
  );
});

test('a MAC survives its bytes, and a local one is unicast and locally administered', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const into = new Uint8Array(8);
      writeMac(macFromBytes(bytes), into, 1);
      expect(into.subarray(1, 7)).toEqual(bytes);
      const local = localMac(bytes);
      expect(isUnicastMac(local)).toBe(true);
      expect(Number.parseInt(local.slice(0, 2), 16) & 2).toBe(2);
    }),
  );
  expect(parseMac('AA:BB:CC:DD:EE:FF')).toBe('aa:bb:cc:dd:ee:ff');
  expect(() => mac('aa-bb-cc-dd-ee-ff')).toThrow(RangeError);
  expect(isUnicastMac(mac('01:00:5e:00:00:01'))).toBe(false);
});
