import { expect, test } from 'vitest';
import { parseDump } from './dump.ts';

const [SECRET, OWN, KEY, PSK] = [1, 2, 3, 4].map((byte) =>
  Buffer.alloc(32, byte).toString('base64'),
) as [string, string, string, string];

/** As wg 1.0.20210914 prints them. */
const TEXT = [
  `flannel-wg\t${SECRET}\t${OWN}\t51820\toff`,
  `flannel-wg\t${KEY}\t${PSK}\t[fd77::2]:51820\tfd00:5:0:2::/64,10.5.2.0/24\t1700000000\t10\t20\t25`,
  `flannel-wg\t${PSK}\t(none)\t(none)\t(none)\t0\t0\t0\toff`,
  'new\t(none)\t(none)\t0\toff',
  '',
].join('\n');

test('devices and peers, without the private key', () => {
  const dump = parseDump(TEXT);
  expect(dump).toEqual({
    devices: [
      { kind: 'wireguard', link: 'flannel-wg', publicKey: OWN, port: 51_820 },
      { kind: 'wireguard', link: 'new', publicKey: undefined, port: 0 },
    ],
    peers: [
      {
        handshake: 1_700_000_000,
        receivedBytes: 10,
        sentBytes: 20,
        peer: {
          kind: 'wireguard-peer',
          link: 'flannel-wg',
          publicKey: KEY,
          endpoint: '[fd77::2]:51820',
          allowedIps: ['10.5.2.0/24', 'fd00:5:0:2::/64'],
          keepalive: 25,
          presharedKey: PSK,
        },
      },
      {
        handshake: 0,
        receivedBytes: 0,
        sentBytes: 0,
        peer: {
          kind: 'wireguard-peer',
          link: 'flannel-wg',
          publicKey: PSK,
          endpoint: undefined,
          allowedIps: [],
          keepalive: 0,
          presharedKey: undefined,
        },
      },
    ],
  });
  expect(JSON.stringify(dump)).not.toContain(SECRET);
});

test('what makes no sense is left out', () => {
  expect(parseDump('')).toEqual({ devices: [], peers: [] });
  expect(parseDump('a\tb\nflannel-wg\tkey\t\t\t\t\t\t\t')).toEqual({ devices: [], peers: [] });
});
