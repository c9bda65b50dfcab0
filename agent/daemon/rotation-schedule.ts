/** When this host changes its WireGuard key by itself: so long after the last time, each host a little later by chance. */
import { untilDue } from '../backend/rotation.ts';
import { pauseBefore, type Backoff, type Clock, type Random } from '../state/clock.ts';

/** After it was refused or given up; not later than it would be due again. */
const RETRY: Backoff = { first: 300_000, factor: 2, limit: 21_600_000 };
/** Beyond 2^31 ms a timer fires at once, and a machine may sleep: it is looked again twice a day. */
const LONGEST_WAIT = 43_200_000;

export interface ScheduleParts {
  /** In ms. */
  readonly every: number;
  readonly clock: Clock;
  readonly random: Random;
  /** How long the key has been in force, in ms. */
  readonly age: () => number;
  /** Rejects when the key stays. */
  readonly rotate: () => Promise<void>;
  /** Told why. */
  readonly failed: (cause: unknown) => void;
}

export class RotationSchedule {
  readonly #parts: ScheduleParts;
  #cancel: () => void = () => {};
  #stopped = false;
  #failures = 0;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  start(): void {
    const { age, every, random } = this.#parts;
    this.#wait(untilDue(age(), every, random()));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #wait(ms: number): void {
    if (this.#stopped) return;
    const part = Math.min(ms, LONGEST_WAIT);
    this.#cancel = this.#parts.clock.after(part, () => {
      if (part < ms) this.#wait(ms - part);
      else void this.#fire();
    });
  }

  async #fire(): Promise<void> {
    const { age, every, random, rotate, failed } = this.#parts;
    // By hand, somebody may have been faster.
    if (age() < every) return this.start();
    try {
      await rotate();
      this.#failures = 0;
      this.start();
    } catch (cause) {
      if (!this.#stopped) failed(cause);
      this.#wait(Math.min(every, pauseBefore(this.#failures++, RETRY, random)));
    }
  }
}
