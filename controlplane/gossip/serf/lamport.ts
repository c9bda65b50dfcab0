/** Serf's logical time. */

/** Times from here on are refused: nobody gets there honestly, and the clock of who believes one would run over. */
const LIMIT = 2n ** 63n;

export function isLamportTime(time: bigint): boolean {
  return time >= 0n && time < LIMIT;
}

export class LamportClock {
  /** The stamp of what happens next. */
  #time = 1n;

  get time(): bigint {
    return this.#time;
  }

  /** Something of this time has happened. */
  witness(time: bigint): void {
    if (time >= this.#time && isLamportTime(time)) this.#time = time + 1n;
  }

  /** The stamp for something that happens now. */
  stamp(): bigint {
    return this.#time++;
  }
}
