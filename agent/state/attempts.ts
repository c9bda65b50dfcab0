/**
 * When an entry may be tried again: after failures ever more seldom, and so too when somebody undoes our work
 * again and again. Such an entry stays contested until a minute has passed in peace.
 */
import { pauseBefore, type Backoff, type Clock, type Random } from './clock.ts';
import type { Key } from './resource.ts';

const RETRY: Backoff = { first: 500, factor: 2, limit: 30_000 };
/** Repairs of one entry that are done at once, as long as no PEACE ms pass between two; further ones wait. */
const FREE_REPAIRS = 10;
const PEACE = 60_000;

export interface AttemptsParts {
  readonly clock: Clock;
  readonly random: Random;
  /** The pause is over. */
  readonly retry: (key: Key) => void;
  /** Nobody undid our work for PEACE ms. */
  readonly calm: (key: Key) => void;
}

interface Record {
  failures: number;
  strikes: number;
  /** Of the last strike, on the clock. */
  at: number;
  /** Ends the pause before the next try. */
  cancelRetry?: () => void;
  cancelCalm?: () => void;
}

export class Attempts {
  readonly #parts: AttemptsParts;
  readonly #records = new Map<Key, Record>();

  constructor(parts: AttemptsParts) {
    this.#parts = parts;
  }

  /** It could not be done; `retry` comes after a pause. */
  failed(key: Key): void {
    const record = this.#record(key);
    this.#pause(key, record, record.failures++);
  }

  succeeded(key: Key): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    record.failures = 0;
    record.cancelRetry?.();
    delete record.cancelRetry;
  }

  /** Somebody undid our work. `now`: put it right. `later`: `retry` comes; `contested`: that too, for the first time. */
  struck(key: Key): 'now' | 'later' | 'contested' {
    const record = this.#record(key);
    const now = this.#parts.clock.now();
    if (now - record.at > PEACE) record.strikes = 0;
    record.at = now;
    if (record.cancelRetry !== undefined) return 'later';
    const beyond = ++record.strikes - FREE_REPAIRS;
    if (beyond <= 0) return 'now';
    this.#pause(key, record, beyond - 1);
    const isNew = record.cancelCalm === undefined;
    record.cancelCalm?.();
    record.cancelCalm = this.#parts.clock.after(PEACE, () => this.#calm(key, record));
    return isNew ? 'contested' : 'later';
  }

  isContested(key: Key): boolean {
    return this.#records.get(key)?.cancelCalm !== undefined;
  }

  /** Another wish, another chance. */
  forget(key: Key): void {
    const record = this.#records.get(key);
    record?.cancelRetry?.();
    record?.cancelCalm?.();
    this.#records.delete(key);
  }

  stop(): void {
    for (const key of this.#records.keys()) this.forget(key);
  }

  #record(key: Key): Record {
    let record = this.#records.get(key);
    if (record === undefined)
      this.#records.set(key, (record = { failures: 0, strikes: 0, at: this.#parts.clock.now() }));
    return record;
  }

  #pause(key: Key, record: Record, attempt: number): void {
    record.cancelRetry?.();
    const ms = pauseBefore(attempt, RETRY, this.#parts.random);
    record.cancelRetry = this.#parts.clock.after(ms, () => {
      delete record.cancelRetry;
      this.#parts.retry(key);
    });
  }

  #calm(key: Key, record: Record): void {
    delete record.cancelCalm;
    this.#parts.calm(key);
  }
}
