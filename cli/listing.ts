/** What all lists have in common: everything there is, sorted, once; or with `--watch` that, then a line for each change. */
import type { ControlClient } from '../controlplane/api/client.ts';
import { withDaemon } from './daemon.ts';
import type { Context } from './io.ts';
import { printAnswer } from './print.ts';

/** `T` is an entry. `E` is what its watcher is told: its `present` carries one, its `complete` ends the first set. */
export interface Listing<T extends object, E extends { readonly type: string }> {
  list(client: ControlClient): AsyncIterable<T>;
  watch(client: ControlClient): AsyncIterable<E>;
  /** Undefined of what is gone. */
  entryOf(event: E): T | undefined;
  keyOf(entry: T): string;
  lines(entries: readonly T[], context: Context): string[];
  /** Of what is new, has changed or is gone. */
  changeLine(event: E, context: Context): string;
}

export async function runListing<T extends object, E extends { readonly type: string }>(
  listing: Listing<T, E>,
  context: Context,
): Promise<void> {
  await withDaemon(context, async (client) => {
    if (context.watch) await watch(listing, client, context);
    else show(listing, await all(listing.list(client)), context);
  });
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const entries: T[] = [];
  for await (const entry of stream) entries.push(entry);
  return entries;
}

function show<T extends object, E extends { readonly type: string }>(
  listing: Listing<T, E>,
  unsorted: readonly T[],
  context: Context,
): void {
  const { compare } = new Intl.Collator('en', { numeric: true });
  const entries = unsorted.toSorted((a, b) => compare(listing.keyOf(a), listing.keyOf(b)));
  printAnswer(context, entries, () => listing.lines(entries, context));
}

/** By a template only what is there is told. */
async function watch<T extends object, E extends { readonly type: string }>(
  listing: Listing<T, E>,
  client: ControlClient,
  context: Context,
): Promise<void> {
  const first: T[] = [];
  let complete = false;
  for await (const event of listing.watch(client)) {
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
