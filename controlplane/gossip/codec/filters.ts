/** Who is to answer a Serf query: each filter a type byte and a value; a node must pass them all. */
import { FIELDS_LIMIT, SMALL_LIST_LIMIT } from './limits.ts';
import { attempt, type Result } from './refusal.ts';
import { field, list, readValue, struct, text, type Type } from './schema.ts';
import { tagged, type TaggedOf } from './tagged.ts';

const names = list(text(), { limit: SMALL_LIST_LIMIT });

/** An array by itself, named here. */
const NODES: Type<{ readonly nodes: readonly string[] }> = {
  zero: { nodes: [] },
  write: (writer, { nodes }) => names.write(writer, nodes),
  read: (reader) => ({ nodes: readValue(names, reader) }),
};

const TAG = struct({
  tag: field('Tag', text()),
  /** A regular expression in RE2's syntax, searched for anywhere in the tag's value. */
  expr: field('Expr', text()),
});

const KINDS = { nodes: [0, NODES], tag: [1, TAG] } as const;

export type Filter = TaggedOf<typeof KINDS>;

const FILTERS = tagged(KINDS, FIELDS_LIMIT);

/** One entry of a query's filters. */
export const encodeFilter = FILTERS.encode;

/** A filter of unknown type is refused: then the query is not for us. */
export function decodeFilter(filter: Uint8Array): Result<Filter> {
  return attempt(() => FILTERS.read(filter));
}
