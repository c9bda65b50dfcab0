import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { mac } from '../ip/mac.ts';
import { DesiredState } from './desired.ts';
import { keyOf, type Resource } from './resource.ts';

const arbResource: fc.Arbitrary<Resource> = fc
  .record({ host: fc.integer({ min: 1, max: 6 }), last: fc.integer({ min: 1, max: 3 }) })
  .map(({ host, last }) => ({
    kind: 'neighbour',
    link: 'flannel.1',
    address: address(`10.5.${host}.0`),
    mac: mac(`02:00:00:00:00:0${last}`),
  }));
const arbChange = fc.record({
  slice: fc.constantFrom('a', 'b', 'c', 'd'),
  resources: fc.uniqueArray(arbResource, { maxLength: 4, selector: keyOf }),
});

test('a key is desired exactly when a slice claims it, and its holder does not change without need', () => {
  fc.assert(
    fc.property(fc.array(arbChange, { maxLength: 30 }), (changes) => {
      const state = new DesiredState();
      const slices = new Map<string, readonly Resource[]>();
      for (const { slice, resources } of changes) {
        const before = new Map(state.entries());
        const changed = new Set(state.set(slice, resources));
        slices.set(slice, resources);
        const claims = [...slices.values()].flat();
        expect(new Set([...state.entries()].map(([key]) => key))).toEqual(
          new Set(claims.map(keyOf)),
        );
        for (const [key, resource] of state.entries()) {
          expect(claims).toContainEqual(resource);
          const was = before.get(key);
          if (!changed.has(key)) expect(was).toEqual(resource);
          else expect(was).not.toEqual(resource);
        }
        for (const key of before.keys())
          if (state.get(key) === undefined) expect(changed).toContain(key);
      }
    }),
  );
});

test('the second claimant waits, and takes over when the first withdraws', () => {
  const state = new DesiredState();
  const entry = (last: number): Resource => ({
    kind: 'neighbour',
    link: 'flannel.1',
    address: address('10.5.1.0'),
    mac: mac(`02:00:00:00:00:0${last}`),
  });
  const key = keyOf(entry(1));
  expect(state.set('first', [entry(1)])).toEqual([key]);
  expect(state.set('second', [entry(2)])).toEqual([]);
  expect([...state.contested()]).toEqual([key]);
  expect(state.set('first', [])).toEqual([key]);
  expect(state.get(key)).toEqual(entry(2));
  expect([...state.contested()]).toEqual([]);
});
