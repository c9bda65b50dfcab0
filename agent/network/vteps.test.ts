import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import { socketAddress } from '../ip/socket-address.ts';
import type { Lease } from '../state/facts.ts';
import { Vteps } from './vteps.ts';

const PLACE = socketAddress(address('192.0.2.2'), 7946);

function lease(publicAddress: string, gossip: Lease['gossip'] = PLACE): Lease {
  return {
    subnets: { 4: prefix('10.5.2.0/24'), 6: prefix('fd00:5:0:2::/64') },
    publicAddresses: { 4: address(publicAddress) },
    backendType: 'vxlan',
    ...(gossip === undefined ? {} : { gossip }),
  };
}

test('a member is where the lease that tells its gossip says, whichever is heard first', () => {
  const vtep = {
    underlay: { 4: '192.0.2.2' },
    tunnel: { 4: '10.5.2.0', 6: 'fd00:5:0:2::' },
  };
  const vteps = new Vteps();
  vteps.member('h2', PLACE);
  expect(vteps.of('h2')).toBeUndefined();
  expect(vteps.lease('a', lease('192.0.2.2'))).toBe('h2');
  expect(vteps.of('h2')).toEqual(vtep);
  const others = new Vteps();
  expect(others.lease('a', lease('192.0.2.2'))).toBeUndefined();
  others.member('h2', PLACE);
  expect(others.of('h2')).toEqual(vtep);
});

test('a lease that is put again changes nothing; another address does, and its end', () => {
  const vteps = new Vteps();
  vteps.member('h2', PLACE);
  vteps.lease('a', lease('192.0.2.2'));
  expect(vteps.lease('a', lease('192.0.2.2'))).toBeUndefined();
  expect(vteps.lease('a', lease('192.0.2.9'))).toBe('h2');
  expect(vteps.addresses()).toContain('192.0.2.9');
  expect(vteps.lease('a', undefined)).toBe('h2');
  expect(vteps.of('h2')).toBeUndefined();
  expect([...vteps.addresses()]).toEqual([]);
});

test('of two leases of one host, the end of the older changes nothing', () => {
  const vteps = new Vteps();
  vteps.member('h2', PLACE);
  vteps.lease('old', lease('192.0.2.2'));
  vteps.lease('new', lease('192.0.2.3'));
  vteps.lease('old', undefined);
  expect(vteps.of('h2')?.underlay).toEqual({ 4: '192.0.2.3' });
});

test('a host that does not gossip is nowhere, and neither is a member that is forgotten', () => {
  const vteps = new Vteps();
  vteps.member('h2', PLACE);
  const { gossip: _, ...silent } = lease('192.0.2.2');
  expect(vteps.lease('a', silent)).toBeUndefined();
  vteps.lease('b', lease('192.0.2.2'));
  vteps.member('h2', undefined);
  expect(vteps.of('h2')).toBeUndefined();
});
