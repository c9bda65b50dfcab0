import { expect, test } from 'vitest';
import { address } from '../../ip/address.ts';
import { prefix } from '../../ip/prefix.ts';
import { socketAddress } from '../../ip/socket-address.ts';
import type { WireguardPeer } from '../../state/resource.ts';
import type { PublicKey } from '../../state/wireguard.ts';
import { argumentsOf, type KeyFiles } from './commands.ts';

const KEY = Buffer.alloc(32, 1).toString('base64') as PublicKey;
const PSK = Buffer.alloc(32, 2).toString('base64');
const files: KeyFiles = {
  privateKey: (key) => `/state/${key === KEY ? 'wgkey' : 'another'}`,
  presharedKey: (key) => (key === undefined ? '/dev/null' : '/run/psk'),
  mayStay: () => false,
};
const peer: WireguardPeer = {
  kind: 'wireguard-peer',
  link: 'flannel-wg',
  publicKey: KEY,
  endpoint: socketAddress(address('fd77::2'), 51_820),
  allowedIps: [prefix('10.5.2.0/24'), prefix('fd00:5:0:2::/64')],
  keepalive: 25,
  presharedKey: PSK,
};
const settings = (desired: WireguardPeer, actual: WireguardPeer, with_ = files) =>
  argumentsOf({ action: 'change', desired, actual }, with_).join(' ');

test('a device is given its port and the file of its key', () => {
  const desired = { kind: 'wireguard', link: 'flannel-wg', publicKey: KEY, port: 51_820 } as const;
  expect(argumentsOf({ action: 'create', desired }, files).join(' ')).toBe(
    'listen-port 51820 private-key /state/wgkey',
  );
  expect(argumentsOf({ action: 'remove', actual: desired }, files)).toEqual([]);
});

test('a new peer is given everything, its addresses last, and is greeted', () => {
  expect(argumentsOf({ action: 'create', desired: peer }, files).join(' ')).toBe(
    `peer ${KEY} preshared-key /run/psk endpoint [fd77::2]:51820 ` +
      'allowed-ips 10.5.2.0/24,fd00:5:0:2::/64 ' +
      `peer ${KEY} persistent-keepalive 0 peer ${KEY} persistent-keepalive 25`,
  );
  const bare = { ...peer, presharedKey: undefined, keepalive: 0, endpoint: undefined };
  expect(argumentsOf({ action: 'create', desired: bare }, files).join(' ')).toBe(
    `peer ${KEY} preshared-key /dev/null allowed-ips 10.5.2.0/24,fd00:5:0:2::/64 ` +
      [0, 25, 0].map((keepalive) => `peer ${KEY} persistent-keepalive ${keepalive}`).join(' '),
  );
  expect(argumentsOf({ action: 'remove', actual: peer }, files)).toEqual(['peer', KEY, 'remove']);
});

test('of a changed peer only what differs is set', () => {
  const moved = { ...peer, endpoint: socketAddress(address('192.0.2.1'), 1) };
  expect(settings(peer, moved)).toBe(`peer ${KEY} endpoint [fd77::2]:51820`);
  expect(settings(peer, moved, { ...files, mayStay: () => true })).toBe('');
  expect(settings({ ...peer, keepalive: 0 }, peer)).toBe(`peer ${KEY} persistent-keepalive 0`);
  expect(settings({ ...peer, presharedKey: undefined }, peer)).toBe(
    `peer ${KEY} preshared-key /dev/null`,
  );
  expect(settings({ ...peer, allowedIps: [] }, peer)).toBe(`peer ${KEY} allowed-ips `);
});

test('no secret is among the arguments', () => {
  const args = argumentsOf({ action: 'create', desired: peer }, files);
  expect(args.join(' ')).not.toContain(PSK);
});
