/**
 * What is to be told to everybody, a bounded number of times each: memberlist's transmit-limited queue (§15 of its
 * specification). Messages wait in tiers by how often they were sent; a tier has its longest message first.
 */
import { PART_OVERHEAD } from './codec/index.ts';

export interface BroadcastOptions {
  /** What it is about: a newer message about the same replaces it. */
  readonly name?: string;
  /** Called once: when it was sent often enough, replaced, or dropped. */
  readonly done?: () => void;
}

interface Entry extends BroadcastOptions {
  readonly message: Uint8Array;
  readonly order: number;
  sent: number;
}

export class BroadcastQueue {
  readonly #limit: () => number;
  /** By how often sent; in each the longest first, among equals the newest. */
  readonly #tiers: Entry[][] = [];
  readonly #named = new Map<string, Entry>();
  #order = 0;
  #size = 0;

  /** `limit`: how often each message is to be sent; asked at every take, as it grows with the cluster. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** `message` as encodeMessage gives it. */
  add(message: Uint8Array, { name, done }: BroadcastOptions = {}): void {
    const entry: Entry = { message, name, done, order: this.#order++, sent: 0 };
    if (name !== undefined) {
      const former = this.#named.get(name);
      if (former !== undefined) this.#drop(former);
      this.#named.set(name, entry);
    }
    this.#insert(entry);
  }

  /**
   * Messages that together fit `room` bytes, each with PART_OVERHEAD around it, and counts them as sent: those sent
   * least often first, of these the longest that fits.
   */
  take(room: number): Uint8Array[] {
    if (this.#size === 0) return [];
    const taken: Entry[] = [];
    let left = room;
    for (const tier of this.#tiers) {
      for (;;) {
        const at = firstThatFits(tier, left - PART_OVERHEAD);
        const [entry] = tier.splice(at, 1);
        if (entry === undefined) break;
        left -= entry.message.length + PART_OVERHEAD;
        taken.push(entry);
      }
    }
    this.#size -= taken.length;
    this.#countAsSent(taken);
    return taken.map((entry) => entry.message);
  }

  /** Keeps at most `most` messages: those sent most often go first. */
  prune(most: number): void {
    for (let tier = this.#tiers.length - 1; tier >= 0 && this.#size > most; tier--) {
      const oldest = [...(this.#tiers[tier] as Entry[])].sort((a, b) => a.order - b.order);
      for (const entry of oldest.slice(0, this.#size - most)) this.#drop(entry);
    }
  }

  #countAsSent(taken: readonly Entry[]): void {
    const limit = this.#limit();
    for (const entry of taken) {
      entry.sent++;
      if (entry.sent < limit) this.#insert(entry);
      else this.#finish(entry);
    }
  }

  #insert(entry: Entry): void {
    while (this.#tiers.length <= entry.sent) this.#tiers.push([]);
    const tier = this.#tiers[entry.sent] as Entry[];
    tier.splice(position(tier, entry), 0, entry);
    this.#size++;
  }

  #drop(entry: Entry): void {
    const tier = this.#tiers[entry.sent] as Entry[];
    tier.splice(position(tier, entry), 1);
    this.#size--;
    this.#finish(entry);
  }

  #finish(entry: Entry): void {
    if (entry.name !== undefined && this.#named.get(entry.name) === entry)
      this.#named.delete(entry.name);
    entry.done?.();
  }
}

/** Where an entry stands, or would stand, in its tier. */
function position(tier: readonly Entry[], { message, order }: Entry): number {
  return search(
    tier,
    (other) =>
      other.message.length < message.length ||
      (other.message.length === message.length && other.order <= order),
  );
}

/** Index of the longest message of at most `length` bytes; the tier's length if there is none. */
function firstThatFits(tier: readonly Entry[], length: number): number {
  return search(tier, (entry) => entry.message.length <= length);
}

/** The first index for which `holds`, which must hold for all that follow. */
function search(tier: readonly Entry[], holds: (entry: Entry) => boolean): number {
  let low = 0;
  let high = tier.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(tier[middle] as Entry)) high = middle;
    else low = middle + 1;
  }
  return low;
}
