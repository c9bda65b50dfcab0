import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { SocketAddress } from '../ip/socket-address.ts';
import { nativeAddress, WholePackets } from './whole-packets.ts';

test('addresses as the kernel reads them', () => {
  const v4 = nativeAddress('192.0.2.1:7946' as SocketAddress);
  expect([v4.length, v4.subarray(2, 8).toString('hex')]).toEqual([16, '1f0ac0000201']);
  const v6 = nativeAddress('[2001:db8::1]:7946' as SocketAddress);
  expect(v6.length).toBe(28);
  expect(v6.subarray(2, 24).toString('hex')).toBe(`1f0a00000000${'20010db8'.padEnd(31, '0')}1`);
});

test.each([
  ['udp4', '127.0.0.1'],
  ['udp6', '::1'],
] as const)('%s: a packet goes, and its answer comes', async (type, host) => {
  const echo = createSocket(type);
  echo.on('message', (data, from) => echo.send(data, from.port, from.address));
  echo.bind(0, host);
  await once(echo, 'listening');
  const place = `${type === 'udp6' ? `[${host}]` : host}:${echo.address().port}` as SocketAddress;
  let told: (answer: readonly [Uint8Array, SocketAddress]) => void = () => {};
  const answered = new Promise<readonly [Uint8Array, SocketAddress]>((done) => (told = done));
  const packets = new WholePackets((data, from) => told([data, from]));
  try {
    expect(packets.send(new Uint8Array(1000).fill(5), place)).toBeUndefined();
    const [data, from] = await answered;
    expect([Buffer.from(data).equals(Buffer.alloc(1000, 5)), from]).toEqual([true, place]);
    // The loopback's MTU is 65,536 bytes, which UDP does not exceed; without a port nothing is sent.
    expect(packets.send(new Uint8Array(65_508), place)).toBe('EMSGSIZE');
  } finally {
    packets.close();
    echo.close();
  }
});
