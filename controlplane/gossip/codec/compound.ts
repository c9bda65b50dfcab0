/** Several messages in one: 7, how many, their lengths, then one after the other. */
import { COMPOUND_LIMIT, PART_LIMIT } from './limits.ts';
import { COMPOUND } from './messages.ts';
import { Reader } from './reader.ts';
import { Refused } from './refusal.ts';
import { Writer } from './writer.ts';

/** Bytes of a compound besides its parts, and besides each part. */
export const COMPOUND_OVERHEAD = 2;
export const PART_OVERHEAD = 2;

/**
 * The messages as one: a lone one bare, as memberlist does. Throws a RangeError for none, more than 255, an empty
 * one (it makes old memberlist crash) or one of more than 65,535 bytes.
 */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first === undefined || parts.length > COMPOUND_LIMIT)
    throw new RangeError(`a packet has 1 to ${COMPOUND_LIMIT} messages, not ${parts.length}`);
  if (parts.some((part) => part.length === 0)) throw new RangeError('an empty message');
  if (parts.length === 1) return first;
  const writer = new Writer();
  writer.u8(COMPOUND);
  writer.u8(parts.length);
  for (const { length } of parts) {
    if (length > PART_LIMIT) throw new RangeError(`a message of ${length} bytes in a compound`);
    writer.u16(length);
  }
  for (const part of parts) writer.raw(part);
  return writer.bytes();
}

export interface Parts {
  /** The complete ones, as views. An empty one may be among them. */
  readonly parts: readonly Uint8Array[];
  /** How many more were announced. */
  readonly missing: number;
}

/** `compound` without its first byte. Throws a Refused when not even the lengths are complete. */
export function splitParts(compound: Uint8Array): Parts {
  const reader = new Reader(compound);
  const count = reader.u8();
  if (count === 0) throw new Refused('empty', 'a compound of nothing');
  const lengths = Array.from({ length: count }, () => reader.u16());
  const parts: Uint8Array[] = [];
  let at = reader.at;
  for (const length of lengths) {
    if (at + length > compound.length) break;
    parts.push(compound.subarray(at, at + length));
    at += length;
  }
  return { parts, missing: count - parts.length };
}
