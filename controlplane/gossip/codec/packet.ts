/**
 * One datagram: messages, compressed, checked, encrypted, labelled, from the inside out. Only the label and the CRC
 * have a fixed place; compounds and compressed data may hold each other.
 */
import { COMPOUND_OVERHEAD, joinParts, splitParts } from './compound.ts';
import { Expansion, wrapCompressed } from './compressed.ts';
import { addCrc, withoutCrc } from './crc.ts';
import {
  decrypt,
  encrypt,
  ENCRYPTION_OVERHEAD,
  type EncryptionVersion,
  type NonceSource,
} from './encryption.ts';
import type { Keyring } from './keyring.ts';
import { labelHeader, skipLabel, type LabelCheck } from './label.ts';
import { DEPTH_LIMIT, MESSAGES_LIMIT, PACKET_EXPANDED_LIMIT, PACKET_LIMIT } from './limits.ts';
import { COMPOUND, COMPRESS, encodeMessage, readMessage, type Message } from './messages.ts';
import { NIL_BYTES, Reader } from './reader.ts';
import { attempt, Refused, refusalOf, type Refusal } from './refusal.ts';

export interface Opening extends LabelCheck {
  /** Empty: take what is not encrypted. */
  readonly keyring: Keyring;
  /** Take also what is not encrypted although we have keys: while encryption is being introduced. */
  readonly acceptPlain?: boolean;
}

export interface Wrapping {
  /** Empty for none. */
  readonly label: Uint8Array;
  /** Empty: do not encrypt. */
  readonly keyring: Keyring;
  readonly nonce: NonceSource;
  readonly encryption?: EncryptionVersion;
  readonly compress: boolean;
  /** Only for receivers of protocol 5 on. */
  readonly crc: boolean;
}

/** What a packet held, in its order. A part that is refused does not spoil the others. */
export interface Packet {
  readonly messages: readonly Message[];
  readonly refusals: readonly Refusal[];
}

/** The packet for these messages as encodeMessage gives them. Throws a RangeError as joinParts does. */
export function encodePacket(parts: readonly Uint8Array[], wrapping: Wrapping): Uint8Array {
  const { label, keyring, nonce, encryption: version = 1 } = wrapping;
  let packet = joinParts(parts);
  if (wrapping.compress) packet = shorter(wrapCompressed(packet), packet);
  if (wrapping.crc) packet = addCrc(packet);
  if (keyring.length > 0) packet = encrypt(packet, keyring, { nonce, aad: label, version });
  return label.length === 0 ? packet : new Uint8Array(Buffer.concat([labelHeader(label), packet]));
}

/**
 * A ping to whoever gets it, in a packet of `length` bytes; undefined if it does not fit. Behind the message stand
 * zeros, which every member ignores (specification §4); the answer goes to where the packet came from.
 */
export function encodePing(
  seqNo: number,
  length: number,
  wrapping: Pick<Wrapping, 'label' | 'keyring' | 'nonce'>,
): Uint8Array | undefined {
  const source = { sourceAddr: NIL_BYTES, sourcePort: 0, sourceNode: '' };
  const ping = encodeMessage({ kind: 'ping', seqNo, node: '', ...source });
  const sealing = wrapping.keyring.length > 0 ? ENCRYPTION_OVERHEAD[1] : 0;
  const room = length - labelHeader(wrapping.label).length - sealing;
  if (room < ping.length || length > PACKET_LIMIT) return undefined;
  const padded = new Uint8Array(room);
  padded.set(ping);
  return encodePacket([padded], { ...wrapping, compress: false, crc: false });
}

/** Bytes around a compound's parts, as memberlist reckons: without the CRC, as if nothing were compressed. */
export function packetOverhead({ label, keyring }: Pick<Wrapping, 'label' | 'keyring'>): number {
  const encryption = keyring.length > 0 ? ENCRYPTION_OVERHEAD[1] : 0;
  return COMPOUND_OVERHEAD + labelHeader(label).length + encryption;
}

/** Any bytes whatever; never throws. */
export function decodePacket(packet: Uint8Array, opening: Opening): Packet {
  const opened = attempt(() => open(packet, opening));
  return opened.ok
    ? new Unfolding().run(opened.value)
    : { messages: [], refusals: [refusalOf(opened)] };
}

function open(packet: Uint8Array, opening: Opening): Uint8Array {
  if (packet.length === 0) throw new Refused('empty', 'a packet without a byte');
  if (packet.length > PACKET_LIMIT)
    throw new Refused('too-large', `a packet of ${packet.length} bytes`);
  const reader = new Reader(packet);
  skipLabel(reader, opening);
  return withoutCrc(decrypted(packet.subarray(reader.at), opening));
}

function decrypted(sealed: Uint8Array, { keyring, label, acceptPlain }: Opening): Uint8Array {
  if (keyring.length === 0) return sealed;
  const opened = attempt(() => decrypt(sealed, keyring, label));
  if (opened.ok) return opened.value;
  if (acceptPlain === true) return sealed;
  throw new Refused(opened.reason, opened.detail);
}

/** Takes compounds and compressed data apart down to the messages. */
class Unfolding {
  readonly #messages: Message[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #expansion = new Expansion(PACKET_EXPANDED_LIMIT);

  run(packet: Uint8Array): Packet {
    this.#unfold(packet, 0);
    return { messages: this.#messages, refusals: this.#refusals };
  }

  #unfold(part: Uint8Array, depth: number): void {
    const done = attempt(() => this.#open(part, depth));
    if (!done.ok) this.#refusals.push(refusalOf(done));
  }

  #open(part: Uint8Array, depth: number): void {
    if (depth > DEPTH_LIMIT)
      throw new Refused('too-deep', `${DEPTH_LIMIT} layers within each other`);
    if (part[0] === COMPOUND) this.#openCompound(part, depth);
    else if (part[0] === COMPRESS) this.#unfold(this.#expansion.unwrap(part), depth + 1);
    else this.#messages.push(readMessage(part));
  }

  #openCompound(compound: Uint8Array, depth: number): void {
    const { parts, missing } = splitParts(compound.subarray(1));
    for (const part of parts) {
      if (this.#messages.length + this.#refusals.length >= MESSAGES_LIMIT)
        throw new Refused('too-large', `more than ${MESSAGES_LIMIT} messages`);
      this.#unfold(part, depth + 1);
    }
    if (missing > 0)
      throw new Refused('truncated', `${missing} messages of a compound are missing`);
  }
}

function shorter(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.length < other.length ? one : other;
}
