/**
 * What one asker may take of us while more is asked than we can do: as much as any other, by UDP and TCP together. Who
 * asks alone may take all. Of what is held for a while each may have a part, and some is always left. Pure.
 */

/** In ms; who has had its share waits no longer than that for the next. */
export const WINDOW = 10;
/** Questions that all askers together get answered within a window when it is tight: what one core can do. */
const CAPACITY = 1_000;
/** Askers that are told apart within a window; what more there are count as one. */
const ASKERS = 4_096;

export type AskerKey = number | string;

/** Who may not ask are one together: however many there are, they take no more than one who may. */
export const OUTSIDERS: AskerKey = 'outsiders';

/**
 * Whether who holds `mine` may have one more, where `taken` of `all` are: up to a quarter of what is free. So a few
 * that take all they can hold half of it, and there is always some for who comes next.
 */
export function mayTake(mine: number, taken: number, all: number): boolean {
  return taken < all && mine < Math.max(1, (all - taken) / 4);
}

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
