import fc from 'fast-check';
import { expect, test } from 'vitest';
import { overlaps, prefix } from '../ip/prefix.ts';
import { perFamily } from '../state/facts.ts';
import { formatDefinition, type NetworkDefinition } from './definition.ts';
import type { NetworkEntry, NetworkEvent } from './registry.ts';
import { networkSubnet } from './subnet.ts';
import { NetworkTable, type NetworkChange } from './table.ts';

function definition(name: string, vni: number, subnet: string): NetworkDefinition {
  return {
    id: vni.toString(16).padStart(16, '0'),
    name,
    vni,
    subnets: perFamily(networkSubnet({ subnet: prefix(subnet) }), undefined),
    internal: false,
    encrypted: false,
    multicast: false,
    mtu: undefined,
    dnsTtl: undefined,
    labels: new Map(),
    created: new Date('2026-11-28T10:00:00Z'),
  };
}

function entry(one: NetworkDefinition, revision: number): NetworkEntry {
  const { name } = one;
  return {
    name,
    text: formatDefinition(one),
    createRevision: revision,
    modRevision: revision,
  };
}

const blue = definition('blue', 4096, '10.1.0.0/16');
const red = definition('red', 4097, '10.2.0.0/16');

test('what is listed is in force, what is listed no more is not, and what is the same is no change', () => {
  const table = new NetworkTable();
  expect(table.list([entry(blue, 1)])).toEqual([{ before: undefined, after: blue }]);
  expect(table.list([entry(blue, 1), entry(red, 2)])).toEqual([{ before: undefined, after: red }]);
  expect(table.list([entry(red, 2)])).toEqual([{ before: blue, after: undefined }]);
  expect([...table.networks.keys()]).toEqual(['red']);
});

test('what was kept is in force until it is listed anew', () => {
  const table = new NetworkTable();
  expect(table.resume([blue, red])).toHaveLength(2);
  expect(table.list([entry(red, 7)])).toEqual([{ before: blue, after: undefined }]);
});

test('a list of an older revision counts as it stands, and so does what changes after it', () => {
  const table = new NetworkTable();
  const late = { ...blue, dnsTtl: 9 };
  table.list([entry(late, 90)]);
  expect(table.list([entry(blue, 3)])).toEqual([{ before: late, after: blue }]);
  expect(table.apply({ type: 'put', entry: entry(late, 4) })).toEqual([
    { before: blue, after: late },
  ]);
  expect(table.apply({ type: 'put', entry: entry(blue, 3) })).toEqual([]);
  table.list([{ ...entry(blue, 2), text: '{' }]);
  expect(table.apply({ type: 'put', entry: entry(blue, 3) })).toEqual([
    { before: late, after: blue },
  ]);
});

test('what does not parse changes nothing, and is told until it is another', () => {
  const table = new NetworkTable();
  table.list([entry(blue, 1)]);
  expect(table.apply({ type: 'put', entry: { ...entry(blue, 2), text: '{' } })).toEqual([]);
  expect(table.networks.get('blue')).toEqual(blue);
  expect([...table.problems]).toEqual([['blue', 'not JSON']]);
  expect(table.apply({ type: 'put', entry: entry(blue, 3) })).toEqual([]);
  expect(table.problems.size).toBe(0);
});

test('of two that overlap the older is in force, and the younger when that has gone', () => {
  const table = new NetworkTable();
  const inside = definition('inside', 4098, '10.1.5.0/24');
  const twin = definition('twin', 4096, '10.9.0.0/16');
  table.list([entry(inside, 3), entry(blue, 1), entry(twin, 4)]);
  expect([...table.networks.keys()]).toEqual(['blue']);
  expect([...table.problems]).toEqual([
    ['inside', 'it has addresses of the network blue, which is older'],
    ['twin', 'it has the VNI of the network blue, which is older'],
  ]);
  expect(table.apply({ type: 'delete', name: 'blue', revision: 5 })).toEqual([
    { before: blue, after: undefined },
    { before: undefined, after: inside },
    { before: undefined, after: twin },
  ]);
  expect(table.problems.size).toBe(0);
});

const arbStep = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  vni: fc.integer({ min: 1, max: 5 }),
  subnet: fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.2.0.0/16', '10.1.4.0/24'),
  what: fc.constantFrom('put', 'put', 'delete', 'damage', 'list'),
});

test('whatever comes: no overlap, no VNI twice, and the changes told add up to what is in force', () => {
  fc.assert(
    fc.property(fc.array(arbStep, { maxLength: 40 }), (steps) => {
      const table = new NetworkTable();
      const etcd = new Map<string, NetworkEntry>();
      const told = new Map<string, NetworkDefinition>();
      const tell = (changes: readonly NetworkChange[]): void => {
        for (const { before, after } of changes) {
          const name = (after ?? before)?.name ?? '';
          expect(told.get(name)).toBe(before);
          if (after === undefined) told.delete(name);
          else told.set(name, after);
        }
      };
      steps.forEach(({ name, vni, subnet, what }, i) => {
        const event = eventOf(what, entry(definition(name, vni, subnet), i + 1), etcd.get(name));
        if (event?.type === 'put') etcd.set(name, event.entry);
        if (event?.type === 'delete') etcd.delete(name);
        tell(event === undefined ? table.list([...etcd.values()]) : table.apply(event));
        const all = [...table.networks.values()];
        expect(new Map(told)).toEqual(table.networks);
        expect(new Set(all.map((each) => each.vni)).size).toBe(all.length);
        const subnets = all.map((each) => each.subnets[4]?.subnet ?? prefix('0.0.0.0/0'));
        for (const one of subnets)
          expect(subnets.filter((other) => overlaps(one, other))).toHaveLength(1);
        for (const each of etcd.keys())
          expect(table.networks.has(each) || table.problems.has(each)).toBe(true);
      });
    }),
  );
});

function eventOf(
  what: string,
  fresh: NetworkEntry,
  known: NetworkEntry | undefined,
): NetworkEvent | undefined {
  const { name, modRevision } = fresh;
  const createRevision = known?.createRevision ?? modRevision;
  if (what === 'put') return { type: 'put', entry: { ...fresh, createRevision } };
  if (what === 'damage') return { type: 'put', entry: { ...fresh, createRevision, text: '{' } };
  return what === 'delete' ? { type: 'delete', name, revision: modRevision } : undefined;
}
