import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { overlaps, prefix, prefixOf, type Prefix } from '../ip/prefix.ts';
import type { SubnetRange } from '../state/facts.ts';
import { candidates, sizeOf, TRY_LIMIT } from './allocator.ts';
import { PrefixIndex } from './prefix-index.ts';

const range: SubnetRange = {
  network: prefix('10.5.0.0/24'),
  subnetLength: 28,
  first: address('10.5.0.16'),
  last: address('10.5.0.240'),
};
const free = (): boolean => false;

test('the whole range, each subnet once, in an order that the seed decides', () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      const all = [...candidates(range, free, seed)];
      expect(new Set(all).size).toBe(15);
      expect(all).toEqual([...candidates(range, free, seed)]);
      expect(all).not.toContain('10.5.0.0/28');
    }),
  );
  expect([...candidates(range, free, 'a')]).not.toEqual([...candidates(range, free, 'b')]);
  expect(sizeOf(range)).toBe(15n);
});

test('all that does not overlap what is taken, whatever its length', () => {
  const taken = fc
    .tuple(fc.ipV4(), fc.integer({ min: 24, max: 31 }))
    .map(([text, length]) => prefixOf(address(text.replace(/^\d+\.\d+\.\d+/, '10.5.0')), length));
  fc.assert(
    fc.property(fc.array(taken, { maxLength: 8 }), fc.string(), (prefixes, seed) => {
      const index = new PrefixIndex();
      prefixes.forEach((value, i) => index.add(value, String(i)));
      const offered = [...candidates(range, (subnet) => index.overlaps(subnet), seed)];
      const expected = [...candidates(range, free, seed)].filter(
        (subnet) => !prefixes.some((other) => overlaps(other, subnet)),
      );
      expect(offered).toEqual(expected);
    }),
  );
});

test('a range of which the first lies behind the last is empty; a huge one is tried in part', () => {
  const empty = { ...range, first: range.last, last: range.first };
  expect([...candidates(empty, free, 'x')]).toEqual([]);
  const huge: SubnetRange = {
    network: prefix('fd00::/16'),
    subnetLength: 64,
    first: address('fd00:0:0:1::'),
    last: address('fd00:ffff:ffff:ffff::'),
  };
  let tried = 0;
  const [none] = candidates(huge, () => ++tried > 0, 'x');
  expect(none).toBeUndefined();
  expect(tried).toBe(TRY_LIMIT);
});

test('the index agrees with a linear search', () => {
  const base = fc.integer({ min: 0, max: 255 }).map((octet) => address(`10.5.0.${octet}`));
  const v4 = fc.tuple(base, fc.integer({ min: 22, max: 31 })).map(([a, l]) => prefixOf(a, l));
  const v6 = fc
    .tuple(fc.nat({ max: 15 }), fc.integer({ min: 58, max: 66 }))
    .map(([n, l]) => prefixOf(address(`fd00:0:0:${n.toString(16)}::`), l));
  const any = fc.oneof(v4, v6);
  const step = fc.record({ prefix: any, owner: fc.nat({ max: 4 }), add: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.array(any, { minLength: 1 }),
      (steps, queries) => {
        const index = new PrefixIndex();
        const model = new Set<string>();
        for (const { prefix: value, owner, add } of steps) {
          index[add ? 'add' : 'delete'](value, String(owner));
          model[add ? 'add' : 'delete'](`${value} ${owner}`);
        }
        for (const query of queries) {
          const expected = [...model].filter((line) =>
            overlaps(line.split(' ')[0] as Prefix, query),
          );
          expect([...index.overlapping(query)].toSorted()).toEqual(
            expected.map((line) => line.split(' ')[1] ?? '').toSorted(),
          );
        }
      },
    ),
  );
});
