/** IPv4 packets, as far as whoever forwards them must look into them (RFC 791) and answer (RFC 792). Pure. */
import { addressFromBytes, writeAddress, type Address } from '../../ip/address.ts';

const HEADER_BYTES = 20;
/** Offsets in the header. */
const TOTAL_LENGTH = 2;
const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;

/** Of FRAGMENT: where in the whole packet it belongs. */
const FRAGMENT_OFFSET = 0x1fff;

const ICMP = 1;
const ICMP_BYTES = 8;
const UNREACHABLE = 3;
const NET_UNREACHABLE = 0;
/** What an error quotes of the packet after its header, in bytes. */
const QUOTED_BYTES = 8;
/** Those that ask something, or answer: the others are errors, which nobody answers with errors (RFC 1122, section 3.2.2). */
const ICMP_QUERIES: ReadonlySet<number> = new Set([0, 8, 9, 10, 13, 14, 15, 16, 17, 18]);
/** As flanneld's. */
const ANSWER_TTL = 8;

/** Whether it is IPv4, with all of its header and no more than it says there is. */
export function isIpv4(packet: Uint8Array): boolean {
  const length = headerLength(packet);
  return (
    packet.length >= HEADER_BYTES &&
    byte(packet, 0) >> 4 === 4 &&
    length >= HEADER_BYTES &&
    length <= packet.length &&
    word(packet, TOTAL_LENGTH) === packet.length
  );
}

export function sourceOf(packet: Uint8Array): Address {
  return addressFromBytes(packet, SOURCE, 4);
}

export function destinationOf(packet: Uint8Array): Address {
  return addressFromBytes(packet, DESTINATION, 4);
}

/** Takes one hop off the packet's life, in place; false, and the packet untouched, when that ends it. */
export function takeHop(packet: Uint8Array): boolean {
  const ttl = byte(packet, TTL);
  if (ttl <= 1) return false;
  const before = word(packet, TTL);
  packet[TTL] = ttl - 1;
  // RFC 1624, equation 3: HC' = ~(~HC + ~m + m').
  const sum = onesSum(~word(packet, CHECKSUM) & 0xffff, ~before & 0xffff, word(packet, TTL));
  putWord(packet, CHECKSUM, ~sum & 0xffff);
  return true;
}

/** Tells the sender that there is no way to its destination; undefined where nobody may be told. */
export function netUnreachable(packet: Uint8Array, from: Address): Uint8Array | undefined {
  if (!mayBeAnswered(packet)) return undefined;
  const quoted = packet.subarray(0, headerLength(packet) + QUOTED_BYTES);
  const answer = new Uint8Array(HEADER_BYTES + ICMP_BYTES + quoted.length);
  answer[0] = 0x45;
  putWord(answer, TOTAL_LENGTH, answer.length);
  answer[TTL] = ANSWER_TTL;
  answer[PROTOCOL] = ICMP;
  writeAddress(from, answer, SOURCE);
  answer.set(packet.subarray(SOURCE, SOURCE + 4), DESTINATION);
  putWord(answer, CHECKSUM, checksum(answer.subarray(0, HEADER_BYTES)));
  const message = answer.subarray(HEADER_BYTES);
  message[0] = UNREACHABLE;
  message[1] = NET_UNREACHABLE;
  message.set(quoted, ICMP_BYTES);
  putWord(message, 2, checksum(message));
  return answer;
}

/**
 * RFC 1122, section 3.2.2: no error answers an error, a later fragment, what is meant for many, or who is not one host. A
 * broadcast to a subnet is not known as such here.
 */
function mayBeAnswered(packet: Uint8Array): boolean {
  if ((word(packet, FRAGMENT) & FRAGMENT_OFFSET) !== 0) return false;
  if (!isUnicast(packet, SOURCE) || !isUnicast(packet, DESTINATION)) return false;
  const type = byte(packet, headerLength(packet));
  return byte(packet, PROTOCOL) !== ICMP || ICMP_QUERIES.has(type);
}

/** Neither of this network or host (0 and 127), nor a group, reserved or to all (224 and above): RFC 1122, section 3.2.1.3. */
function isUnicast(packet: Uint8Array, at: number): boolean {
  const first = byte(packet, at);
  return first !== 0 && first !== 127 && first < 224;
}

/** RFC 1071, over an even number of bytes or with a zero after the last; 0 over bytes that hold their own. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum = onesSum(sum, word(bytes, at));
  return ~sum & 0xffff;
}

/** In ones' complement, of 16 bits. */
function onesSum(...words: readonly number[]): number {
  let sum = words.reduce((total, each) => total + each, 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function headerLength(packet: Uint8Array): number {
  return (byte(packet, 0) & 0x0f) * 4;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at) << 8) | byte(bytes, at + 1);
}

function putWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}
