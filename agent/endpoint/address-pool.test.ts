import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address, type Address } from '../ip/address.ts';
import { baseOf, containsAddress, prefix } from '../ip/prefix.ts';
import { AddressPool, gatewayOf } from './address-pool.ts';

const begin = (): number => 0;

test('neither the network, nor the gateway, nor the broadcast address', () => {
  const pool = new AddressPool(prefix('10.5.1.0/29'), begin);
  const all = Array.from({ length: 6 }, (_, i) => pool.take(`e${i}`));
  expect(all).toEqual(['10.5.1.2', '10.5.1.3', '10.5.1.4', '10.5.1.5', '10.5.1.6', undefined]);
  expect(new AddressPool(prefix('10.5.1.0/31'), begin).take('e')).toBeUndefined();
  const v6 = new AddressPool(prefix('fd00:5::/64'), begin);
  expect([v6.take('a'), v6.take('b')]).toEqual(['fd00:5::2', 'fd00:5::3']);
});

test('of a subnet that is shared only the upper half is given, and any that is asked for', () => {
  const pool = new AddressPool(prefix('10.5.1.0/29'), begin, true);
  expect(pool.refusal(address('10.5.1.2'), 'x')).toBeUndefined();
  pool.hold(address('10.5.1.2'), 'x');
  pool.release(address('10.5.1.2'), 'x');
  const all = Array.from({ length: 4 }, (_, i) => pool.take(`e${i}`));
  expect(all).toEqual(['10.5.1.4', '10.5.1.5', '10.5.1.6', undefined]);
});

test('what was given back is the last to be given again, the oldest first', () => {
  const pool = new AddressPool(prefix('10.5.1.0/29'), begin);
  for (const owner of ['a', 'b', 'c']) pool.take(owner);
  pool.release(address('10.5.1.3'), 'b');
  pool.release(address('10.5.1.2'), 'a');
  const next = ['d', 'e', 'f', 'g', 'h'].map((owner) => pool.take(owner));
  expect(next).toEqual(['10.5.1.5', '10.5.1.6', '10.5.1.3', '10.5.1.2', undefined]);
});

test('says of an address why it is not given, and whose it is', () => {
  const pool = new AddressPool(prefix('10.5.1.0/24'), begin);
  pool.take('a');
  const why = (text: string, owner = 'b') => pool.refusal(address(text), owner);
  expect(why('10.5.1.2')).toBe('taken by endpoint a');
  expect(why('10.5.1.2', 'a')).toBeUndefined();
  expect(why('10.5.1.9')).toBeUndefined();
  expect(why('10.5.1.1')).toBe('the gateway of this host');
  expect(why('10.5.1.0')).toBe('no address of a host in 10.5.1.0/24');
  expect(why('10.5.1.255')).toBe('no address of a host in 10.5.1.0/24');
  expect(why('10.5.2.9')).toBe("not in this host's subnet 10.5.1.0/24");
  expect(why('fd00::9')).toBe("not in this host's subnet 10.5.1.0/24");
});

const subnets = fc.constantFrom(
  '10.5.1.0/24',
  '10.5.1.16/28',
  '10.5.1.8/30',
  'fd00::/64',
  'fd00::/126',
);
/** A step, and whether the process ends after it and reads what is on disk. */
const steps = fc.array(
  fc.record({ what: fc.constantFrom('take', 'release'), who: fc.nat(40), crash: fc.boolean() }),
  { maxLength: 120 },
);

test('no address twice, none that is not to be given, and none lost, whatever is done and whenever it ends', () => {
  fc.assert(
    fc.property(
      subnets,
      steps,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (text, all, chance) => {
        const subnet = prefix(text);
        const disk = new Map<string, Address>();
        const restarted = (): AddressPool => {
          const pool = new AddressPool(subnet, () => chance);
          for (const [owner, held] of disk) pool.hold(held, owner);
          return pool;
        };
        let pool = restarted();
        for (const { what, who, crash } of all) {
          const owner = `e${who}`;
          const held = disk.get(owner);
          if (what === 'take' && held === undefined) {
            const given = pool.take(owner);
            // It ends before the file is there: as if it had never been.
            if (given !== undefined && !crash) disk.set(owner, given);
            if (given === undefined) expect(disk.size).toBe(sizeOf(subnet));
          } else if (what === 'release' && held !== undefined) {
            disk.delete(owner);
            if (!crash) pool.release(held, owner);
          }
          if (crash) pool = restarted();
          expect(new Set(disk.values()).size).toBe(disk.size);
          expect(pool.used).toBe(disk.size);
          for (const each of disk.values()) {
            expect(containsAddress(subnet, each)).toBe(true);
            expect([baseOf(subnet), gatewayOf(subnet), '10.5.1.255', '10.5.1.31']).not.toContain(
              each,
            );
          }
        }
      },
    ),
  );
});

function sizeOf(subnet: string): number {
  return (
    { '10.5.1.0/24': 253, '10.5.1.16/28': 13, '10.5.1.8/30': 1, 'fd00::/126': 2 }[subnet] ?? -1
  );
}
