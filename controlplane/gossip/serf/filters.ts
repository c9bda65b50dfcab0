/** Whom a query is meant for: each filter must let us through. What is not understood lets nobody through. */
import { decodeFilter, encodeFilter, type Tags } from '../codec/index.ts';
import { search } from './expression.ts';
import type { QueryOptions } from './face.ts';

/** Each may be a regular expression, which takes time. A query's 1,024 bytes hold hardly more. */
const LIMIT = 16;

export function passes(
  filters: readonly Uint8Array[],
  { name, tags }: { name: string; tags: Tags },
): boolean {
  if (filters.length > LIMIT) return false;
  return filters.every((encoded) => {
    const filter = decodeFilter(encoded);
    if (!filter.ok) return false;
    const { value } = filter;
    if (value.kind === 'nodes') return value.nodes.includes(name);
    return search(value.expr, tags.get(value.tag) ?? '') === true;
  });
}

/** Throws a RangeError for a regular expression that would let nobody through. */
export function filtersOf({ nodes, tags = new Map() }: QueryOptions): Uint8Array[] {
  const filters: Uint8Array[] = [];
  if (nodes !== undefined && nodes.length > 0) filters.push(encodeFilter({ kind: 'nodes', nodes }));
  for (const [tag, expr] of tags) {
    if (search(expr, '') === undefined)
      throw new RangeError(
        `the filter ${expr} of the tag ${tag} is not understood: write it in RE2's syntax, without Unicode classes`,
      );
    filters.push(encodeFilter({ kind: 'tag', tag, expr }));
  }
  if (filters.length > LIMIT)
    throw new RangeError(`the query has ${filters.length} filters; ${LIMIT} may be: drop some`);
  return filters;
}
