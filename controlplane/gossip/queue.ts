/**
 * Messages to be told to everybody, each so many times (specification §15). The order of sending: those sent least
 * often, of these the longest that fits, of these the newest.
 */
import { PART_OVERHEAD } from './codec/index.ts';

export interface BroadcastOptions {
  /** A newer message of the same name replaces an older one. */
  readonly name?: string | undefined;
  /** Called once: when it was sent often enough, was replaced or was dropped. */
  readonly done?: (() => void) | undefined;
}

interface Entry extends BroadcastOptions {
  readonly message: Uint8Array;
  /** The newer, the higher. */
  readonly order: number;
  sent: number;
}

/** Messages of one length that were sent equally often; the newest last. */
interface Bucket {
  readonly length: number;
  readonly entries: Entry[];
}

export class BroadcastQueue {
  readonly #limit: () => number;
  /** By how often they were sent; in each the longest first, and no bucket empty. */
  readonly #tiers: Bucket[][] = [];
  readonly #named = new Map<string, Entry>();
  #order = 0;
  #size = 0;

  /** `limit`: transmissions of each message, asked at each `add` and `take`. At 0 nothing is kept to be told. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** `message` as encodeMessage gives it. */
  add(message: Uint8Array, options: BroadcastOptions = {}): void {
    if (this.#limit() === 0) return options.done?.();
    const { name } = options;
    const older = name === undefined ? undefined : this.#named.get(name);
    const entry: Entry = { ...options, message, order: this.#order++, sent: 0 };
    if (older !== undefined) this.#remove(older);
    if (name !== undefined) this.#named.set(name, entry);
    this.#insert(entry);
    older?.done?.();
  }

  /** What to send in a packet with `room` bytes; each message costs PART_OVERHEAD more. It counts as sent. */
  take(room: number): Uint8Array[] {
    if (this.#size === 0) return [];
    const taken: Entry[] = [];
    let left = room;
    for (let sent = 0; sent < this.#tiers.length; sent++)
      for (;;) {
        const entry = this.#takeLongest(sent, left - PART_OVERHEAD);
        if (entry === undefined) break;
        left -= entry.message.length + PART_OVERHEAD;
        taken.push(entry);
      }
    // Only now, so that a message is in a packet once.
    this.#countSent(taken);
    return taken.map(({ message }) => message);
  }

  /** Drops until `most` are left, those sent most often first. */
  prune(most: number): void {
    const dropped: Entry[] = [];
    while (this.#size > most) {
      const bucket = this.#tiers.at(-1)?.at(-1);
      const oldest = bucket?.entries[0];
      if (oldest === undefined) break;
      this.#forget(oldest);
      dropped.push(oldest);
    }
    for (const { done } of dropped) done?.();
  }

  #countSent(taken: readonly Entry[]): void {
    if (taken.length === 0) return;
    const limit = this.#limit();
    const finished: Entry[] = [];
    // The oldest first: then most have their place at the end.
    for (const entry of taken.toReversed()) {
      entry.sent++;
      if (entry.sent < limit) {
        this.#insert(entry);
      } else {
        if (entry.name !== undefined) this.#named.delete(entry.name);
        finished.push(entry);
      }
    }
    this.#trim();
    for (const { done } of finished) done?.();
  }

  #takeLongest(sent: number, most: number): Entry | undefined {
    const tier = this.#tiers[sent] as Bucket[];
    const at = tier.findIndex(({ length }) => length <= most);
    const bucket = tier[at];
    if (bucket === undefined) return undefined;
    const entry = bucket.entries.pop();
    if (bucket.entries.length === 0) tier.splice(at, 1);
    this.#size--;
    return entry;
  }

  #insert(entry: Entry): void {
    while (this.#tiers.length <= entry.sent) this.#tiers.push([]);
    const tier = this.#tiers[entry.sent] as Bucket[];
    const { length } = entry.message;
    const at = tier.findIndex((bucket) => bucket.length <= length);
    const found = tier[at];
    if (found?.length === length) insertAt(found.entries, placeOf(found.entries, entry), entry);
    else tier.splice(at < 0 ? tier.length : at, 0, { length, entries: [entry] });
    this.#size++;
  }

  #forget(entry: Entry): void {
    if (entry.name !== undefined) this.#named.delete(entry.name);
    this.#remove(entry);
  }

  #remove(entry: Entry): void {
    const tier = this.#tiers[entry.sent] as Bucket[];
    const at = tier.findIndex(({ length }) => length === entry.message.length);
    const { entries } = tier[at] as Bucket;
    entries.splice(placeOf(entries, entry), 1);
    if (entries.length === 0) tier.splice(at, 1);
    this.#size--;
    this.#trim();
  }

  #trim(): void {
    while (this.#tiers.at(-1)?.length === 0) this.#tiers.pop();
  }
}

/** Where it is, or belongs, among entries that grow newer. */
function placeOf(entries: readonly Entry[], { order }: Entry): number {
  let low = 0;
  let high = entries.length;
  if (high === 0 || (entries[high - 1] as Entry).order < order) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as Entry).order < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insertAt(entries: Entry[], place: number, entry: Entry): void {
  if (place === entries.length) entries.push(entry);
  else entries.splice(place, 0, entry);
}
