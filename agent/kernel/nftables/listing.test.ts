import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NftObject } from '../../state/resource.ts';
import { ownTables, parseTable } from './listing.ts';

const METAINFO = {
  metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 },
};

function listing(...objects: object[]): string {
  return JSON.stringify({ nftables: [METAINFO, ...objects] });
}

const MATCH = {
  match: {
    op: '==',
    left: { payload: { protocol: 'ip', field: 'saddr' } },
    right: { prefix: { addr: '10.5.0.0', len: 16 } },
  },
};
const PLACE = { family: 'inet', table: 'weft' };
const CHAIN = {
  ...PLACE,
  name: 'forward',
  type: 'filter',
  hook: 'forward',
  prio: 0,
  policy: 'accept',
};
const RULE = { ...PLACE, chain: 'forward', comment: 'from the overlay' };

describe('a table', () => {
  test('loses handles, figures and metainfo, as nft 1.0.6 prints them', () => {
    const text = listing(
      { table: { family: 'inet', name: 'weft', handle: 1 } },
      { chain: { ...CHAIN, handle: 2 } },
      {
        rule: {
          ...RULE,
          handle: 14,
          expr: [MATCH, { counter: { packets: 7, bytes: 588 } }, { accept: null }],
        },
      },
    );
    expect(parseTable(text, 'inet')).toEqual({
      kind: 'nftables',
      family: 'inet',
      table: 'weft',
      objects: [
        { table: { family: 'inet', name: 'weft' } },
        { chain: CHAIN },
        { rule: { ...RULE, expr: [MATCH, { counter: null }, { accept: null }] } },
      ],
    });
  });

  test('puts chains before rules, and leaves the rules in order', () => {
    const rules = ['a', 'b', 'c'].map((comment) => ({ rule: { ...RULE, comment, expr: [MATCH] } }));
    const [first = {}, ...rest] = rules;
    const text = listing(
      { table: { family: 'inet', name: 'weft' } },
      first,
      { chain: CHAIN },
      ...rest,
    );
    const { objects } = parseTable(text, 'inet');
    expect(objects.slice(1)).toEqual([{ chain: CHAIN }, ...rules]);
  });

  test('is the same whatever handles and figures are in it', () => {
    const arbNumber = fc.nat();
    const arbListing = fc.record({
      handles: fc.array(arbNumber, { minLength: 2, maxLength: 2 }),
      figure: arbNumber,
    });
    const read = ({
      handles: [a, b],
      figure,
    }: {
      handles: number[];
      figure: number;
    }): readonly NftObject[] =>
      parseTable(
        listing(
          { chain: { ...CHAIN, handle: a } },
          {
            rule: {
              ...RULE,
              handle: b,
              expr: [MATCH, { counter: { packets: figure, bytes: figure } }],
            },
          },
        ),
        'inet',
      ).objects;
    fc.assert(
      fc.property(arbListing, arbListing, (one, other) => {
        expect(read(one)).toEqual(read(other));
      }),
    );
  });

  test('keeps what it does not know, so that it is seen to differ', () => {
    const foreign = { set: { ...PLACE, name: 'blocked', type: 'ipv4_addr', handle: 3 } };
    const { objects } = parseTable(listing(foreign), 'inet');
    expect(objects).toEqual([{ set: { ...PLACE, name: 'blocked', type: 'ipv4_addr' } }]);
  });
});

test('tables are ours by name, in the families that hold addresses', () => {
  const table = (family: string, name: string): object => ({ table: { family, name, handle: 1 } });
  const text = listing(
    table('inet', 'weft'),
    table('ip', 'filter'),
    table('ip6', 'weft'),
    table('bridge', 'weft'),
    table('inet', 'weft-other'),
  );
  expect(ownTables(text)).toEqual(['inet', 'ip6']);
  expect(ownTables(listing())).toEqual([]);
});

test('what is no listing is refused', () => {
  expect(() => ownTables('{}')).toThrow('no list');
  expect(() => parseTable('', 'inet')).toThrow(SyntaxError);
});
