/** Cuts what is to be said into pages: messages of an exchange of at most PAGE bytes, one thing alone aside. */
import { encodeEnvelope, PAGE, roomOf, type Host, type OwnerState } from './envelope.ts';
import type { Fingerprint } from './fingerprint.ts';
import { idOf, type Version } from './record.ts';

/** Bytes of an owner's digest besides its name, and of a state besides its records, at most. */
const DIGEST_OVERHEAD = 32;
const STATE_OVERHEAD = 32;

/** Of all owners, from the first to the last: who is not named has nothing. */
export function* ownerPages(
  sender: Host,
  owners: readonly (readonly [string, Fingerprint])[],
): Generator<Uint8Array> {
  const sorted = owners.toSorted(([a], [b]) => compare(a, b));
  const room = ([name]: readonly [string, Fingerprint]): number =>
    DIGEST_OVERHEAD + 3 * name.length;
  for (const { after, upto, items } of ranges(sorted, room, ([name]) => name))
    yield encodeEnvelope({ sender, owners: { after, upto, owners: new Map(items) } });
}

/** All that `versionsOf` an owner gives, in one state or in several. */
export function* statePages(
  sender: Host,
  owners: readonly string[],
  versionsOf: (owner: string) => readonly Version[],
): Generator<Uint8Array> {
  let states: OwnerState[] = [];
  let room = PAGE;
  for (const owner of owners) {
    const sorted = versionsOf(owner).toSorted((a, b) => compare(idOf(a), idOf(b)));
    for (const { after, upto, items } of ranges(sorted, roomOf, idOf)) {
      const bytes = items.reduce(
        (sum, version) => sum + roomOf(version),
        STATE_OVERHEAD + owner.length,
      );
      if (bytes > room && states.length > 0) {
        yield encodeEnvelope({ sender, states });
        states = [];
        room = PAGE;
      }
      states.push({ owner, after, upto, versions: items });
      room -= bytes;
    }
  }
  if (states.length > 0) yield encodeEnvelope({ sender, states });
}

export function* versionPages(sender: Host, versions: readonly Version[]): Generator<Uint8Array> {
  if (versions.length === 0) return;
  for (const { items } of ranges(versions, roomOf, idOf))
    yield encodeEnvelope({ sender, versions: items });
}

interface Cut<T> {
  readonly after: string;
  readonly upto: string | undefined;
  readonly items: readonly T[];
}

/** Runs of items of up to PAGE bytes, each with the range that it covers; at least one, that ends open. */
function* ranges<T>(
  sorted: readonly T[],
  roomOf: (item: T) => number,
  nameOf: (item: T) => string,
): Generator<Cut<T>> {
  let after = '';
  let items: T[] = [];
  let bytes = 0;
  for (const item of sorted) {
    const last = items.at(-1);
    if (last !== undefined && bytes + roomOf(item) > PAGE) {
      const upto = nameOf(last);
      yield { after, upto, items };
      after = upto;
      items = [];
      bytes = 0;
    }
    items.push(item);
    bytes += roomOf(item);
  }
  yield { after, upto: undefined, items };
}

/** By UTF-16 units, as `<` does. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
