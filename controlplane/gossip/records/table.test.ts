import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idOf, isNewer, type Version } from './record.ts';
import { Table } from './table.ts';

const LIMITS = { records: 100, recordsPerOwner: 50, tombstoneLife: 100_000 };
const version: fc.Arbitrary<Version> = fc.record({
  owner: fc.constantFrom('a', 'b'),
  kind: fc.constantFrom('name', 'endpoint'),
  key: fc.constantFrom('x', 'y', ''),
  time: fc.integer({ min: 1, max: 4 }),
  payload: fc.uint8Array({ maxLength: 2 }),
  age: fc.option(fc.nat(90), { nil: undefined }),
});

describe('Table', () => {
  it('comes to the same whatever the order, and however often', () => {
    const shuffled = fc.array(version, { maxLength: 12 }).chain((versions) =>
      fc.record({
        versions: fc.constant(versions),
        again: fc.shuffledSubarray([...versions, ...versions], { minLength: 2 * versions.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ versions, again }) => {
        const [one, other] = [versions, again].map((list) => {
          const table = new Table(LIMITS);
          for (const each of list) table.merge(each, 0);
          return table;
        }) as [Table, Table];
        for (const owner of ['a', 'b']) {
          expect(one.fingerprint(owner)).toEqual(other.fingerprint(owner));
          const byId = (list: Version[]): string[] =>
            list.map((v) => `${idOf(v)} ${v.time} ${v.payload.join(' ')}`).sort();
          expect(byId(one.versions(owner, 0))).toEqual(byId(other.versions(owner, 0)));
        }
        expect(one.size).toBe(other.size);
        expect(one.tombstones).toBe(other.tombstones);
      }),
    );
  });

  it('finds by each index exactly what it has', () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 20 }), fc.boolean(), (versions, drop) => {
        const table = new Table(LIMITS);
        const newest = new Map<string, Version>();
        for (const each of versions) {
          table.merge(each, 0);
          const id = `${each.owner} ${idOf(each)}`;
          const known = newest.get(id);
          if (known === undefined || isNewer(each, known)) newest.set(id, each);
        }
        if (drop) table.drop('a');
        const there = [...newest.values()].filter(
          ({ owner, age }) => age === undefined && !(drop && owner === 'a'),
        );
        expect(table.size).toBe(there.length);
        for (const { owner, kind, key, time, payload } of there) {
          expect(table.get(owner, kind, key)).toEqual({ owner, kind, key, time, payload });
          expect(table.find(kind, key)).toContain(table.get(owner, kind, key));
        }
        const all = ['name', 'endpoint'].flatMap((kind) => [...table.list(kind)]);
        expect(all).toHaveLength(there.length);
        expect([...table.of('a'), ...table.of('b')]).toHaveLength(there.length);
        if (there.length === 0)
          expect(table.fingerprintOfAll(() => true)).toEqual({ high: 0, low: 0 });
      }),
    );
  });

  const there: Version = {
    owner: 'a',
    kind: 'name',
    key: 'x',
    time: 1,
    payload: Uint8Array.of(1),
    age: undefined,
  };
  const gone: Version = { ...there, time: 2, payload: new Uint8Array(), age: 0 };

  it('remembers for a time that a record is gone, also of an owner that it dropped', () => {
    const table = new Table(LIMITS);
    table.merge(there, 0);
    table.merge(gone, 0);
    table.drop('a');
    expect(table.merge(there, 99_000)).toBe('old');
    table.sweep(99_000);
    expect(table.merge(there, 99_000)).toBe('old');
    table.sweep(100_000);
    expect(table.tombstones).toBe(0);
    expect([...table.owners()]).toEqual([]);
  });

  it('has the same fingerprint with and without tombstones', () => {
    const table = new Table(LIMITS);
    table.merge(there, 0);
    table.merge(gone, 0);
    expect(table.fingerprint('a')).toEqual(new Table(LIMITS).fingerprint('a'));
  });

  it('never makes a tombstone younger by telling it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9_999), { maxLength: 30 }), (delays) => {
        let now = 0;
        let told: Version | undefined = gone;
        for (const delay of delays) {
          const table = new Table(LIMITS);
          if (told !== undefined) table.merge(told, now);
          now += delay;
          [told] = table.versions('a', now);
        }
        if (now >= LIMITS.tombstoneLife) expect(told).toBeUndefined();
      }),
    );
  });

  it('applies a tombstone that is over, and does not keep it', () => {
    const table = new Table(LIMITS);
    table.merge(there, 0);
    expect(table.merge({ ...gone, age: 1_000 }, 0)).toMatchObject({ after: undefined });
    expect([table.size, table.tombstones]).toEqual([0, 0]);
    expect(table.merge({ ...gone, age: 1_000 }, 0)).toBe('old');
  });

  it('takes changes of what it has when it is full', () => {
    const table = new Table({ ...LIMITS, records: 1 });
    table.merge(there, 0);
    expect(table.merge({ ...there, owner: 'b' }, 0)).toBe('full');
    expect(table.merge({ ...there, time: 3, payload: Uint8Array.of(2) }, 0)).not.toBe('full');
    expect(table.merge({ ...gone, time: 4 }, 0)).not.toBe('full');
    expect(table.merge({ ...there, owner: 'b' }, 0)).not.toBe('full');
  });
});
