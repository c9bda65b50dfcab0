/**
 * Writes MessagePack as go-msgpack 0.5 does by default: text and byte strings alike in the raw family (fixraw, raw16,
 * raw32; never str8 or bin), integers in the shortest form, unsigned where they are not negative, floats in 64 bits.
 */
import { NIL_BYTES } from './reader.ts';

const U32 = 2 ** 32;

/** Grows as needed; `bytes` gives what was written so far. */
export class Writer {
  #buffer = Buffer.allocUnsafe(256);
  #at = 0;

  /** A copy: the writer may go on. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(0, this.#at));
  }

  u8(value: number): void {
    this.#at = this.#room(1).writeUInt8(value, this.#at);
  }

  u16(value: number): void {
    this.#at = this.#room(2).writeUInt16BE(value, this.#at);
  }

  u32(value: number): void {
    this.#at = this.#room(4).writeUInt32BE(value, this.#at);
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length).set(bytes, this.#at);
    this.#at += bytes.length;
  }

  nil(): void {
    this.u8(0xc0);
  }

  boolean(value: boolean): void {
    this.u8(value ? 0xc3 : 0xc2);
  }

  integer(value: number | bigint): void {
    if (value < 0) this.#negative(value);
    else if (value < 0x80) this.u8(Number(value));
    else if (value < 0x100) this.u16(0xcc00 | Number(value));
    else if (value < 0x10000) this.#formed(0xcd).u16(Number(value));
    else if (value < U32) this.#formed(0xce).u32(Number(value));
    else this.#formed(0xcf).#u64(BigInt(value));
  }

  float(value: number): void {
    this.u8(0xcb);
    this.#at = this.#room(8).writeDoubleBE(value, this.#at);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#rawHead(length);
    this.#room(length).write(value, this.#at);
    this.#at += length;
  }

  byteString(value: Uint8Array): void {
    if (value === NIL_BYTES) return this.nil();
    this.#rawHead(value.length);
    this.raw(value);
  }

  arrayHead(entries: number): void {
    this.#head(entries, { fixed: 0x90, fixedLimit: 16, wide: 0xdc });
  }

  mapHead(entries: number): void {
    this.#head(entries, { fixed: 0x80, fixedLimit: 16, wide: 0xde });
  }

  #rawHead(length: number): void {
    this.#head(length, { fixed: 0xa0, fixedLimit: 32, wide: 0xda });
  }

  /** `wide` has its number in 16 bits, the form after it in 32. */
  #head(count: number, form: { fixed: number; fixedLimit: number; wide: number }): void {
    if (count < form.fixedLimit) this.u8(form.fixed | count);
    else if (count < 0x10000) this.#formed(form.wide).u16(count);
    else this.#formed(form.wide + 1).u32(count);
  }

  #negative(value: number | bigint): void {
    if (value >= -32) this.u8(Number(value) & 0xff);
    else if (value >= -0x80) this.u16(0xd000 | (Number(value) & 0xff));
    else if (value >= -0x8000) this.#formed(0xd1).u16(Number(value) & 0xffff);
    else if (value >= -0x80000000) this.#formed(0xd2).u32(Number(value) >>> 0);
    else this.#formed(0xd3).#u64(BigInt.asUintN(64, BigInt(value)));
  }

  #formed(form: number): this {
    this.u8(form);
    return this;
  }

  #u64(value: bigint): void {
    this.#at = this.#room(8).writeBigUInt64BE(value, this.#at);
  }

  #room(bytes: number): Buffer {
    const needed = this.#at + bytes;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, this.#at);
      this.#buffer = grown;
    }
    return this.#buffer;
  }
}
