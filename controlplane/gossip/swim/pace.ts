/** At most one of a kind in a while: what others make us do must not be more than a trickle. */
import type { Timers } from '../timers.ts';

/** Kinds at a time, unless told otherwise. */
const LIMIT = 1_024;

export class Pace {
  readonly #timers: Timers;
  readonly #interval: number;
  readonly #limit: number;
  /** When each was allowed, the oldest first. */
  readonly #last = new Map<string, number>();

  /** `interval` in ms; `limit`: kinds at a time. At the bound, no more are allowed until the oldest is over. */
  constructor(timers: Timers, interval: number, limit = LIMIT) {
    this.#timers = timers;
    this.#interval = interval;
    this.#limit = limit;
  }

  /** Whether it may be done now; it counts as done then. */
  allows(kind: string): boolean {
    const { now } = this.#timers;
    for (const [other, at] of this.#last) {
      if (now - at < this.#interval) break;
      this.#last.delete(other);
    }
    if (this.#last.has(kind) || this.#last.size >= this.#limit) return false;
    this.#last.set(kind, now);
    return true;
  }
}
