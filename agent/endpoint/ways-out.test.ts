import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { mac } from '../ip/mac.ts';
import { prefix } from '../ip/prefix.ts';
import { waysOut, type Membership } from './ways-out.ts';

interface Wish {
  readonly name: string;
  readonly families: readonly (4 | 6)[];
  readonly internal?: boolean;
  readonly gateway?: string;
}

function member({ name, families, internal = false, gateway }: Wish): Membership {
  const of = <T>(v4: T, v6: T) => ({
    ...(families.includes(4) ? { 4: v4 } : {}),
    ...(families.includes(6) ? { 6: v6 } : {}),
  });
  const subnets = of(prefix('10.6.0.0/24'), prefix('fd00:6::/64'));
  return {
    endpoint: {
      id: name,
      network: name,
      state: 'attached',
      target: 'netns:a',
      names: [],
      ports: [],
      addresses: of(address('10.6.0.2'), address('fd00:6::2')),
      place: {
        namespace: { path: '/run/netns/a', inode: 1 },
        link: `to-${name}`,
        mac: mac('02:00:00:00:00:01'),
        ownMac: false,
        gateway: gateway === undefined || gateway === 'none' ? gateway : address(gateway),
        container: undefined,
        resolver: undefined,
        dnsInside: false,
        links: [],
      },
      since: new Date(0),
    },
    network: {
      subnets,
      gateways: of(address('10.6.0.1'), address('fd00:6::1')),
      ranges: subnets,
      mtu: 1450,
      bridge: `weft-${name}`,
      alias: 'weft network',
      ports: [],
      internal,
    },
  };
}

/** Whose way out it is, by family. */
function holders(wishes: readonly Wish[]): string {
  const members = wishes.map(member);
  return ([4, 6] as const)
    .map((family) => {
      const having = members.filter((own) => {
        const others = members.filter((other) => other !== own);
        const { place, addresses } = own.endpoint;
        const isOut = addresses[family] !== undefined && place?.gateway !== 'none';
        return isOut && !waysOut(own, others).elsewhere.has(family);
      });
      return having.map(({ endpoint }) => endpoint.network).join('+');
    })
    .join('/');
}

const both = [4, 6] as const;
const v4 = [4] as const;
test.each<[string, Wish[], string]>([
  [
    'the first by name',
    [
      { name: 'b', families: v4 },
      { name: 'a', families: v4 },
    ],
    'a/',
  ],
  [
    'not an internal one',
    [
      { name: 'a', families: v4, internal: true },
      { name: 'b', families: v4 },
    ],
    'b/',
  ],
  ['an internal one, if all are', [{ name: 'a', families: v4, internal: true }], 'a/'],
  [
    'one with IPv6',
    [
      { name: 'a', families: v4 },
      { name: 'b', families: both },
    ],
    'b/b',
  ],
  [
    'each family for itself',
    [
      { name: 'a', families: [6] },
      { name: 'b', families: v4 },
    ],
    'b/a',
  ],
  [
    'none of one that wants none',
    [
      { name: 'a', families: v4, gateway: 'none' },
      { name: 'b', families: v4 },
    ],
    'b/',
  ],
  [
    'one that was asked for',
    [
      { name: 'a', families: v4 },
      { name: 'b', families: v4, gateway: '10.6.0.9' },
    ],
    'b/',
  ],
])('the way out is that of %s', (_what, wishes, expected) => {
  expect(holders(wishes)).toBe(expected);
});

test('in each family one has it, and displaces the others', () => {
  const arbWish = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    families: fc.subarray([4, 6] as const, { minLength: 1 }),
    internal: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(arbWish, { selector: ({ name }) => name, minLength: 1 }),
      (wishes) => {
        const members = wishes.map(member);
        for (const family of [4, 6] as const) {
          const able = members.filter(({ network }) => network.gateways[family] !== undefined);
          const having = able.filter((own) => {
            const ways = waysOut(
              own,
              members.filter((other) => other !== own),
            );
            const isIts = !ways.elsewhere.has(family);
            const gone = ways.displaced.filter(
              ({ prefix: to }) => to.includes(':') === (family === 6),
            );
            expect(gone).toHaveLength(isIts ? able.length - 1 : 0);
            return isIts;
          });
          expect(having).toHaveLength(Math.min(able.length, 1));
        }
      },
    ),
  );
});
