/** Reads what `nft -j list …` prints (libnftables-json(5)) into the form in which tables are desired. */
import { sortedElements, TABLE_NAME, type NftObject, type NftTable } from '../../state/resource.ts';

export type NftFamily = NftTable['family'];

const FAMILIES: ReadonlySet<unknown> = new Set<NftFamily>(['inet', 'ip', 'ip6']);

/** From `nft -j list tables`: the families that have a table of our name. Throws on what is not such a listing. */
export function ownTables(listing: string): NftFamily[] {
  return objectsOf(listing).flatMap((object) => {
    const table = object['table'] as { family?: unknown; name?: unknown } | undefined;
    const isOurs = table?.name === TABLE_NAME && FAMILIES.has(table.family);
    return isOurs ? [table.family as NftFamily] : [];
  });
}

/** From `nft -j list table FAMILY weft`. Throws on what is not such a listing. */
export function parseTable(listing: string, family: NftFamily): NftTable {
  const objects = objectsOf(listing)
    .filter((object) => !('metainfo' in object))
    .map(normalise)
    .sort((a, b) => rank(a) - rank(b));
  return { kind: 'nftables', family, table: TABLE_NAME, objects };
}

function objectsOf(listing: string): NftObject[] {
  const { nftables } = JSON.parse(listing) as { nftables?: unknown };
  if (!Array.isArray(nftables)) throw new TypeError('nft printed no list of objects');
  return nftables as NftObject[];
}

/** Without what the kernel or traffic adds: handles, and the figures of counters. */
function normalise(object: NftObject): NftObject {
  return Object.fromEntries(
    Object.entries(object).map(([type, value]) => [type, withoutHandle(value)]),
  );
}

function withoutHandle(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { handle: _, ...rest } = value as Record<string, unknown>;
  const { expr, elem } = rest;
  if (Array.isArray(elem)) return { ...rest, elem: sortedElements(elem) };
  return Array.isArray(expr) ? { ...rest, expr: expr.map(withoutFigures) } : rest;
}

function withoutFigures(statement: unknown): unknown {
  const isCounter =
    typeof statement === 'object' &&
    statement !== null &&
    'counter' in statement &&
    typeof statement.counter === 'object';
  return isCounter ? { counter: null } : statement;
}

/** Tables, sets, chains, then the rest as listed (rules of a chain keep their order): versions of nft differ here. */
function rank(object: NftObject): number {
  const at = RANKED.findIndex((type) => type in object);
  return at === -1 ? RANKED.length : at;
}
const RANKED = ['table', 'set', 'chain'] as const;
