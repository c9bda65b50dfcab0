import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_POOLS } from '../ip/pool.ts';
import { addressIn, containsPrefix, lengthOf, overlaps, prefix, prefixOf } from '../ip/prefix.ts';
import { chooseSubnets, chooseVni, FIRST_VNI, occupiedBy, type Occupied } from './choice.ts';
import type { NetworkDefinition } from './definition.ts';
import { NetworkError } from './errors.ts';

const arbOccupied: fc.Arbitrary<Occupied[]> = fc.array(
  fc
    .record({ base: fc.nat(0xffff), length: fc.integer({ min: 9, max: 30 }), isFar: fc.boolean() })
    .map(({ base, length, isFar }) => {
      const range = isFar ? prefix('192.168.0.0/16') : prefix('172.16.0.0/12');
      const address = addressIn(range, BigInt(base * (isFar ? 1 : 16)));
      return { prefix: prefixOf(address, length), what: 'a route' };
    }),
  { maxLength: 40 },
);

test('what is taken from the pools overlaps nothing, is of a pool, and is the same every time', () => {
  fc.assert(
    fc.property(arbOccupied, (occupied) => {
      const isFree = (subnet: string): boolean =>
        !occupied.some((each) => overlaps(each.prefix, prefix(subnet)));
      try {
        const [subnets, again] = [0, 1].map(() =>
          chooseSubnets({ 4: 'pool', 6: 'pool' }, occupied, DEFAULT_POOLS),
        );
        expect(again).toEqual(subnets);
        const subnet = subnets?.[4]?.subnet ?? prefix('0.0.0.0/0');
        expect(isFree(subnet)).toBe(true);
        const pool = DEFAULT_POOLS.find((each) => containsPrefix(each.prefix, subnet));
        expect(lengthOf(subnet)).toBe(pool?.length);
        expect(subnets?.[6]?.subnet).toBe('fdf7:77ef:7400::/64');
      } catch (cause) {
        expect(cause).toMatchObject({ name: 'NetworkError', problem: 'full' });
        for (let i = 17; i < 32; i++) expect(isFree(`172.${i}.0.0/16`)).toBe(false);
        for (let i = 0; i < 256; i += 16) expect(isFree(`192.168.${i}.0/20`)).toBe(false);
      }
    }),
  );
});

test('networks one after the other: no overlap, no VNI twice, till the pools are empty', () => {
  const made: Pick<NetworkDefinition, 'name' | 'vni' | 'subnets'>[] = [];
  let full: unknown;
  for (let i = 0; full === undefined && i < 100; i++)
    try {
      const subnets = chooseSubnets({ 4: 'pool' }, occupiedBy(made), DEFAULT_POOLS);
      made.push({ name: `n${i}`, vni: chooseVni(made, [FIRST_VNI + 1]), subnets });
    } catch (cause) {
      full = cause;
    }
  expect(full).toBeInstanceOf(NetworkError);
  expect(made.length).toBe(15 + 16);
  expect(made.slice(0, 3).map(({ vni }) => vni)).toEqual([4096, 4098, 4099]);
  const subnets = occupiedBy(made).map((each) => each.prefix);
  for (const one of subnets) expect(subnets.filter((other) => overlaps(one, other))).toEqual([one]);
});

test('what is asked for is taken, or what it overlaps is named', () => {
  const wish = { 4: { subnet: prefix('10.77.0.0/16') } };
  expect(chooseSubnets(wish, [], [])[4]).toMatchObject({ gateway: '10.77.0.1' });
  const route = { prefix: prefix('10.0.0.0/8'), what: 'the route 10.0.0.0/8 (eth1) of host h2' };
  expect(() => chooseSubnets(wish, [route], [])).toThrow(
    'the subnet 10.77.0.0/16 overlaps the route 10.0.0.0/8 (eth1) of host h2',
  );
  expect(() => chooseSubnets({ 6: 'pool' }, [], [])).toThrow('there is no pool of IPv6 subnets');
});
