/** Serf's tags of a node, kept in its meta: 0xff and a map of text. */
import { FIELDS_LIMIT, META_LIMIT } from './limits.ts';
import { Reader } from './reader.ts';
import { attempt, Refused, type Result } from './refusal.ts';
import { mapOf, readValue, text } from './schema.ts';
import { Writer } from './writer.ts';

export type Tags = ReadonlyMap<string, string>;

const MAGIC = 0xff;
const TAGS = mapOf(text(META_LIMIT), { limit: META_LIMIT });

/** Throws a RangeError when they do not fit a node's meta. */
export function encodeTags(tags: Tags): Uint8Array {
  const writer = new Writer();
  writer.u8(MAGIC);
  TAGS.write(writer, tags);
  const meta = writer.bytes();
  if (meta.length > META_LIMIT)
    throw new RangeError(`the tags take ${meta.length} bytes; ${META_LIMIT} may be: shorten them`);
  return meta;
}

/** Meta without the magic byte is a role, as Serf's first versions had it; no meta, no tags. */
export function decodeTags(meta: Uint8Array): Result<Tags> {
  return attempt(() => {
    if (meta.length === 0) return new Map();
    if (meta.length > META_LIMIT) throw new Refused('too-large', `meta of ${meta.length} bytes`);
    if (meta[0] !== MAGIC) return new Map([['role', Buffer.from(meta).toString('utf8')]]);
    return readValue(TAGS, new Reader(meta, 1, FIELDS_LIMIT));
  });
}
