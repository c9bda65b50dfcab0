/** Work in the order in which it came, in slices: sockets and timers have their turn in between. */

/** In ms. */
const SLICE = 10;

export type Job = () => void;

export class Turns {
  readonly #now: () => number;
  #jobs: Job[] = [];
  #next = 0;
  #scheduled: NodeJS.Immediate | undefined;

  /** `now` in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many jobs wait. Whoever adds some bounds them. */
  get size(): number {
    return this.#jobs.length - this.#next;
  }

  add(job: Job): void {
    this.#jobs.push(job);
    this.#scheduled ??= setImmediate(this.#turn);
  }

  /** Does what waits, for a slice of time at most. */
  readonly run = (): void => {
    const end = this.#now() + SLICE;
    for (;;) {
      const job = this.#jobs[this.#next];
      if (job === undefined) break;
      this.#next++;
      job();
      if (this.#now() >= end) break;
    }
    if (this.size > 0) return;
    this.#jobs = [];
    this.#next = 0;
  };

  clear(): void {
    this.#jobs = [];
    this.#next = 0;
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }

  readonly #turn = (): void => {
    this.#scheduled = undefined;
    this.run();
    if (this.size > 0) this.#scheduled ??= setImmediate(this.#turn);
  };
}
