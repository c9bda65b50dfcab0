/** The timer of one suspicion (Lifeguard; specification §13): the more members confirm it, the sooner it ends. */
import type { Timer, Timers } from '../timers.ts';
import type { Settings } from './settings.ts';

/** So often a suspect is called before its time is over, an interval apart: that it is alive may have been missed. */
const LAST_CALLS = 3;

export interface SuspicionTimes {
  /** Confirmations that count. */
  readonly confirmations: number;
  /** In ms, with all of them, and with none. */
  readonly min: number;
  readonly max: number;
  /** In ms, between the last calls. */
  readonly interval: number;
}

/** For a table of `size` records. */
export function suspicionTimes(settings: Settings, size: number): SuspicionTimes {
  const { suspicionMult, suspicionMaxTimeoutMult, probeInterval } = settings;
  const wanted = suspicionMult - 2;
  const scale = Math.max(1, Math.log10(Math.max(1, size)));
  // memberlist has three decimals of the scale.
  const min = (suspicionMult * Math.floor(scale * 1_000) * probeInterval) / 1_000;
  return {
    confirmations: size - 2 < wanted ? 0 : Math.max(0, wanted),
    min,
    max: suspicionMaxTimeoutMult * min,
    interval: probeInterval,
  };
}

/** In ms from the start of the suspicion. */
export function suspicionTimeout({ confirmations, min, max }: SuspicionTimes, had: number): number {
  if (confirmations < 1) return min;
  const share = Math.log(had + 1) / Math.log(confirmations + 1);
  return Math.max(min, Math.floor(max - share * (max - min)));
}

export interface SuspicionEnd {
  /** Its time is nearly over. */
  readonly nearlyOver: () => void;
  readonly over: () => void;
}

export class Suspicion {
  readonly #timers: Timers;
  readonly #times: SuspicionTimes;
  readonly #end: SuspicionEnd;
  #started: number;
  /** Who started it, and who confirmed. */
  readonly #accusers: Set<string>;
  #timer: Timer | undefined;

  constructor(timers: Timers, times: SuspicionTimes, from: string, end: SuspicionEnd) {
    this.#timers = timers;
    this.#times = times;
    this.#end = end;
    this.#started = timers.now;
    this.#accusers = new Set([from]);
    this.#wait();
  }

  /** Whether one more confirmation would count. */
  get isOpen(): boolean {
    return this.#accusers.size <= this.#times.confirmations;
  }

  isFrom(name: string): boolean {
    return this.#accusers.has(name);
  }

  /** Whether it counts. */
  confirm(from: string): boolean {
    if (!this.isOpen || this.isFrom(from)) return false;
    this.#accusers.add(from);
    this.#wait();
    return true;
  }

  /** The suspect gave a sign of life: its time starts anew. */
  renew(): void {
    this.#started = this.#timers.now;
    this.#wait();
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  /** There is time for one call at least, also where a late confirmation would have it over at once. */
  #wait(): void {
    const timeout = suspicionTimeout(this.#times, this.#accusers.size - 1);
    const left = this.#started + timeout - this.#timers.now;
    this.#waitFor(Math.max(left, this.#times.interval), LAST_CALLS);
  }

  #waitFor(left: number, calls: number): void {
    const { interval } = this.#times;
    const ahead = Math.min(calls, Math.floor(left / interval));
    this.cancel();
    this.#timer = this.#timers.after(left - ahead * interval, () => {
      if (ahead === 0) return this.#end.over();
      this.#waitFor(ahead * interval, ahead - 1);
      this.#end.nearlyOver();
    });
  }
}
