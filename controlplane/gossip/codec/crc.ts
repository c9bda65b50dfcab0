/** The CRC layer of packets: 12, CRC-32 (IEEE, as in zlib) of what follows, what follows. */
import { crc32 } from 'node:zlib';
import { CRC } from './messages.ts';
import { Reader } from './reader.ts';
import { Refused } from './refusal.ts';
import { Writer } from './writer.ts';

export const CRC_OVERHEAD = 5;

export function addCrc(packet: Uint8Array): Uint8Array {
  const writer = new Writer();
  writer.u8(CRC);
  writer.u32(crc32(packet));
  writer.raw(packet);
  return writer.bytes();
}

/** What the CRC layer holds, or the packet as it is if it has none. Throws a Refused. */
export function withoutCrc(packet: Uint8Array): Uint8Array {
  if (packet[0] !== CRC) return packet;
  const reader = new Reader(packet, 1);
  const told = reader.u32();
  const inner = packet.subarray(CRC_OVERHEAD);
  if (crc32(inner) !== told) throw new Refused('bad-crc', 'the CRC is not that of the packet');
  return inner;
}
