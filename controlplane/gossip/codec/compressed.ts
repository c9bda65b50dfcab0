/** The layer of compressed data: 9 and a struct that holds LZW. */
import { EXPANDED_LIMIT, FIELDS_LIMIT } from './limits.ts';
import { compress, decompress } from './lzw.ts';
import { COMPRESS } from './messages.ts';
import { Reader } from './reader.ts';
import { Refused } from './refusal.ts';
import { bytes, field, struct, u8, type ValueOf } from './schema.ts';
import { Writer } from './writer.ts';

/** The only algorithm there is. */
const LZW = 0;

/** What follows the first byte. */
export const COMPRESSED = struct({
  algo: field('Algo', u8),
  buf: field('Buf', bytes(EXPANDED_LIMIT)),
});

export function wrapCompressed(data: Uint8Array): Uint8Array {
  if (data.length === 0) throw new RangeError('nothing to compress');
  const writer = new Writer();
  writer.u8(COMPRESS);
  COMPRESSED.write(writer, { algo: LZW, buf: compress(data) });
  return writer.bytes();
}

/** How many bytes may still come of compressed data: one for a packet or stream, however nested. */
export class Expansion {
  #left: number;

  constructor(limit: number) {
    this.#left = limit;
  }

  /** `layer` with its first byte. Throws a Refused. */
  unwrap(layer: Uint8Array): Uint8Array {
    return this.expand(COMPRESSED.read(new Reader(layer, 1, FIELDS_LIMIT)));
  }

  /** Throws a Refused. What does not come to an end counts in full. */
  expand({ algo, buf }: ValueOf<typeof COMPRESSED>): Uint8Array {
    if (algo !== LZW) throw new Refused('unknown-type', `compressed by algorithm ${algo}`);
    const limit = this.#left;
    this.#left = 0;
    const data = decompress(buf, limit);
    if (data.length === 0) throw new Refused('empty', 'compressed data of nothing');
    this.#left = limit - data.length;
    return data;
  }
}
