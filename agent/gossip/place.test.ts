import { expect, test } from 'vitest';
import type { GossipConfig, UnderlayConfig } from '../config/config.ts';
import { address } from '../ip/address.ts';
import type { PerFamily } from '../state/facts.ts';
import type { Address } from '../ip/address.ts';
import type { UnderlayChoice } from '../underlay/choose.ts';
import { findPlace } from './place.ts';

const UNDERLAY: UnderlayConfig = {
  interfaces: ['eth0'],
  interfacePatterns: [],
  publicAddresses: {},
};

function chosen(
  addresses: PerFamily<Address>,
  publicAddresses: PerFamily<Address> = addresses,
): UnderlayChoice {
  const underlay = { link: 'eth0', mtu: 1500, addresses, publicAddresses, routes: [] };
  return { status: 'chosen', underlay };
}

const V4 = { 4: address('192.0.2.1') };
const V6 = { 6: address('2001:db8::1') };
const NAT = chosen(V4, { 4: address('203.0.113.7') });

test.each<[string, Partial<GossipConfig>, UnderlayChoice, string, string]>([
  ['the underlay', {}, chosen(V4), '192.0.2.1:7946', '192.0.2.1:7946'],
  ['v4 before v6', {}, chosen({ ...V4, ...V6 }), '192.0.2.1:7946', '192.0.2.1:7946'],
  ['v6 alone', {}, chosen(V6), '[2001:db8::1]:7946', '[2001:db8::1]:7946'],
  ['--public-ip', {}, NAT, '192.0.2.1:7946', '203.0.113.7:7946'],
  ['another port', { port: 7000 }, chosen(V4), '192.0.2.1:7000', '192.0.2.1:7000'],
  ['an address', { bind: '192.0.2.9' }, chosen(V4), '192.0.2.9:7946', '192.0.2.9:7946'],
  ['every address', { bind: '0.0.0.0' }, NAT, '0.0.0.0:7946', '203.0.113.7:7946'],
  [
    'what others are told',
    { bind: '0.0.0.0', advertise: { address: address('198.51.100.1'), port: 17_946 } },
    chosen(V4),
    '0.0.0.0:7946',
    '198.51.100.1:17946',
  ],
  [
    'its address alone',
    { port: 7000, advertise: { address: address('198.51.100.1') } },
    chosen(V4),
    '192.0.2.1:7000',
    '198.51.100.1:7000',
  ],
])('%s', async (_what, gossip, choice, listen, advertise) => {
  const config = { port: 7946, join: [], ...gossip };
  const place = await findPlace(config, UNDERLAY, () => Promise.resolve(choice));
  expect(place).toEqual({ listen, advertise });
});

test('an interface of its own is looked for as an underlay is', async () => {
  let asked: UnderlayConfig | undefined;
  await findPlace({ port: 7946, join: [], bind: 'eth7' }, UNDERLAY, (config) => {
    asked = config;
    return Promise.resolve(chosen(V4));
  });
  expect(asked).toEqual({ interfaces: ['eth7'], interfacePatterns: [], publicAddresses: {} });
});

test('no link is a problem', async () => {
  const none: UnderlayChoice = { status: 'none', problem: 'no interface; plug one in' };
  const place = await findPlace({ port: 7946, join: [] }, UNDERLAY, () => Promise.resolve(none));
  expect(place).toEqual({ problem: 'gossip has nowhere to listen: no interface; plug one in' });
});
