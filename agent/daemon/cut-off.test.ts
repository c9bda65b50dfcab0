import { expect, test } from 'vitest';
import { hostFacts } from '../backend/backend.suite.ts';
import type { Family } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import type { Lease, NetworkConfig } from '../state/facts.ts';
import { mayResume, refusalOf } from './cut-off.ts';

const network = (type: string, options = {}): NetworkConfig => ({
  ranges: {},
  backend: { type, options },
});
const lease = (key: string, backendType: string, node?: string): readonly [string, Lease] => [
  key,
  {
    subnets: { 4: prefix('10.5.2.0/24') },
    publicAddresses: {},
    backendType,
    ...(node !== undefined && { node }),
  },
];
const vxlan = network('vxlan');

test('only hosts of flanneld that the running network reaches stand in the way', () => {
  const harmless = [lease('10.5.2.0-24', 'vxlan', 'a'), lease('10.5.3.0-24', 'host-gw')];
  expect(refusalOf(vxlan, network('wireguard'), harmless)).toBeUndefined();
  const flanneld = ['4', '5', '6', '7'].map((n) => lease(`10.5.${n}.0-24`, 'vxlan'));
  expect(refusalOf(vxlan, network('wireguard'), [...harmless, ...flanneld])).toBe(
    'a change from vxlan to wireguard would cut off the hosts that flanneld runs (10.5.4.0-24, 10.5.5.0-24, 10.5.6.0-24 and 1 more): move them to weft, put the former configuration back, or force it with "Weft":{"Force":true}',
  );
  const forced: NetworkConfig = { ...network('wireguard'), isForced: true };
  expect(refusalOf(vxlan, forced, flanneld)).toBeUndefined();
});

test('a lease without a type is of flanneld’s udp, unless weft wrote it for alloc', () => {
  const leases = [lease('10.5.4.0-24', ''), lease('10.5.5.0-24', '', 'a')];
  expect(refusalOf(network('udp'), vxlan, leases)).toMatch(
    /^a change from udp to vxlan would cut off .* \(10\.5\.4\.0-24\): /,
  );
  expect(refusalOf(network('udp'), network('udp', { Port: 9000 }), leases)).toMatch(
    /^other options of udp /,
  );
  expect(refusalOf(network('alloc'), vxlan, leases)).toBeUndefined();
  expect(refusalOf(vxlan, network('udp'), leases)).toBeUndefined();
});

test('so do options that both ends must have alike, and no others; a secret is not told', () => {
  const flanneld = (type: string) => [lease('10.5.4.0-24', type)];
  expect(refusalOf(vxlan, network('vxlan', { VNI: 7 }), flanneld('vxlan'))).toMatch(
    /^other options of vxlan would cut off .* \(10\.5\.4\.0-24\): /,
  );
  const direct = network('vxlan', { VNI: 1, DirectRouting: true });
  expect(refusalOf(vxlan, direct, flanneld('vxlan'))).toBeUndefined();
  const PSK = Buffer.alloc(32, 7).toString('base64');
  const said = refusalOf(
    network('wireguard'),
    network('wireguard', { PSK }),
    flanneld('wireguard'),
  );
  expect(said).toMatch(/^other options of wireguard /);
  expect(said).not.toContain(PSK);
});

test('what weft does not have never takes the place of what runs', () => {
  expect(refusalOf(vxlan, network('vxlann'), [])).toMatch(/"vxlann", which weft does not have/);
});

test('a host goes on with what it ran only within the same ranges', () => {
  const within = (families: readonly Family[], type: string): NetworkConfig =>
    hostFacts({ type, options: {} }, families).network;
  const kept = within([4], 'vxlan');
  expect(mayResume(kept, within([4], 'wireguard'))).toBe(true);
  expect(mayResume(kept, within([4], 'vxlan'))).toBe(false);
  expect(mayResume(kept, within([4, 6], 'wireguard'))).toBe(false);
  expect(mayResume(kept, within([6], 'wireguard'))).toBe(false);
});
