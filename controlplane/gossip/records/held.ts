/** Records of members that we do not know, yet: their joining may be on its way behind them. */
import type { Timers } from '../timers.ts';
import type { Version } from './record.ts';

interface Waiting {
  readonly until: number;
  readonly versions: Version[];
}

export class Held {
  readonly #timers: Timers;
  readonly #time: number;
  readonly #limit: number;
  /** By owner; those who wait longest first. */
  readonly #owners = new Map<string, Waiting>();
  #size = 0;
  #isTimed = false;

  /** Keeps up to `limit` of them; at the limit those of the owner that waits longest go. An owner waits `time` ms. */
  constructor(timers: Timers, time: number, limit: number) {
    this.#timers = timers;
    this.#time = time;
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  add(version: Version): void {
    let waiting = this.#owners.get(version.owner);
    if (waiting === undefined) {
      waiting = { until: this.#timers.now + this.#time, versions: [] };
      this.#owners.set(version.owner, waiting);
    }
    // A payload of its own: it came as a view into something larger.
    waiting.versions.push({ ...version, payload: new Uint8Array(version.payload) });
    this.#size++;
    while (this.#size > this.#limit) this.take(this.#owners.keys().next().value as string);
    this.#expire();
  }

  /** Gives them out, and keeps them no longer. */
  take(owner: string): readonly Version[] {
    const { versions } = this.#owners.get(owner) ?? { versions: [] };
    this.#owners.delete(owner);
    this.#size -= versions.length;
    return versions;
  }

  clear(): void {
    this.#owners.clear();
    this.#size = 0;
  }

  #expire(): void {
    for (const [owner, { until }] of this.#owners) {
      if (until > this.#timers.now) return this.#expireAt(until);
      this.take(owner);
    }
  }

  #expireAt(time: number): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#timers.after(time - this.#timers.now, () => {
      this.#isTimed = false;
      this.#expire();
    });
  }
}
