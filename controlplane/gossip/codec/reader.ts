/**
 * Reads MessagePack in every form a Go program may write or accept (https://github.com/msgpack/msgpack, spec.md,
 * and go-msgpack's older dialect, in which text and bytes look alike). Never reads beyond its input, and what it
 * returns are copies: a small field must not keep a large packet in memory.
 */
import { isUtf8 } from 'node:buffer';
import { ENTRIES_LIMIT } from './limits.ts';
import { Refused, Truncated } from './refusal.ts';

/** No byte string at all (Go's nil), as opposed to one without bytes. Only the writer can tell them apart. */
export const NIL_BYTES = new Uint8Array(0);

const NIL = 0xc0;

/** Forms whose length or number of entries follows in 1, 2 or 4 bytes. */
const RAWS = new Map([
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
  [0xc4, 1],
  [0xc5, 2],
  [0xc6, 4],
]);
const ARRAYS = new Map([
  [0xdc, 2],
  [0xdd, 4],
]);
const MAPS = new Map([
  [0xde, 2],
  [0xdf, 4],
]);
const EXTENSIONS = new Map([
  [0xc7, 1],
  [0xc8, 2],
  [0xc9, 4],
]);
/** Forms of fixed size: bytes after the first. Extensions of fixed size have a type byte before their data. */
const FIXED_SIZES = new Map([
  ...[NIL, 0xc2, 0xc3].map((form) => [form, 0] as const),
  ...[0xcc, 0xd0].map((form) => [form, 1] as const),
  ...[0xcd, 0xd1, 0xd4].map((form) => [form, 2] as const),
  ...[0xd5].map((form) => [form, 3] as const),
  ...[0xca, 0xce, 0xd2].map((form) => [form, 4] as const),
  ...[0xd6].map((form) => [form, 5] as const),
  ...[0xcb, 0xcf, 0xd3].map((form) => [form, 8] as const),
  ...[0xd7].map((form) => [form, 9] as const),
  ...[0xd8].map((form) => [form, 17] as const),
]);

export class Reader {
  readonly #input: Buffer;
  #at: number;
  #entriesLeft: number;

  /** `entries`: of all arrays and maps together, skipped ones too. */
  constructor(input: Uint8Array, at = 0, entries = ENTRIES_LIMIT) {
    this.#input = Buffer.from(input.buffer, input.byteOffset, input.length);
    this.#at = at;
    this.#entriesLeft = entries;
  }

  /** Bytes read so far, counted from the start of the input. */
  get at(): number {
    return this.#at;
  }

  /** The next byte, left where it is. */
  peek(): number {
    this.#require(1);
    return this.#input.readUInt8(this.#at);
  }

  u8(): number {
    return this.#input.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#input.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#input.readUInt32BE(this.#advance(4));
  }

  raw(length: number): Uint8Array {
    const start = this.#advance(length);
    return new Uint8Array(this.#input.subarray(start, start + length));
  }

  rest(): Uint8Array {
    return this.raw(this.#input.length - this.#at);
  }

  /** Steps over a nil, if one is next. */
  skipNil(): boolean {
    if (this.peek() !== NIL) return false;
    this.#at += 1;
    return true;
  }

  boolean(): boolean {
    const form = this.u8();
    if (form === 0xc2) return false;
    if (form === 0xc3) return true;
    throw unexpected(form, 'a boolean');
  }

  /** An integer of any width that a number holds exactly. */
  integer(): number {
    const value = this.#integer(this.u8());
    if (typeof value === 'number') return value;
    const rounded = Number(value);
    if (Number.isSafeInteger(rounded)) return rounded;
    throw new Refused('malformed', 'integer beyond 53 bits');
  }

  bigInteger(): bigint {
    return BigInt(this.#integer(this.u8()));
  }

  /** Go's decoder takes an integer for a float. */
  float(): number {
    const form = this.u8();
    if (form === 0xcb) return this.#input.readDoubleBE(this.#advance(8));
    if (form === 0xca) return this.#input.readFloatBE(this.#advance(4));
    return Number(this.#integer(form));
  }

  text(limit: number): string {
    const length = this.#rawLength(this.u8(), limit);
    const start = this.#advance(length);
    const bytes = this.#input.subarray(start, start + length);
    if (!isUtf8(bytes)) throw new Refused('malformed', 'text that is not UTF-8');
    return bytes.toString('utf8');
  }

  /** Bytes in a text, a binary or an array of small integers. */
  bytes(limit: number): Uint8Array {
    const form = this.peek();
    if (isArray(form)) return this.#bytesOfArray(limit);
    this.#at += 1;
    return this.raw(this.#rawLength(form, limit));
  }

  /** Entries of the array that follows; each takes a byte at least. */
  arrayLength(limit = this.#entriesLeft): number {
    const form = this.u8();
    const length = (form & 0xf0) === 0x90 ? form & 0x0f : this.#length(ARRAYS, form, 'an array');
    return this.#entries(length, limit, 1);
  }

  /** Pairs of the map that follows; each takes two bytes at least. */
  mapLength(limit = this.#entriesLeft): number {
    const form = this.u8();
    const length = (form & 0xf0) === 0x80 ? form & 0x0f : this.#length(MAPS, form, 'a map');
    return this.#entries(length, limit, 2);
  }

  nextIsArray(): boolean {
    return isArray(this.peek());
  }

  /** Steps over one value of any form; in a loop, so that no depth of nesting exhausts the stack. */
  skip(): void {
    for (let pending = 1; pending > 0; pending--) pending += this.#skipHead();
  }

  /** Steps over a value without its entries; returns how many values they are. */
  #skipHead(): number {
    const form = this.peek();
    if (isArray(form)) return this.arrayLength();
    if ((form & 0xf0) === 0x80 || MAPS.has(form)) return 2 * this.mapLength();
    this.#at += 1;
    this.#advance(this.#scalarSize(form));
    return 0;
  }

  #scalarSize(form: number): number {
    if (form < 0x80 || form >= 0xe0) return 0;
    const fixed = FIXED_SIZES.get(form);
    if (fixed !== undefined) return fixed;
    if (EXTENSIONS.has(form)) return 1 + this.#length(EXTENSIONS, form, 'an extension');
    return this.#rawLength(form, Infinity);
  }

  #integer(form: number): number | bigint {
    if (form < 0x80) return form;
    if (form >= 0xe0) return form - 0x100;
    const input = this.#input;
    switch (form) {
      case 0xcc:
        return this.u8();
      case 0xcd:
        return this.u16();
      case 0xce:
        return this.u32();
      case 0xcf:
        return input.readBigUInt64BE(this.#advance(8));
      case 0xd0:
        return input.readInt8(this.#advance(1));
      case 0xd1:
        return input.readInt16BE(this.#advance(2));
      case 0xd2:
        return input.readInt32BE(this.#advance(4));
      case 0xd3:
        return input.readBigInt64BE(this.#advance(8));
      default:
        throw unexpected(form, 'an integer');
    }
  }

  #rawLength(form: number, limit: number): number {
    const fixed = (form & 0xe0) === 0xa0;
    const length = fixed ? form & 0x1f : this.#length(RAWS, form, 'text or bytes');
    if (length > limit) throw new Refused('too-large', `${length} bytes where ${limit} may be`);
    return length;
  }

  #bytesOfArray(limit: number): Uint8Array {
    const bytes = new Uint8Array(this.arrayLength(limit));
    for (let i = 0; i < bytes.length; i++) {
      const value = this.integer();
      if (value < 0 || value > 0xff) throw new Refused('malformed', `${value} is not a byte`);
      bytes[i] = value;
    }
    return bytes;
  }

  #length(forms: ReadonlyMap<number, number>, form: number, wanted: string): number {
    const width = forms.get(form);
    if (width === undefined) throw unexpected(form, wanted);
    return this.#input.readUIntBE(this.#advance(width), width);
  }

  #entries(count: number, limit: number, bytesEach: number): number {
    if (count > limit || count > this.#entriesLeft)
      throw new Refused('too-large', `${count} entries where ${limit} may be`);
    this.#entriesLeft -= count;
    this.#require(count * bytesEach);
    return count;
  }

  /** Where the next `bytes` begin; steps over them. */
  #advance(bytes: number): number {
    this.#require(bytes);
    const start = this.#at;
    this.#at += bytes;
    return start;
  }

  #require(bytes: number): void {
    if (this.#at + bytes > this.#input.length) throw new Truncated(this.#at + bytes);
  }
}

function isArray(form: number): boolean {
  return (form & 0xf0) === 0x90 || ARRAYS.has(form);
}

function unexpected(form: number, wanted: string): Refused {
  return new Refused('malformed', `form 0x${form.toString(16)} where ${wanted} must be`);
}
