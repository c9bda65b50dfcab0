/** What all lists have in common: everything there is, sorted, once; or with `--watch` that, then a line for each change. */
import type { ControlClient } from '../controlplane/api/client.ts';
import { WeftError } from '../controlplane/api/errors.ts';
import { withDaemon } from './daemon.ts';
import type { Context } from './io.ts';
import { printAnswer } from './print.ts';
import { inOrder } from './text.ts';

/** `T` is an entry. `E` is what its watcher is told: its `present` carries one, its `complete` ends the first set. */
export interface Listing<T extends object, E extends Event> {
  /** `lease` */
  readonly thing: string;
  list(client: ControlClient, context: Context): AsyncIterable<T>;
  watch(client: ControlClient, context: Context): AsyncIterable<E>;
  /** Undefined of what is gone. */
  entryOf(event: E): T | undefined;
  /** Of what is gone. */
  goneKey(event: E): string | undefined;
  keyOf(entry: T): string;
  /** What else it may be called by. */
  namesOf(entry: T): readonly string[];
  lines(entries: readonly T[], context: Context): string[];
  /** Of what is new, has changed or is gone. */
  changeLine(event: E, context: Context): string;
}

interface Event {
  readonly type: string;
}

/** Of those that are named after it, or of all. Throws WEFT_NOT_FOUND for a name that nothing has. */
export async function runListing<T extends object, E extends Event>(
  listing: Listing<T, E>,
  context: Context,
): Promise<void> {
  await withDaemon(context, async (client) => {
    if (context.watch) await watch(listing, client, context);
    else {
      const entries = await all(listing.list(client, context));
      refuseUnknown(listing, entries, context.words);
      show(listing, entries, context);
    }
  });
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const entries: T[] = [];
  for await (const entry of stream) entries.push(entry);
  return entries;
}

function isNamed<T extends object, E extends Event>(
  listing: Listing<T, E>,
  entry: T,
  names: readonly string[],
): boolean {
  if (names.length === 0) return true;
  return [listing.keyOf(entry), ...listing.namesOf(entry)].some((name) => names.includes(name));
}

function refuseUnknown<T extends object, E extends Event>(
  listing: Listing<T, E>,
  entries: readonly T[],
  names: readonly string[],
): void {
  for (const name of names) {
    if (entries.some((entry) => isNamed(listing, entry, [name]))) continue;
    throw new WeftError('WEFT_NOT_FOUND', `there is no ${listing.thing} ${JSON.stringify(name)}`, {
      fix: `see weft ${listing.thing} ls`,
    });
  }
}

function show<T extends object, E extends Event>(
  listing: Listing<T, E>,
  unsorted: readonly T[],
  context: Context,
): void {
  const entries = unsorted
    .filter((entry) => isNamed(listing, entry, context.words))
    .toSorted((a, b) => inOrder(listing.keyOf(a), listing.keyOf(b)));
  printAnswer(context, entries, () => listing.lines(entries, context));
}

/** By a template only what is there is told. */
async function watch<T extends object, E extends Event>(
  listing: Listing<T, E>,
  client: ControlClient,
  context: Context,
): Promise<void> {
  const first: T[] = [];
  let complete = false;
  for await (const event of told(listing, client, context)) {
    const entry = listing.entryOf(event);
    if (context.json) printAnswer(context, event, () => [], 'line');
    else if (!complete && entry !== undefined) first.push(entry);
    else if (event.type === 'complete') {
      complete = true;
      show(listing, first, context);
    } else if (context.template === undefined || entry !== undefined)
      printAnswer(context, entry ?? event, () => [listing.changeLine(event, context)], 'line');
  }
}

/** Those about the named. What is gone has no name any more, only a key. */
async function* told<T extends object, E extends Event>(
  listing: Listing<T, E>,
  client: ControlClient,
  context: Context,
): AsyncGenerator<E> {
  const names = context.words;
  const keys = new Set<string>();
  for await (const event of listing.watch(client, context)) {
    const entry = listing.entryOf(event);
    const gone = listing.goneKey(event);
    if (entry !== undefined) {
      if (!isNamed(listing, entry, names)) continue;
      if (names.length > 0) keys.add(listing.keyOf(entry));
    }
    if (gone !== undefined && names.length > 0 && !keys.delete(gone)) continue;
    yield event;
  }
}
