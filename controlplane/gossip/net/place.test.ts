import { expect, test } from 'vitest';
import { addressBytes, addressText } from './address.ts';
import { findPlace, isOwn, packetHost, streamHost, type Interfaces, type Place } from './place.ts';

const INTERFACES = {
  eth0: [
    { family: 'IPv6', address: 'fe80::5' },
    { family: 'IPv6', address: '2001:db8::5' },
    { family: 'IPv4', address: '192.0.2.5' },
  ],
  wg0: [
    { family: 'IPv6', address: 'fe80::6' },
    { family: 'IPv6', address: '2001:db8::6' },
  ],
  ll0: [{ family: 'IPv6', address: 'fe80::7' }],
  bare: [],
} as unknown as Interfaces;

function place(bind: string): Place {
  const found = findPlace(bind, () => INTERFACES);
  if (!found.ok) throw new Error(found.problem);
  return found.place;
}

function endpoint(address: string, port = 7946): { addr: Uint8Array; port: number } {
  return { addr: addressBytes(address) ?? new Uint8Array(0), port };
}

test.each([
  ['192.0.2.1', '192.0.2.1', 4],
  ['::ffff:192.0.2.1', '192.0.2.1', 4],
  ['2001:DB8::0:1', '2001:db8::1', 6],
  ['fe80::1%eth9', 'fe80::1%eth9', 6],
  ['0.0.0.0', '0.0.0.0', 4],
  ['::', '::', 6],
  ['eth0', '192.0.2.5', 4],
  ['wg0', '2001:db8::6', 6],
  ['ll0', 'fe80::7%ll0', 6],
])('%s listens on %s', (bind, host, family) => {
  expect(place(bind)).toMatchObject({ host, family });
});

test('what is neither address nor interface, or has none, is told', () => {
  expect(findPlace('eth7', () => INTERFACES)).toMatchObject({ ok: false });
  expect(findPlace('bare', () => INTERFACES)).toMatchObject({ ok: false });
  expect(findPlace('192.0.2', () => INTERFACES)).toMatchObject({ ok: false });
});

test('a socket is given what it can reach', () => {
  const cases: [bind: string, to: string, packet: string | undefined][] = [
    ['192.0.2.1', '198.51.100.1', '198.51.100.1'],
    ['192.0.2.1', '2001:db8::1', undefined],
    ['::', '198.51.100.1', '::ffff:198.51.100.1'],
    ['wg0', 'fe80::9', 'fe80::9%wg0'],
    ['wg0', '2001:db8::9', '2001:db8::9'],
  ];
  for (const [bind, to, host] of cases) expect(packetHost(endpoint(to), place(bind))).toBe(host);
  expect(streamHost(endpoint('2001:db8::1'), place('192.0.2.1'))).toBe('2001:db8::1');
  expect(streamHost(endpoint('192.0.2.1', 0), place('::'))).toBeUndefined();
});

test('knows itself, in either length, and by any address when it listens on all', () => {
  const own = (bind: string, address: string, port = 7946): boolean =>
    isOwn(endpoint(address, port), { place: place(bind), port: 7946 }, () => INTERFACES);
  expect(own('192.0.2.1', '192.0.2.1')).toBe(true);
  expect(own('192.0.2.1', '192.0.2.1', 7947)).toBe(false);
  expect(own('192.0.2.1', '192.0.2.5')).toBe(false);
  expect(own('::', '192.0.2.5')).toBe(true);
  expect(own('0.0.0.0', '2001:db8::5')).toBe(true);
  expect(own('0.0.0.0', '192.0.2.6')).toBe(false);
  expect(addressText(endpoint('::ffff:192.0.2.5').addr)).toBe('192.0.2.5');
});
