/** Intents to join or leave of members that we do not know yet: the newest of each name waits for the member. */

/** At the bound the one that waits longest is dropped: the next push/pull brings it again. */
const LIMIT = 4_096;

export interface Intent {
  readonly kind: 'join' | 'leave';
  readonly lTime: bigint;
}

export class Intents {
  readonly #timeout: number;
  readonly #waiting = new Map<string, Intent & { readonly since: number }>();

  /** `timeout` in ms. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Whether it is news. */
  add(name: string, intent: Intent, now: number): boolean {
    const known = this.#waiting.get(name);
    if (known !== undefined && intent.lTime <= known.lTime) return false;
    this.#waiting.delete(name);
    this.#waiting.set(name, { ...intent, since: now });
    if (this.#waiting.size > LIMIT) this.#dropFirst();
    return true;
  }

  /** The member is here: its intent, and no longer kept. */
  take(name: string): Intent | undefined {
    const intent = this.#waiting.get(name);
    this.#waiting.delete(name);
    return intent;
  }

  /** Drops those whose time is over; in the map they stand in the order of arrival. */
  expire(now: number): void {
    for (const [name, { since }] of this.#waiting) {
      if (now - since < this.#timeout) return;
      this.#waiting.delete(name);
    }
  }

  #dropFirst(): void {
    for (const name of this.#waiting.keys()) {
      this.#waiting.delete(name);
      return;
    }
  }
}
