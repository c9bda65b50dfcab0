/**
 * What one asker may take of us while more is asked than we can do: as much as any other. Who asks alone may take all.
 * Pure.
 */

/** In ms. */
const WINDOW = 10;
/** Questions that all askers together get answered within a window when it is tight: what one core can do. */
const CAPACITY = 1_000;
/** Askers that are told apart within a window; what more there are count as one. */
const ASKERS = 4_096;

export type AskerKey = number | string;

export class Shares {
  #since = -Infinity;
  #taken = new Map<AskerKey, number>();
  #share = Infinity;

  /** Counts one more question of the asker. False: it is beyond its share, and `isBusy`: others wait. */
  admit(asker: AskerKey, now: number, isBusy: boolean): boolean {
    if (now - this.#since >= WINDOW) this.#turn(now);
    const key = this.#taken.size >= ASKERS && !this.#taken.has(asker) ? '' : asker;
    const taken = (this.#taken.get(key) ?? 0) + 1;
    this.#taken.set(key, taken);
    return !isBusy || taken <= this.#share;
  }

  /** The share follows from how many asked in the last window. */
  #turn(now: number): void {
    const isRecent = now - this.#since < 2 * WINDOW;
    const askers = isRecent ? this.#taken.size : 0;
    this.#share = askers > 1 ? Math.max(1, CAPACITY / askers) : Infinity;
    this.#since = now;
    this.#taken.clear();
  }
}
