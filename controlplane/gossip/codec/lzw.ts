/**
 * LZW as in GIF and Go's compress/lzw with LSB order and 8-bit literals: codes of 9 to 12 bits from the least
 * significant bit on, 256 clears the table, 257 ends, the width grows when the next code needs it.
 */
import { Refused } from './refusal.ts';

const CLEAR = 256;
const END = 257;
const FIRST_WIDTH = 9;
const LAST_WIDTH = 12;
const LAST_CODE = 2 ** LAST_WIDTH - 1;

/** Byte for byte what Go's writer gives. */
export function compress(input: Uint8Array): Uint8Array {
  const output = new BitWriter(input.length);
  const table = new PrefixTable(Math.min(input.length, LAST_CODE));
  let high = END;
  let width = FIRST_WIDTH;
  output.write(CLEAR, width);
  let prefix = -1;
  for (const byte of input) {
    if (prefix < 0) {
      prefix = byte;
      continue;
    }
    const key = (prefix << 8) | byte;
    const known = table.get(key);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    output.write(prefix, width);
    prefix = byte;
    if (++high === 2 ** width) width++;
    if (high < LAST_CODE) table.set(key, high);
    else {
      // Full. The string just missed is not recorded: its code would be the one that does not fit.
      output.write(CLEAR, LAST_WIDTH);
      table.clear();
      high = END;
      width = FIRST_WIDTH;
    }
  }
  if (prefix >= 0) {
    output.write(prefix, width);
    if (++high === 2 ** width) width++;
    if (high === LAST_CODE) {
      output.write(CLEAR, LAST_WIDTH);
      width = FIRST_WIDTH;
    }
  }
  output.write(END, width);
  return output.finish();
}

/**
 * Throws a Refused for what is not complete LZW or gives more than `limit` bytes; then it has not allocated more
 * than twice the limit either.
 *
 * What a code stands for has been written before, so an entry is a place in the output and a length:
 *
 *     output   a b a b a            code 258 is "ab", at 0; 259 is "ba", at 1; 260 is "aba", at 2
 */
export function decompress(input: Uint8Array, limit: number): Uint8Array {
  const codes = new BitReader(input);
  const output = new BoundedOutput(limit, 4 * input.length);
  const places = new Uint32Array(LAST_CODE + 1);
  const lengths = new Uint32Array(LAST_CODE + 1);
  let high = END;
  let width = FIRST_WIDTH;
  // The previous code's string. A length of 0 is none: after a clear, and while the table is full.
  let last = { place: 0, length: 0 };
  for (;;) {
    const code = codes.read(width);
    if (code === END) return output.finish();
    if (code === CLEAR) {
      high = END;
      width = FIRST_WIDTH;
      last = { place: 0, length: 0 };
      continue;
    }
    if (code > high) throw new Refused('malformed', `LZW code ${code} before its entry`);
    if (last.length > 0) {
      // Its last byte is the first of what this code adds; for `code === high` this is the very entry.
      places[high] = last.place;
      lengths[high] = last.length + 1;
    }
    const place = output.length;
    if (code < CLEAR) output.byte(code);
    else output.repeat(places[code] ?? 0, lengths[code] ?? 0);
    last = { place, length: output.length - place };
    if (++high < 2 ** width) continue;
    if (width < LAST_WIDTH) width++;
    else {
      last = { place: 0, length: 0 };
      high--;
    }
  }
}

/** Codes by prefix code and byte: open addressing, as hot as a byte each. */
class PrefixTable {
  /** Key in the upper 20 bits, code in the lower 12; 0 is free, as no entry has a code below 258. */
  readonly #slots: Uint32Array;
  readonly #mask: number;

  constructor(entries: number) {
    const size = 2 ** Math.ceil(Math.log2(4 * entries + 16));
    this.#slots = new Uint32Array(size);
    this.#mask = size - 1;
  }

  get(key: number): number | undefined {
    const slot = this.#slots[this.#find(key)] ?? 0;
    return slot === 0 ? undefined : slot & LAST_CODE;
  }

  set(key: number, code: number): void {
    this.#slots[this.#find(key)] = (key << LAST_WIDTH) | code;
  }

  clear(): void {
    this.#slots.fill(0);
  }

  #find(key: number): number {
    let at = ((key >> 12) ^ key) & this.#mask;
    for (;;) {
      const slot = this.#slots[at] ?? 0;
      if (slot === 0 || slot >>> LAST_WIDTH === key) return at;
      at = (at + 1) & this.#mask;
    }
  }
}

class BitWriter {
  readonly #bytes: Uint8Array;
  #at = 0;
  #bits = 0;
  #pending = 0;

  constructor(inputLength: number) {
    // A code of 12 bits a byte at worst, a clear each 3,837 codes, the first clear, the end.
    this.#bytes = new Uint8Array(Math.ceil(inputLength * 1.51) + 8);
  }

  write(code: number, width: number): void {
    this.#bits |= code << this.#pending;
    this.#pending += width;
    while (this.#pending >= 8) this.#flush();
  }

  finish(): Uint8Array {
    if (this.#pending > 0) this.#flush();
    return this.#bytes.slice(0, this.#at);
  }

  #flush(): void {
    this.#bytes[this.#at++] = this.#bits & 0xff;
    this.#bits >>>= 8;
    this.#pending -= 8;
  }
}

class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #bits = 0;
  #pending = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(width: number): number {
    while (this.#pending < width) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Refused('truncated', 'LZW data without its end');
      this.#bits |= byte << this.#pending;
      this.#pending += 8;
    }
    const code = this.#bits & (2 ** width - 1);
    this.#bits >>>= width;
    this.#pending -= width;
    return code;
  }
}

class BoundedOutput {
  readonly #limit: number;
  #bytes: Uint8Array;
  length = 0;

  constructor(limit: number, expected: number) {
    this.#limit = limit;
    this.#bytes = new Uint8Array(Math.min(limit, expected));
  }

  byte(value: number): void {
    this.#grow(1);
    this.#bytes[this.length - 1] = value;
  }

  /** Appends `length` bytes from `place` on, of which the last may be the first that is appended. */
  repeat(place: number, length: number): void {
    const end = this.length;
    this.#grow(length);
    this.#bytes.copyWithin(end, place, Math.min(place + length, end));
    if (place + length > end) this.#bytes[end + length - 1] = this.#bytes[end] ?? 0;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  #grow(by: number): void {
    this.length += by;
    if (this.length > this.#limit)
      throw new Refused('too-large', `compressed data of more than ${this.#limit} bytes`);
    if (this.length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.min(this.#limit, 2 * this.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
