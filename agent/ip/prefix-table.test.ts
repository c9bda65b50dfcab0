import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressFromInteger } from './address.ts';
import { PrefixTable } from './prefix-table.ts';
import { containsAddress, lengthOf, prefixOf } from './prefix.ts';

const arbAddress = fc
  .nat(0xff)
  .map((n) => addressFromInteger((10n << 24n) + BigInt(n * 0x01_01), 4));
const arbPrefix = fc
  .tuple(arbAddress, fc.integer({ min: 8, max: 32 }))
  .map(([base, length]) => prefixOf(base, length));

test('the table agrees with a linear search', () => {
  fc.assert(
    fc.property(fc.uniqueArray(arbPrefix, { maxLength: 20 }), arbAddress, (prefixes, wanted) => {
      const table = new PrefixTable(prefixes.map((prefix) => [prefix, prefix]));
      const longest = prefixes
        .filter((prefix) => containsAddress(prefix, wanted))
        .toSorted((a, b) => lengthOf(b) - lengthOf(a))[0];
      expect(table.lookup(wanted)).toBe(longest);
    }),
  );
});
