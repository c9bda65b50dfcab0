/** How many events of its own a host may tell all others: bursts, and so many in the long run. Pure. */

/** At once. */
const BURST = 20;
/** Another one each so many ms. */
const EACH_MS = 3000;

export class Allowance {
  #left = BURST;
  #since: number;

  constructor(now: number) {
    this.#since = now;
  }

  /** False when there is none left. `now` in ms, and never back. */
  take(now: number): boolean {
    const earned = Math.floor((now - this.#since) / EACH_MS);
    this.#since += earned * EACH_MS;
    this.#left = Math.min(BURST, this.#left + earned);
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
