/**
 * What was heard of late, by Lamport time: memberlist delivers a message many times, and each is to count once. What
 * is too old to be told from something new is never new (specification §20.5, §20.7).
 */

/** Lamport times kept; older ones are dropped on sight. Serf's number, which others count on. */
const SLOTS = 512n;
/** What everything kept may weigh together. At the bound the oldest time is forgotten, and counts as too old. */
const WEIGHT_LIMIT = 4 * 2 ** 20;

export interface Slot<T> {
  readonly lTime: bigint;
  readonly entries: ReadonlyMap<string, T>;
}

interface Kept<T> extends Slot<T> {
  readonly entries: Map<string, T>;
  weight: number;
}

export class Ring<T> {
  readonly #slots: (Kept<T> | undefined)[] = Array.from({ length: Number(SLOTS) });
  #weight = 0;
  #minimum = 0n;

  /** Nothing below is new any more. */
  raise(minimum: bigint): void {
    if (minimum > this.#minimum) this.#minimum = minimum;
  }

  /** Whether it is new; then it is kept. `clock`: of its kind, which has witnessed `lTime`. */
  add(entry: { lTime: bigint; clock: bigint; key: string; value: T; weight: number }): boolean {
    const { lTime, clock, key, value, weight } = entry;
    if (lTime < this.#minimum || lTime + SLOTS < clock) return false;
    if (this.#at(lTime)?.entries.has(key) === true) return false;
    if (!this.#makeRoom(lTime, weight)) return false;
    const slot = this.#at(lTime) ?? this.#renew(lTime);
    slot.entries.set(key, value);
    slot.weight += weight;
    this.#weight += weight;
    return true;
  }

  /** In the order of the slots. */
  *[Symbol.iterator](): Iterator<Slot<T>> {
    for (const slot of this.#slots) if (slot !== undefined) yield slot;
  }

  #at(lTime: bigint): Kept<T> | undefined {
    const slot = this.#slots[Number(lTime % SLOTS)];
    return slot?.lTime === lTime ? slot : undefined;
  }

  /** What was in the slot is `SLOTS` times older or more: whatever is new comes after it. */
  #renew(lTime: bigint): Kept<T> {
    this.#drop(this.#slots[Number(lTime % SLOTS)]);
    const slot = { lTime, entries: new Map<string, T>(), weight: 0 };
    this.#slots[Number(lTime % SLOTS)] = slot;
    return slot;
  }

  /** False when everything kept is younger. */
  #makeRoom(lTime: bigint, weight: number): boolean {
    while (this.#weight + weight > WEIGHT_LIMIT) {
      const oldest = this.#oldest();
      if (oldest === undefined || oldest.lTime >= lTime) return false;
      this.#drop(oldest);
      this.raise(oldest.lTime + 1n);
    }
    return true;
  }

  #oldest(): Kept<T> | undefined {
    let oldest: Kept<T> | undefined;
    for (const slot of this.#slots)
      if (slot !== undefined && (oldest === undefined || slot.lTime < oldest.lTime)) oldest = slot;
    return oldest;
  }

  #drop(slot: Kept<T> | undefined): void {
    if (slot === undefined) return;
    this.#weight -= slot.weight;
    this.#slots[Number(slot.lTime % SLOTS)] = undefined;
  }
}
