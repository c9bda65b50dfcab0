/** For tests: makes what nobody should send of what somebody did, by bytes and by structure, from a seed. */
import { compress } from './lzw.ts';
import { COMPOUND, COMPRESS, CRC } from './messages.ts';
import { addCrc } from './crc.ts';
import { Reader } from './reader.ts';
import { Refused } from './refusal.ts';
import { Writer } from './writer.ts';

/** Mulberry32 (Tommy Ettinger): a small generator, the same everywhere. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer from 0 up to, and without, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let z = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    z ^= z + Math.imul(z ^ (z >>> 7), 61 | z);
    return Math.floor((((z ^ (z >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

type Mutation = (bytes: Uint8Array, chance: Chance) => Uint8Array;

/** MessagePack that is wrong somewhere, lies about its size, or is at a bound. */
const NASTY = [
  'c0 c1 c2 c3 00 7f ff e0 ccff cdffff ceffffffff cfffffffffffffffff',
  'd080 d18000 d280000000 d38000000000000000',
  'ca7fc00000 cb7ff8000000000000 cbfff0000000000000 cb8000000000000000',
  'a0 d900 da0000 daffff dbffffffff c400 c5ffff c6ffffffff a2fffe',
  '90 dc0000 dcffff ddffffffff 80 de0000 deffff dfffffffff 81c0c0',
  'd40000 d8 c7ff00 c9ffffffff a95f5f70726f746f5f5f a8746f537472696e67',
  `${'91'.repeat(5000)} ${'81a0'.repeat(5000)}c0 da0800${'61'.repeat(2048)}`,
  `dc1000${'c0'.repeat(4096)} dd0003ffff${'01'.repeat(0x3ffff)}`,
]
  .flatMap((line) => line.split(' '))
  .map((hex) => new Uint8Array(Buffer.from(hex, 'hex')));

/** Bytes of what is mutated, the rest is cut off: mutations of mutations multiply. */
const INPUT_LIMIT = 2 ** 16;

const BOMB = compressed(compress(new Uint8Array(2 ** 18)));
const INTERESTING = [0, 1, 7, 9, 10, 12, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xda, 0xdd, 0xf4, 0xff];

const BYTE_MUTATIONS: readonly Mutation[] = [
  (bytes, chance) => overwritten(bytes, chance, (byte) => byte ^ (1 << chance.below(8))),
  (bytes, chance) => overwritten(bytes, chance, () => chance.below(256)),
  (bytes, chance) => overwritten(bytes, chance, () => chance.pick(INTERESTING)),
  (bytes, chance) => overwritten(bytes, chance, (byte) => byte + chance.pick([1, -1])),
  (bytes, chance) => bytes.subarray(0, chance.below(bytes.length + 1)),
  (bytes, chance) => spliced(bytes, rangeOf(bytes, chance), new Uint8Array(0)),
  (bytes, chance) => inserted(bytes, chance, chance.bytes(1 + chance.below(8))),
  (bytes, chance) => inserted(bytes, chance, slice(bytes, rangeOf(bytes, chance))),
];

const VALUE_MUTATIONS: readonly Mutation[] = [
  (bytes, chance) => spliced(bytes, spanOf(bytes, chance), chance.pick(NASTY)),
  (bytes, chance) => spliced(bytes, spanOf(bytes, chance), slice(bytes, spanOf(bytes, chance))),
  (bytes, chance) => spliced(bytes, spanOf(bytes, chance), new Uint8Array(0)),
  (bytes, chance) => {
    const span = spanOf(bytes, chance);
    const value = slice(bytes, span);
    return spliced(bytes, span, joined([value, value]));
  },
  (bytes, chance) => {
    const span = spanOf(bytes, chance);
    const heads = [[0x91], [0x81, 0xa0], [0xdc, 0, 1], [0xdd, 0, 1, 0, 0], [0xda, 0, 4], [0xc4, 1]];
    return spliced(bytes, span, joined([chance.pick(heads), slice(bytes, span)]));
  },
];

const LAYER_MUTATIONS: readonly Mutation[] = [
  (bytes) => compressed(compress(bytes)),
  (bytes, chance) => compressed(mutateBytes(compress(bytes), chance)),
  (bytes) => addCrc(bytes),
  (bytes) => Uint8Array.of(CRC, 0, 0, 0, 0, ...bytes.subarray(0, 64)),
  (bytes, chance) => compound([bytes, bytes.subarray(0, chance.below(2)), bytes], chance),
  (bytes, chance) => compound(Array<Uint8Array>(chance.below(256)).fill(bytes), chance),
  (bytes, chance) => compound([bytes, chance.pick([BOMB, new Uint8Array(0)]), bytes], chance),
  (bytes) =>
    Array.from({ length: 12 }).reduce<Uint8Array>((inner) => compressed(compress(inner)), bytes),
];

export function mutateBytes(bytes: Uint8Array, chance: Chance): Uint8Array {
  return chance.pick(BYTE_MUTATIONS)(bytes, chance);
}

/** `message` is without CRC, encryption and label. */
export function mutateStructure(message: Uint8Array, chance: Chance): Uint8Array {
  const mutation = chance.pick(chance.oneIn(4) ? LAYER_MUTATIONS : VALUE_MUTATIONS);
  return mutation(message.subarray(0, INPUT_LIMIT), chance);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function overwritten(bytes: Uint8Array, chance: Chance, by: (byte: number) => number): Uint8Array {
  const copy = bytes.slice();
  const at = chance.below(bytes.length);
  copy.fill(by(bytes[at] ?? 0), at, at + 1);
  return copy;
}

function inserted(bytes: Uint8Array, chance: Chance, what: Uint8Array): Uint8Array {
  const start = chance.below(bytes.length + 1);
  return spliced(bytes, { start, end: start }, what);
}

function spliced(bytes: Uint8Array, { start, end }: Span, by: Uint8Array): Uint8Array {
  return joined([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

function rangeOf(bytes: Uint8Array, chance: Chance): Span {
  const start = chance.below(bytes.length + 1);
  return { start, end: Math.min(bytes.length, start + chance.below(32)) };
}

function slice(bytes: Uint8Array, { start, end }: Span): Uint8Array {
  return bytes.subarray(start, end);
}

function joined(parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
}

/** Some value of the message, at any depth; everything where there is none. */
function spanOf(bytes: Uint8Array, chance: Chance): Span {
  // After the type, after the types of memberlist and Serf, or somewhere: then what looks like a value.
  const begin = chance.pick([1, 1, 2, 2, chance.below(bytes.length + 1)]);
  const spans: Span[] = [];
  try {
    const reader = new Reader(bytes, begin);
    while (reader.at < bytes.length && spans.length < 2000) walk(reader, spans, 0);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  return spans.length === 0 ? { start: 0, end: bytes.length } : chance.pick(spans);
}

function walk(reader: Reader, spans: Span[], depth: number): void {
  const start = reader.at;
  const form = reader.peek();
  const isMap = (form & 0xf0) === 0x80 || form === 0xde || form === 0xdf;
  if (depth < 64 && (isMap || reader.nextIsArray())) {
    const values = isMap ? 2 * reader.mapLength() : reader.arrayLength();
    for (let left = values; left > 0; left--) walk(reader, spans, depth + 1);
  } else reader.skip();
  spans.push({ start, end: reader.at });
}

function compressed(lzw: Uint8Array): Uint8Array {
  const writer = new Writer();
  writer.u8(COMPRESS);
  writer.mapHead(2);
  writer.text('Algo');
  writer.integer(0);
  writer.text('Buf');
  writer.byteString(lzw);
  return writer.bytes();
}

/** May lie about its number of parts and their lengths. */
function compound(parts: readonly Uint8Array[], chance: Chance): Uint8Array {
  const writer = new Writer();
  writer.u8(COMPOUND);
  writer.u8(chance.oneIn(4) ? chance.below(256) : parts.length);
  for (const { length } of parts)
    writer.u16(chance.oneIn(16) ? chance.below(65_536) : length & 0xffff);
  for (const part of parts) writer.raw(part);
  return writer.bytes();
}
