/**
 * The time of the pure parts: milliseconds awake. While the process is stopped, or its event loop stands still, no
 * time passes here: what a stalled host did not hear in the meantime is nobody's fault, and every deadline moves by
 * as much. All parts of a node share one `Timers`.
 */
import { Heap } from './heap.ts';

/** So late, in ms, a timer may be before it counts as a stall: a busy machine is not a stopped one. */
export const STALL_MIN = 300;
/** After a stall, in ms, what arrived meanwhile is read before any deadline is acted upon. */
export const STALL_GRACE = 100;

export interface Timer {
  cancel(): void;
}

interface Entry extends Timer {
  readonly at: number;
  /** Those of one time run in the order in which they were set. */
  readonly order: number;
  run: (() => void) | undefined;
}

export class Timers {
  #now: number;
  /** Real time minus time awake. */
  #slept = 0;
  #order = 0;
  readonly #heap = new Heap<Entry>(isBefore);
  readonly #onWake: ((slept: number) => void)[] = [];

  /** `now`: the real time, in ms on a clock that never goes back. */
  constructor(now: number) {
    this.#now = now;
  }

  /** Time awake. */
  get now(): number {
    return this.#now;
  }

  /** The real time of the next timer; Infinity if there is none. */
  get due(): number {
    this.#dropCancelled();
    const next = this.#heap.first;
    return next === undefined ? Infinity : next.at + this.#slept;
  }

  /** Calls back once, `delay` ms awake from now. */
  after(delay: number, run: () => void): Timer {
    const entry: Entry = {
      at: this.#now + Math.max(0, delay),
      order: this.#order++,
      run,
      cancel: () => {
        entry.run = undefined;
      },
    };
    this.#heap.add(entry);
    return entry;
  }

  /** Called after each stall with its length in ms, before anything that is due. */
  onWake(listener: (slept: number) => void): void {
    this.#onWake.push(listener);
  }

  /** Moves to the real time `now` and runs what is due. To be called before each event is handed in. */
  advance(now: number): void {
    const late = now - this.due;
    if (late >= STALL_MIN) this.#sleep(late + STALL_GRACE);
    this.#now = Math.max(this.#now, now - this.#slept);
    for (;;) {
      this.#dropCancelled();
      const next = this.#heap.first;
      if (next === undefined || (next.at > this.#now && next.at + this.#slept > now)) return;
      // Of fractions of a ms, `now - slept` may be a rounding short of what `due` has promised.
      this.#now = Math.max(this.#now, next.at);
      this.#heap.removeFirst();
      next.run?.();
    }
  }

  #sleep(time: number): void {
    this.#slept += time;
    for (const listener of this.#onWake) listener(time);
  }

  #dropCancelled(): void {
    while (this.#heap.first !== undefined && this.#heap.first.run === undefined)
      this.#heap.removeFirst();
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
