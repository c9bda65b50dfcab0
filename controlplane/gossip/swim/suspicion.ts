/** The timer of one suspicion (Lifeguard; specification §13): the more members confirm it, the sooner it ends. */
import type { Timer, Timers } from '../timers.ts';
import type { Settings } from './settings.ts';

export interface SuspicionTimes {
  /** Confirmations that count. */
  readonly confirmations: number;
  /** In ms, with all of them, and with none. */
  readonly min: number;
  readonly max: number;
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
  };
}

/** In ms from the start of the suspicion. */
export function suspicionTimeout({ confirmations, min, max }: SuspicionTimes, had: number): number {
  if (confirmations < 1) return min;
  const share = Math.log(had + 1) / Math.log(confirmations + 1);
  return Math.max(min, Math.floor(max - share * (max - min)));
}

export class Suspicion {
  readonly #timers: Timers;
  readonly #times: SuspicionTimes;
  readonly #expired: () => void;
  readonly #started: number;
  /** Who started it, and who confirmed. */
  readonly #accusers: Set<string>;
  #timer: Timer;

  constructor(timers: Timers, times: SuspicionTimes, from: string, expired: () => void) {
    this.#timers = timers;
    this.#times = times;
    this.#expired = expired;
    this.#started = timers.now;
    this.#accusers = new Set([from]);
    this.#timer = timers.after(suspicionTimeout(times, 0), expired);
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
    const timeout = suspicionTimeout(this.#times, this.#accusers.size - 1);
    this.#timer.cancel();
    const left = timeout - (this.#timers.now - this.#started);
    this.#timer = this.#timers.after(left, this.#expired);
    return true;
  }

  cancel(): void {
    this.#timer.cancel();
  }
}
