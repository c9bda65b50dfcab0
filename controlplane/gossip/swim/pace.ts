/** At most one of a kind in a while: what others make us do must not be more than a trickle. */
import type { Timers } from '../timers.ts';

/** Kinds at a time; at the bound, no more are allowed until the oldest is over. */
const LIMIT = 1_024;

export class Pace {
  readonly #timers: Timers;
  readonly #interval: number;
  /** When each was allowed, the oldest first. */
  readonly #last = new Map<string, number>();

  /** `interval` in ms. */
  constructor(timers: Timers, interval: number) {
    this.#timers = timers;
    this.#interval = interval;
  }

  /** Whether it may be done now; it counts as done then. */
  allows(kind: string): boolean {
    const { now } = this.#timers;
    for (const [other, at] of this.#last) {
      if (now - at < this.#interval) break;
      this.#last.delete(other);
    }
    if (this.#last.has(kind) || this.#last.size >= LIMIT) return false;
    this.#last.set(kind, now);
    return true;
  }
}
