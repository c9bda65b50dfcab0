/** The member table: by name, and in the order of probing, which is random and changes with every round. */
import { below, sample, shuffle, type Random } from '../random.ts';
import type { Member, MemberState } from '../swim/member.ts';

/** Members at most; further ones are not taken. As many as a push/pull may name. */
export const MEMBERS_LIMIT = 65_536;

/** A member as this room may change it. Only Members changes `state` and `since`. */
export type Entry = { -readonly [K in keyof Member]: Member[K] };

/** Alive, or suspected and not yet given up. */
export function isLiving({ state }: Member): boolean {
  return state === 'alive' || state === 'suspect';
}

/** What others may see of the table. */
export interface MembersView extends Iterable<Member> {
  get(name: string): Member | undefined;
  /** All records: self, suspects and the dead not yet forgotten. */
  readonly size: number;
  /** Those that are living. */
  readonly alive: number;
}

export class Members implements MembersView {
  readonly #random: Random;
  readonly #byName = new Map<string, Entry>();
  readonly #order: Entry[] = [];
  #next = 0;
  #alive = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#order.length;
  }

  get alive(): number {
    return this.#alive;
  }

  get(name: string): Entry | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#order[Symbol.iterator]();
  }

  /** At a random place of the order. The caller has looked that the name is new and MEMBERS_LIMIT not reached. */
  add(entry: Entry): void {
    this.#byName.set(entry.name, entry);
    const at = below(this.#random, this.#order.length + 1);
    this.#order.push(entry);
    const last = this.#order.length - 1;
    [this.#order[at], this.#order[last]] = [entry, this.#order[at] as Entry];
    if (isLiving(entry)) this.#alive++;
  }

  change(entry: Entry, state: MemberState, now: number): void {
    if (entry.state === state) return;
    this.#alive -= Number(isLiving(entry));
    entry.state = state;
    entry.since = now;
    this.#alive += Number(isLiving(entry));
  }

  /** The next that passes, in the order; undefined if none does. `wrapped` is called at the end of each round. */
  nextInOrder(passes: (entry: Entry) => boolean, wrapped: () => void): Entry | undefined {
    for (let skips = this.#order.length; skips >= 0; skips--) {
      if (this.#next >= this.#order.length) {
        wrapped();
        shuffle(this.#random, this.#order);
        this.#next = 0;
      }
      const entry = this.#order[this.#next++];
      if (entry !== undefined && passes(entry)) return entry;
    }
    return undefined;
  }

  /** Forgets those that `isOver` and returns them. */
  reap(isOver: (entry: Entry) => boolean): Entry[] {
    const gone = this.#order.filter(isOver);
    if (gone.length === 0) return gone;
    for (const entry of gone) {
      this.#byName.delete(entry.name);
      this.#alive -= Number(isLiving(entry));
    }
    const kept = this.#order.filter((entry) => this.#byName.get(entry.name) === entry);
    this.#order.splice(0, this.#order.length, ...kept);
    return gone;
  }

  /** Up to `count` different ones that pass, by chance. */
  sample(count: number, passes: (entry: Entry) => boolean): Entry[] {
    return sample(this.#random, this.#order, count, passes);
  }
}
