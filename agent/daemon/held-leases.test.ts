import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { prefix } from '../ip/prefix.ts';
import type { Lease } from '../state/facts.ts';
import { HeldLeases } from './held-leases.ts';
import type { LeaseChange } from './planner.ts';

function put(id: string, backendType: string): LeaseChange {
  const lease: Lease = { subnets: { 4: prefix('10.5.2.0/24') }, publicAddresses: {}, backendType };
  return { type: 'put', id, lease };
}

function holding(type = 'vxlan') {
  const clock = new ManualClock();
  const released: LeaseChange[] = [];
  const typeOf = (id: string): string | undefined => ({ old: type, other: 'ipip' })[id];
  const release = (change: LeaseChange): void => void released.push(change);
  return { clock, released, held: new HeldLeases({ type, clock, typeOf, release }) };
}

test('only a peer of ours that changes over is held back, and for a time', () => {
  const { clock, released, held } = holding();
  const plain = [put('old', 'vxlan'), put('new', 'ipip'), put('other', 'gre')];
  const ahead = put('old', 'ipip');
  expect(held.take(plain)).toEqual(plain);
  expect(held.take([ahead])).toEqual([]);
  clock.advance(59_999);
  expect(released).toEqual([]);
  clock.advance(1);
  expect(released).toEqual([ahead]);
});

test('a later change of the peer counts instead, and the end of the session forgets it', () => {
  const { clock, released, held } = holding();
  held.take([put('old', 'ipip')]);
  const gone: LeaseChange = { type: 'remove', id: 'old' };
  expect(held.take([gone])).toEqual([gone]);
  held.take([put('old', 'gre')]);
  held.stop();
  clock.advance(600_000);
  expect(released).toEqual([]);
});

test('a lease of flanneld’s udp, which has no type, is no change over within udp', () => {
  const { held } = holding('udp');
  const same = [put('old', ''), put('old', 'udp')];
  expect(held.take(same)).toEqual(same);
  expect(held.take([put('old', 'vxlan')])).toEqual([]);
});
