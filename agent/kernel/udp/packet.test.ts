import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address, addressFromBytes } from '../../ip/address.ts';
import { checksum, destinationOf, isIpv4, netUnreachable, sourceOf, takeHop } from './packet.ts';
import { arbPacket, packetOf } from './testing.ts';

const OWN = address('10.5.1.0');
const headerOf = (packet: Uint8Array): Uint8Array => packet.subarray(0, (packet[0]! & 0x0f) * 4);

describe('one hop', () => {
  test('takes one off the TTL, and the checksum still holds', () => {
    fc.assert(
      fc.property(arbPacket(), (packet) => {
        const before = Uint8Array.from(packet);
        const lives = takeHop(packet);
        expect(lives).toBe(before[8]! > 1);
        const changed = lives ? [8, 10, 11] : [];
        before.forEach((byte, at) => {
          if (!changed.includes(at)) expect(packet[at]).toBe(byte);
        });
        expect(packet[8]).toBe(before[8]! - (lives ? 1 : 0));
        expect(checksum(headerOf(packet))).toBe(0);
      }),
    );
  });

  test('also where the sum wraps', () => {
    // Every checksum that there is, by way of the identification.
    const packets = Array.from({ length: 0x1_0000 }, (_, id) => packetOf({ id }));
    for (const packet of packets) takeHop(packet);
    expect(packets.filter((packet) => checksum(packet) !== 0)).toEqual([]);
  });
});

describe('the answer that there is no way', () => {
  test('goes to the sender, holds by both checksums and quotes what it is about', () => {
    fc.assert(
      fc.property(arbPacket({ protocol: 17 }), (packet) => {
        const answer = netUnreachable(packet, OWN);
        expect(answer && isIpv4(answer)).toBe(true);
        if (answer === undefined) return;
        expect([sourceOf(answer), destinationOf(answer)]).toEqual([OWN, sourceOf(packet)]);
        expect([answer[8], answer[9], answer[20], answer[21]]).toEqual([8, 1, 3, 0]);
        expect(checksum(answer.subarray(0, 20))).toBe(0);
        expect(checksum(answer.subarray(20))).toBe(0);
        const quoted = packet.subarray(0, headerOf(packet).length + 8);
        expect(answer.subarray(28)).toEqual(quoted);
      }),
    );
  });

  const icmp = (type: number): Uint8Array => packetOf({ protocol: 1, payload: [type, 0, 0, 0] });
  test.each([
    ['an echo request', icmp(8), true],
    ['an ICMP error', icmp(3), false],
    ['a redirect', icmp(5), false],
    ['a first fragment', packetOf({ fragment: 0x2000 }), true],
    ['a later fragment', packetOf({ fragment: 0x2001 }), false],
    ['a packet of a group', packetOf({ source: address('224.0.0.5') }), false],
    ['a packet of nobody', packetOf({ source: address('0.0.0.0') }), false],
    ['a packet of the loopback', packetOf({ source: address('127.0.0.1') }), false],
    ['a packet to a group', packetOf({ destination: address('224.0.0.251') }), false],
    ['a packet to a reserved address', packetOf({ destination: address('240.0.0.1') }), false],
    ['a packet to all', packetOf({ destination: address('255.255.255.255') }), false],
    ['the highest source of one host', packetOf({ source: address('223.255.255.254') }), true],
  ])('to %s: %#', (_, packet, isGiven) => {
    expect(netUnreachable(packet, OWN) !== undefined).toBe(isGiven);
  });
});

describe('what is no packet of IPv4', () => {
  test.each([
    ['IPv6', Uint8Array.of(0x60, ...packetOf({}).subarray(1))],
    ['shorter than it says', packetOf({ payload: [1, 2] }).subarray(0, 21)],
    ['longer than it says', Uint8Array.of(...packetOf({}), 0)],
    ['a header of four words', Uint8Array.of(0x44, ...packetOf({}).subarray(1))],
    ['a header beyond its end', Uint8Array.of(0x4f, ...packetOf({}).subarray(1))],
    ['nothing', new Uint8Array()],
  ])('%s', (_, bytes) => {
    expect(isIpv4(bytes)).toBe(false);
  });

  test('nothing is read beyond what is there, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        if (!isIpv4(bytes)) return;
        expect(destinationOf(bytes)).toBe(addressFromBytes(bytes, 16, 4));
        netUnreachable(bytes, OWN);
      }),
    );
  });
});
