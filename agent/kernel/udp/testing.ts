/** Packets for the tests beside. */
import fc from 'fast-check';
import { address, addressFromBytes, writeAddress, type Address } from '../../ip/address.ts';
import { checksum } from './packet.ts';

interface PacketParts {
  readonly source?: Address;
  readonly destination?: Address;
  readonly id?: number;
  readonly ttl?: number;
  readonly protocol?: number;
  /** Flags and offset, as they stand in the header. */
  readonly fragment?: number;
  /** Words of options, 0 to 10. */
  readonly options?: number;
  readonly payload?: readonly number[];
}

/** Whole, with a checksum that holds. */
export function packetOf({
  source = address('10.5.1.2'),
  destination = address('10.5.37.2'),
  id = 0,
  ttl = 64,
  protocol = 17,
  fragment = 0,
  options = 0,
  payload = [],
}: PacketParts): Uint8Array {
  const length = 20 + 4 * options;
  const packet = new Uint8Array(length + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x40 | (length / 4);
  view.setUint16(2, packet.length);
  view.setUint16(4, id);
  view.setUint16(6, fragment);
  packet[8] = ttl;
  packet[9] = protocol;
  writeAddress(source, packet, 12);
  writeAddress(destination, packet, 16);
  // "No operation" (RFC 791).
  packet.fill(1, 20, length);
  packet.set(payload, length);
  view.setUint16(10, checksum(packet.subarray(0, length)));
  return packet;
}

const arbUnicast: fc.Arbitrary<Address> = fc
  .tuple(
    fc.integer({ min: 1, max: 223 }).filter((first) => first !== 127),
    fc.nat(255),
    fc.nat(255),
    fc.nat(255),
  )
  .map((bytes) => addressFromBytes(Uint8Array.from(bytes)));

export function arbPacket(fixed: PacketParts = {}): fc.Arbitrary<Uint8Array> {
  const parts = fc.record({
    source: arbUnicast,
    destination: arbUnicast,
    ttl: fc.nat(255),
    protocol: fc.nat(255),
    options: fc.nat(10),
    payload: fc.array(fc.nat(255), { maxLength: 40 }),
  });
  return parts.map((each) => packetOf({ ...each, ...fixed }));
}
