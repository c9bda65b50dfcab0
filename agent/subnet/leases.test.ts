import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Lease } from '../state/facts.ts';
import { clash, parseKey, subnetsIn } from './key.ts';
import { parseLeaseValue } from './lease-value.ts';
import { LeaseTable, type LeaseChange } from './leases.ts';
import { parseNetworkConfig } from './network-config.ts';
import type { RegistryEntry } from './registry.ts';

const parsed = parseNetworkConfig('{"Network":"10.5.0.0/16"}', 'config');
if ('reason' in parsed) throw new Error(parsed.reason);
const network = parsed.value;

function open() {
  const noted: string[] = [];
  const refused = (key: string, reason: string): void => void noted.push(`${key}: ${reason}`);
  return { table: new LeaseTable({ network, refused }), noted };
}

const entry = (key: string, value: string, modRevision: number, createRevision = modRevision) =>
  ({ key, value, modRevision, createRevision, lease: '0' }) satisfies RegistryEntry;
const VALUE = '{"PublicIP":"192.168.0.1"}';

test('a bad value over a good lease changes nothing, and is told once till it changes', () => {
  const { table, noted } = open();
  expect(table.put(entry('10.5.1.0-24', VALUE, 2))).toHaveLength(1);
  for (const revision of [3, 4])
    expect(table.put(entry('10.5.1.0-24', '{', revision, 2))).toEqual([]);
  expect(noted).toEqual(['10.5.1.0-24: the value is not JSON']);
  expect(table.refusals).toBe(2);
  expect(table.inForce().get('10.5.1.0-24')?.publicAddresses).toEqual({ 4: '192.168.0.1' });
  expect(table.apply({ type: 'delete', key: '10.5.1.0-24', revision: 5 })).toEqual([
    { type: 'remove', id: '10.5.1.0-24' },
  ]);
});

test('an identical put is no change; an older event is none either', () => {
  const { table } = open();
  table.put(entry('10.5.1.0-24', VALUE, 2));
  expect(table.put(entry('10.5.1.0-24', VALUE, 3, 2))).toEqual([]);
  expect(table.put(entry('10.5.1.0-24', `${VALUE} `, 4, 2))).toEqual([]);
  expect(table.put(entry('10.5.1.0-24', '{"PublicIP":"192.168.0.2"}', 3, 2))).toEqual([]);
  expect(table.apply({ type: 'delete', key: '10.5.1.0-24', revision: 3 })).toEqual([]);
});

test('of overlapping keys the older is in force, and the younger when it is gone', () => {
  const { table, noted } = open();
  table.put(entry('10.5.1.0-24', VALUE, 5));
  expect(table.put(entry('10.5.0.0-20', VALUE, 6))).toEqual([]);
  expect(noted).toEqual(['10.5.0.0-20: it overlaps 10.5.1.0-24, which is older']);
  expect(table.put(entry('x10.5.1.0-24', VALUE, 3)).map(({ type, id }) => `${type} ${id}`)).toEqual(
    ['remove 10.5.1.0-24', 'put x10.5.1.0-24'],
  );
  table.remove('x10.5.1.0-24');
  table.remove('10.5.1.0-24');
  expect([...table.inForce().keys()]).toEqual(['10.5.0.0-20']);
});

test('a dual-stack key in a v4 network counts with its v4 half; a subnet outside is used, and noted', () => {
  const { table, noted } = open();
  table.put(entry('10.5.1.0-24&fd00::-64', VALUE, 2));
  table.put(entry('10.9.1.0-24', VALUE, 3));
  table.put(entry('0.0.0.0-0&fd00::-64', VALUE, 4));
  expect([...table.inForce().values()].map(({ subnets }) => subnets)).toEqual([
    { 4: '10.5.1.0/24' },
    { 4: '10.9.1.0/24' },
  ]);
  expect(noted.map((line) => line.replace(/;.*/, ''))).toEqual([
    '10.9.1.0-24: 10.9.1.0/24 lies outside the network 10.5.0.0/16',
    '0.0.0.0-0&fd00::-64: its address family is turned off',
  ]);
});

test('after a listing, what is not in it is gone', () => {
  const { table } = open();
  table.put(entry('10.5.1.0-24', VALUE, 2));
  table.put(entry('10.5.2.0-24', VALUE, 3));
  expect(table.retain(new Set(['10.5.2.0-24']))).toEqual([{ type: 'remove', id: '10.5.1.0-24' }]);
});

/** What should be in force, by looking at everything. */
function naive(entries: ReadonlyMap<string, { entry: RegistryEntry; good: string | undefined }>) {
  const leases = new Map<string, Lease>();
  for (const [key, { entry: own, good }] of entries) {
    if (good === undefined || 'reason' in parseKey(key)) continue;
    const blocked = [...entries].some(
      ([other, { entry: theirs, good: valid }]) =>
        other !== key &&
        valid !== undefined &&
        theirs.createRevision < own.createRevision &&
        clash(subnetsIn(other), subnetsIn(key)),
    );
    const value = parseLeaseValue(good);
    if (!blocked && 'value' in value) leases.set(key, { subnets: subnetsIn(key), ...value.value });
  }
  return leases;
}

test('whatever is put and deleted, what the changes add up to is what a full look gives', () => {
  const key = fc.oneof(
    fc.nat({ max: 7 }).map((n) => `10.5.0.${n * 32}-27`),
    fc.nat({ max: 3 }).map((n) => `10.5.0.${n * 64}-26`),
    fc.constantFrom('x10.5.0.0-27', '10.5.0.0-24', 'foo'),
  );
  const value = fc.constantFrom(VALUE, '{"PublicIP":"192.168.0.2"}', '{', '{"PublicIP":null}');
  const step = fc.record({ key, value, put: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { table } = open();
      const entries = new Map<string, { entry: RegistryEntry; good: string | undefined }>();
      const told = new Map<string, Lease>();
      const hear = (change: LeaseChange): void =>
        void (change.type === 'put' ? told.set(change.id, change.lease) : told.delete(change.id));
      steps.forEach(({ key: at, value: text, put }, i) => {
        const before = entries.get(at);
        if (put) {
          const next = entry(at, text, i + 1, before?.entry.createRevision ?? i + 1);
          const isGood = 'value' in parseLeaseValue(text) && 'value' in parseKey(at);
          entries.set(at, { entry: next, good: isGood ? text : before?.good });
          table.put(next).forEach(hear);
        } else {
          entries.delete(at);
          table.apply({ type: 'delete', key: at, revision: i + 1 }).forEach(hear);
        }
        expect(told).toEqual(naive(entries));
        expect(told).toEqual(table.inForce());
      });
    }),
  );
});

test('each refusal is counted by its kind, the same one again too', () => {
  const counted: string[] = [];
  const table = new LeaseTable({
    network,
    refused: () => undefined,
    counted: (what) => void counted.push(what),
  });
  table.put(entry('10.5.1.0-24', VALUE, 2));
  table.put(entry('nonsense', VALUE, 3));
  for (const revision of [4, 5]) table.put(entry('10.5.2.0-24', '{', revision, 4));
  table.put(entry('10.5.0.0-20', VALUE, 6));
  expect(counted).toEqual(['key', 'value', 'value', 'overlap']);
  expect(table.refusals).toBe(4);
});
