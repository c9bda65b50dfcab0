/**
 * Netlink messages as bytes (RFC 3549 section 2.2, linux/netlink.h): a header, a fixed part, attributes.
 * Everything is in the machine's byte order and aligned to four bytes. Pure: no sockets here.
 */
import { endianness } from 'node:os';
import {
  FAMILIES,
  addressFromBytes,
  familyOf,
  writeAddress,
  type Address,
} from '../../ip/address.ts';
import { macFromBytes, writeMac, type Mac } from '../../ip/mac.ts';
import { NLA_F_NESTED, NLA_TYPE_MASK } from './constants.ts';

export const LITTLE_ENDIAN = endianness() === 'LE';
/** Size of struct nlmsghdr. */
export const HEADER_BYTES = 16;
/** Size of struct nlattr. */
const ATTRIBUTE_HEADER_BYTES = 4;
const FIRST_BYTES = 4096;

/** Writes messages one after the other into a buffer that grows and is used again. */
export class MessageWriter {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #view = viewOf(this.#bytes);
  #length = 0;
  #message = 0;

  /** What was written since the last `reset`. Valid until the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  begin(type: number, flags: number, sequence: number): void {
    this.#message = this.#take(HEADER_BYTES);
    this.#view.setUint16(this.#message + 4, type, LITTLE_ENDIAN);
    this.#view.setUint16(this.#message + 6, flags, LITTLE_ENDIAN);
    this.#view.setUint32(this.#message + 8, sequence, LITTLE_ENDIAN);
    this.#view.setUint32(this.#message + 12, 0, LITTLE_ENDIAN);
  }

  end(): void {
    this.#view.setUint32(this.#message, this.#length - this.#message, LITTLE_ENDIAN);
  }

  /** Sets flags in the message written last. */
  addFlags(flags: number): void {
    const at = this.#message + 6;
    this.#view.setUint16(at, this.#view.getUint16(at, LITTLE_ENDIAN) | flags, LITTLE_ENDIAN);
  }

  u8(value: number): this {
    const at = this.#take(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#take(2);
    this.#view.setUint16(at, value, LITTLE_ENDIAN);
    return this;
  }

  u32(value: number): this {
    const at = this.#take(4);
    this.#view.setUint32(at, value, LITTLE_ENDIAN);
    return this;
  }

  flagAttribute(type: number): void {
    this.#attribute(type, 0);
  }

  u8Attribute(type: number, value: number): void {
    const at = this.#attribute(type, 1);
    this.#view.setUint8(at, value);
  }

  u32Attribute(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, LITTLE_ENDIAN);
  }

  /** In network byte order, as ports are. */
  u16NetworkAttribute(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, false);
  }

  addressAttribute(type: number, value: Address): void {
    const at = this.#attribute(type, FAMILIES[familyOf(value)].bytes);
    writeAddress(value, this.#bytes, at);
  }

  macAttribute(type: number, value: Mac): void {
    const at = this.#attribute(type, 6);
    writeMac(value, this.#bytes, at);
  }

  /** With the closing NUL that the kernel's NLA_NUL_STRING wants. */
  textAttribute(type: number, value: string): void {
    const length = Buffer.byteLength(value);
    const at = this.#attribute(type, length + 1);
    this.#bytes.write(value, at);
  }

  /** Attributes written until `endNest` lie inside this one. */
  beginNest(type: number): number {
    return this.#attribute(type | NLA_F_NESTED, 0) - ATTRIBUTE_HEADER_BYTES;
  }

  endNest(start: number): void {
    this.#view.setUint16(start, this.#length - start, LITTLE_ENDIAN);
  }

  /** Room for an attribute's payload, its padding zeroed; returns its offset. */
  #attribute(type: number, length: number): number {
    const size = (ATTRIBUTE_HEADER_BYTES + length + 3) & ~3;
    const start = this.#take(size);
    this.#view.setUint32(start + size - 4, 0);
    this.#view.setUint16(start, ATTRIBUTE_HEADER_BYTES + length, LITTLE_ENDIAN);
    this.#view.setUint16(start + 2, type, LITTLE_ENDIAN);
    return start + ATTRIBUTE_HEADER_BYTES;
  }

  /** Offset of `count` bytes more. Call before using the view or the bytes: growing replaces both. */
  #take(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#bytes.length) this.#grow(end);
    this.#length = end;
    return at;
  }

  #grow(needed: number): void {
    const larger = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}

/** One message inside a datagram. `start` and `end` bound what follows its header. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** Calls `visit` for each message of a datagram; stops at the first whose length cannot be right. */
export function visitMessages(bytes: Uint8Array, visit: (message: Message) => void): void {
  const view = viewOf(bytes);
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, LITTLE_ENDIAN);
    if (length < HEADER_BYTES || at + length > bytes.length) return;
    visit({
      type: view.getUint16(at + 4, LITTLE_ENDIAN),
      flags: view.getUint16(at + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(at + 8, LITTLE_ENDIAN),
      port: view.getUint32(at + 12, LITTLE_ENDIAN),
      bytes,
      view,
      start: at + HEADER_BYTES,
      end: at + length,
    });
    at += (length + 3) & ~3;
  }
}

/**
 * The attributes in a stretch of bytes, looked up by walking them: messages hold few, so a walk is cheaper than
 * an index. Each getter gives undefined when the attribute is absent or not of the size its kind has.
 */
export class Attributes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #start: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, view: DataView, start: number, end: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.#start = start;
    this.#end = Math.min(end, bytes.length);
  }

  /** The attributes behind the fixed part of a message. */
  static of(message: Message, fixedBytes: number): Attributes {
    return new Attributes(message.bytes, message.view, message.start + fixedBytes, message.end);
  }

  has(type: number): boolean {
    return this.#find(type) >= 0;
  }

  u8(type: number): number | undefined {
    const at = this.#payload(type, 1);
    return at < 0 ? undefined : this.#view.getUint8(at);
  }

  u32(type: number): number | undefined {
    const at = this.#payload(type, 4);
    return at < 0 ? undefined : this.#view.getUint32(at, LITTLE_ENDIAN);
  }

  u16Network(type: number): number | undefined {
    const at = this.#payload(type, 2);
    return at < 0 ? undefined : this.#view.getUint16(at, false);
  }

  address(type: number): Address | undefined {
    const at = this.#find(type);
    if (at < 0) return undefined;
    const length = this.#lengthAt(at);
    return length === 4 || length === 16 ? addressFromBytes(this.#bytes, at, length) : undefined;
  }

  mac(type: number): Mac | undefined {
    const at = this.#payload(type, 6);
    return at < 0 ? undefined : macFromBytes(this.#bytes, at);
  }

  /** Up to the first NUL. */
  text(type: number): string | undefined {
    const at = this.#find(type);
    if (at < 0) return undefined;
    const all = this.#bytes.subarray(at, at + this.#lengthAt(at));
    const nul = all.indexOf(0);
    return Buffer.from(nul < 0 ? all : all.subarray(0, nul)).toString();
  }

  nested(type: number): Attributes | undefined {
    const at = this.#find(type);
    if (at < 0) return undefined;
    return new Attributes(this.#bytes, this.#view, at, at + this.#lengthAt(at));
  }

  #payload(type: number, length: number): number {
    const at = this.#find(type);
    return at >= 0 && this.#lengthAt(at) === length ? at : -1;
  }

  #lengthAt(payload: number): number {
    return this.#view.getUint16(payload - ATTRIBUTE_HEADER_BYTES, LITTLE_ENDIAN) - 4;
  }

  /** Offset of the payload, or -1. */
  #find(type: number): number {
    let at = this.#start;
    while (at + ATTRIBUTE_HEADER_BYTES <= this.#end) {
      const length = this.#view.getUint16(at, LITTLE_ENDIAN);
      if (length < ATTRIBUTE_HEADER_BYTES || at + length > this.#end) return -1;
      if ((this.#view.getUint16(at + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK) === type)
        return at + ATTRIBUTE_HEADER_BYTES;
      at += (length + 3) & ~3;
    }
    return -1;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
