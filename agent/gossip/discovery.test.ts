import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { socketAddress, type SocketAddress } from '../ip/socket-address.ts';
import type { LeaseChange } from '../subnet/leases.ts';
import { Discovery } from './discovery.ts';

const at = (n: number): SocketAddress => socketAddress(address(`192.0.2.${n}`), 7946);

function put(id: string, gossip?: SocketAddress): LeaseChange {
  const lease = { subnets: {}, publicAddresses: {}, backendType: 'vxlan' };
  return { type: 'put', id, lease: gossip === undefined ? lease : { ...lease, gossip } };
}

test('a host with a lease and without a member is missing, until it is there or gives the lease up', () => {
  const discovery = new Discovery(() => 0.5);
  discovery.leases([put('a', at(1)), put('b', at(2)), put('flannel')]);
  discovery.member('n2', at(2));
  expect(discovery.seeds(5)).toEqual([at(1)]);
  discovery.member('n2', undefined);
  expect(new Set(discovery.seeds(5))).toEqual(new Set([at(1), at(2)]));
  discovery.leases([{ type: 'remove', id: 'a' }, put('b')]);
  expect([discovery.seeds(5), discovery.missing]).toEqual([[], 0]);
});

test('of many that are missing each gets its turn', () => {
  const discovery = new Discovery(() => 0.5);
  discovery.leases([1, 2, 3, 4, 5].map((n) => put(`${n}`, at(n))));
  const taken = [discovery.seeds(2), discovery.seeds(2), discovery.seeds(2)].flat();
  expect(new Set(taken)).toEqual(new Set([1, 2, 3, 4, 5].map(at)));
});

test('a member that moves is missed where it was, and found where it is', () => {
  const discovery = new Discovery(() => 0.5);
  discovery.leases([put('a', at(1))]);
  discovery.member('n1', at(1));
  discovery.member('n1', at(2));
  expect([discovery.seeds(5), discovery.isAlive(at(2)), discovery.living]).toEqual([
    [at(1)],
    true,
    1,
  ]);
});

test('those that start at once do not all begin with the same', () => {
  const firsts = [0, 0.3, 0.6, 0.9].map((chance) => {
    const discovery = new Discovery(() => chance);
    discovery.leases([1, 2, 3, 4, 5].map((n) => put(`${n}`, at(n))));
    return discovery.seeds(1)[0];
  });
  expect(new Set(firsts).size).toBeGreaterThan(1);
});

type Step =
  | { readonly lease: number; readonly place: number | undefined }
  | { readonly member: number; readonly place: number | undefined }
  | { readonly forget: 'leases' | 'members' };

const place = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
const number = fc.integer({ min: 0, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ lease: number, place }) },
  { weight: 8, arbitrary: fc.record({ member: number, place }) },
  { weight: 1, arbitrary: fc.record({ forget: fc.constantFrom('leases', 'members') }) },
);

test('missing is always what leases tell and no living member has', () => {
  fc.assert(
    fc.property(
      fc.array(step),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (steps, chance) => {
        const discovery = new Discovery(() => chance.next().value);
        let leases = new Map<number, number>();
        let members = new Map<number, number>();
        for (const one of steps) {
          if ('forget' in one) {
            if (one.forget === 'leases') discovery.forgetLeases();
            else discovery.forgetMembers();
            if (one.forget === 'leases') leases = new Map();
            else members = new Map();
          } else if ('lease' in one) {
            discovery.leases([
              put(`${one.lease}`, one.place === undefined ? undefined : at(one.place)),
            ]);
            if (one.place === undefined) leases.delete(one.lease);
            else leases.set(one.lease, one.place);
          } else {
            discovery.member(`${one.member}`, one.place === undefined ? undefined : at(one.place));
            if (one.place === undefined) members.delete(one.member);
            else members.set(one.member, one.place);
          }
        }
        const living = new Set(members.values());
        const expected = new Set([...leases.values()].filter((n) => !living.has(n)).map(at));
        expect(new Set(discovery.seeds(100))).toEqual(expected);
        expect([discovery.missing, discovery.living]).toEqual([expected.size, members.size]);
      },
    ),
  );
});
