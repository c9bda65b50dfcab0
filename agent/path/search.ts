/**
 * The search for the largest packet that a path carries whole (RFC 8899, DPLPMTUD): by probes of which each is answered
 * or is not, as routers may keep to themselves what they drop. Pure: says what to send and when to ask again. Sizes are
 * those of the underlay's packets, IP header included, in bytes; times are in ms.
 *
 *     confirming ──no answer──► searching ──nothing passes──► silent
 *      │    ▲ ▲                  │   ▲                          │
 *      ▼    │ └──────found───────┘   └────────an answer─────────┘
 *     resting ──a larger one is answered──► searching
 */

/** Sizes asked about at once: of 9,000 one is found in four rounds, and all of a round are 18 kB at an MTU of 1500. */
const RUNGS = 12;
/** How often a size is asked about until it is taken not to pass (RFC 8899, section 5.1.2, MAX_PROBES). */
const ATTEMPTS = 3;
/** Of sizes that were not answered so many are asked about again, the smallest: what does not pass says it for the larger. */
const RETRIED = 2;
/** How long an answer is waited for: three round trips, within bounds. One that comes later still counts. */
const WAIT = { first: 300, least: 200, most: 1000 } as const;
/** Between two calls to one that answers nothing: doubled up to this many periods. */
const SILENT_PERIODS = 8;

export interface SearchOptions {
  /** What every path carries. */
  readonly least: number;
  /** What the underlay's link carries. */
  readonly most: number;
  /** Until a path that is known is looked at again. */
  readonly period: () => number;
}

export class PathSearch {
  readonly #options: SearchOptions;
  #phase: 'confirming' | 'resting' | 'searching' | 'silent' = 'confirming';
  #due: number;
  #found: number | undefined;
  #roundTrip: number | undefined;
  /** Largest that passed in this search. */
  #carried: number | undefined;
  /** Smallest that did not, in this search. */
  #tooLarge: number;
  /** Asked about and not answered, in ascending order. */
  #round: readonly number[];
  #sends = 0;
  #sentAt = 0;
  #silentPeriods = 1;

  constructor(options: SearchOptions, now: number) {
    this.#options = options;
    this.#due = now;
    this.#tooLarge = options.most + 1;
    this.#round = [options.most];
  }

  /** Undefined until it is known for the first time. */
  get found(): number | undefined {
    return this.#found;
  }

  get isSilent(): boolean {
    return this.#phase === 'silent';
  }

  /** Of the last probe that was answered at once; undefined before. */
  get roundTrip(): number | undefined {
    return this.#roundTrip;
  }

  /** When to call `next`. */
  get due(): number {
    return this.#due;
  }

  /** Sizes to send now. */
  next(now: number): readonly number[] {
    if (now < this.#due) return [];
    if (this.#phase === 'resting') this.#confirm();
    else if (this.#sends >= ATTEMPTS) this.#conclude(now);
    if (now < this.#due) return [];
    this.#sends++;
    this.#sentAt = now;
    this.#due = now + this.#wait;
    if (this.#sends > 1) return this.#round.slice(0, RETRIED);
    const asksForMore = this.#phase === 'confirming' && this.#target < this.#options.most;
    return asksForMore ? [...this.#round, this.#target + 1] : this.#round;
  }

  /** A probe of that size came to its end. */
  answered(size: number, now: number): void {
    if (this.#sends === 1) this.#roundTrip = now - this.#sentAt;
    switch (this.#phase) {
      case 'searching':
        this.#passed(size, now);
        return;
      case 'silent':
        this.#search(size, this.#options.most + 1, now);
        return;
      case 'confirming':
      case 'resting':
        if (size > this.#target) this.#search(size, this.#options.most + 1, now);
        else if (size === this.#target && this.#phase === 'confirming') this.#rest(size, now);
    }
  }

  /** This host's own link does not take that size. */
  refused(size: number, now: number): void {
    if (this.#phase !== 'searching') {
      if (size <= this.#target) this.#search(undefined, size, now);
      return;
    }
    this.#tooLarge = Math.min(this.#tooLarge, size);
    this.#round = this.#round.filter((each) => each < size);
    if (this.#round.length === 0) this.#goOn(now);
  }

  get #target(): number {
    return this.#found ?? this.#options.most;
  }

  get #wait(): number {
    if (this.#roundTrip === undefined) return WAIT.first;
    return Math.min(WAIT.most, Math.max(WAIT.least, 3 * this.#roundTrip));
  }

  #confirm(): void {
    this.#phase = 'confirming';
    this.#ask([this.#target]);
  }

  #ask(round: readonly number[]): void {
    this.#round = round;
    this.#sends = 0;
  }

  /** Whoever was to answer had time enough. */
  #conclude(now: number): void {
    switch (this.#phase) {
      case 'searching':
        this.#tooLarge = Math.min(this.#tooLarge, ...this.#round);
        this.#goOn(now);
        return;
      case 'silent':
        this.#silentPeriods = Math.min(SILENT_PERIODS, 2 * this.#silentPeriods);
        this.#callLater(now);
        return;
      case 'confirming':
      case 'resting':
        this.#search(undefined, this.#target + 1, now);
    }
  }

  #search(carried: number | undefined, tooLarge: number, now: number): void {
    this.#phase = 'searching';
    this.#carried = carried;
    this.#tooLarge = tooLarge;
    this.#goOn(now);
  }

  #passed(size: number, now: number): void {
    this.#carried = Math.max(this.#carried ?? 0, size);
    // An answer that was late.
    if (size >= this.#tooLarge) this.#tooLarge = this.#options.most + 1;
    this.#round = this.#round.filter((each) => each > size);
    if (this.#round.length === 0) this.#goOn(now);
  }

  /** Another round, unless there is nothing left to ask. */
  #goOn(now: number): void {
    const floor = this.#carried ?? this.#options.least - 1;
    if (this.#tooLarge - floor > 1) {
      this.#ask(rungs(floor, this.#tooLarge));
      this.#due = now;
    } else if (this.#carried === undefined) this.#fallSilent(now);
    else this.#rest(this.#carried, now);
  }

  #rest(found: number, now: number): void {
    this.#phase = 'resting';
    this.#found = found;
    this.#silentPeriods = 1;
    this.#due = now + this.#options.period();
  }

  /** What was found before stays: nothing says that it is another. */
  #fallSilent(now: number): void {
    this.#phase = 'silent';
    this.#callLater(now);
  }

  #callLater(now: number): void {
    this.#ask([this.#options.least]);
    this.#due = now + this.#silentPeriods * this.#options.period();
  }
}

/** At most RUNGS sizes between the two, evenly: the smallest and the largest among them. */
function rungs(floor: number, tooLarge: number): number[] {
  const [first, last] = [floor + 1, tooLarge - 1];
  const steps = Math.min(RUNGS - 1, last - first);
  if (steps === 0) return [first];
  return Array.from(
    { length: steps + 1 },
    (_, i) => first + Math.round((i * (last - first)) / steps),
  );
}
