/** What we ask other servers: the question with an id and letters by chance (0x20), and EDNS. Pure. */
import type { Query } from './query.ts';
import { OPT_BYTES, writeOpt } from './reply.ts';
import { FLAG, HEADER, setWord, word } from './wire.ts';

/** Answers that are the same for all who ask the same. */
export function keyOf(asked: Uint8Array, { name, type, class: klass, dnssec }: Query): string {
  return `${type} ${klass} ${isUnchecked(asked) ? 'cd' : ''}${dnssec ? 'do' : ''} ${name}`;
}

/** `edns`: the server takes it. `chance`: 2 bytes, and one more for each 8 of the question; who cannot guess them cannot forge an answer. */
export function upstreamQuery(
  asked: Uint8Array,
  query: Query,
  chance: Uint8Array,
  edns = true,
): Uint8Array {
  const { end, dnssec } = query;
  const bytes = new Uint8Array(end + (edns ? OPT_BYTES : 0));
  bytes.set(asked.subarray(0, end));
  bytes.set(chance.subarray(0, 2));
  setWord(bytes, 2, FLAG.RD | (isUnchecked(asked) ? FLAG.CD : 0));
  for (const [at, value] of [1, 0, 0, edns ? 1 : 0].entries()) setWord(bytes, 4 + 2 * at, value);
  mixCase(bytes, end - 4, chance);
  if (!edns) return bytes;
  writeOpt(bytes, end, 0);
  if (dnssec) bytes[end + 7] = 0x80;
  return bytes;
}

/** 0x20, in the name that ends at `end`. */
function mixCase(bytes: Uint8Array, end: number, chance: Uint8Array): void {
  for (let at = HEADER; at < end; at++) {
    const lower = (bytes[at] ?? 0) | 0x20;
    const bit = ((chance[2 + ((at - HEADER) >> 3)] ?? 0) >> (at & 7)) & 1;
    // A length is below 64, and so never looks like a letter.
    if (lower >= 0x61 && lower <= 0x7a && (bytes[at] ?? 0) > 63)
      bytes[at] = bit ? lower : lower & 0xdf;
  }
}

/** Bytes of chance that upstreamQuery takes. */
export function chanceOf({ end }: Query): number {
  return 2 + ((end - HEADER) >> 3) + 1;
}

function isUnchecked(asked: Uint8Array): boolean {
  return (word(asked, 2) & FLAG.CD) !== 0;
}
