/** How long a suspect has to speak up: Lifeguard's timer, shorter with every independent confirmation (§13). */
import type { Timer, Timers } from '../timers.ts';
import type { Settings } from '../swim/settings.ts';

export interface SuspicionTimes {
  /** Confirmations that are waited for. */
  readonly wanted: number;
  /** In ms, with all confirmations and with none. */
  readonly min: number;
  readonly max: number;
}

/** `members`: the number of records, ourselves and the dead included. */
export function suspicionTimes(members: number, settings: Settings): SuspicionTimes {
  const { suspicionMult, suspicionMaxTimeoutMult, probeInterval } = settings;
  const wanted = suspicionMult - 2;
  const scale = Math.max(1, truncated(Math.log10(Math.max(1, members))));
  const min = suspicionMult * scale * probeInterval;
  return {
    wanted: members - 2 < wanted ? 0 : wanted,
    min,
    max: suspicionMaxTimeoutMult * min,
  };
}

/** In ms since the suspicion began. */
export function timeoutAfter(confirmations: number, { wanted, min, max }: SuspicionTimes): number {
  if (wanted < 1) return min;
  const share = Math.log(confirmations + 1) / Math.log(wanted + 1);
  return Math.max(min, Math.floor(max - share * (max - min)));
}

/** As memberlist reckons: to three decimals. */
function truncated(value: number): number {
  return Math.floor(value * 1_000) / 1_000;
}

export class Suspicion {
  readonly #times: SuspicionTimes;
  readonly #timers: Timers;
  readonly #began: number;
  readonly #expired: () => void;
  /** Who said so: the first, and those who confirmed. */
  readonly #accusers: Set<string>;
  #timer: Timer;

  constructor(accuser: string, times: SuspicionTimes, timers: Timers, expired: () => void) {
    this.#times = times;
    this.#timers = timers;
    this.#began = timers.now;
    this.#expired = expired;
    this.#accusers = new Set([accuser]);
    this.#timer = timers.after(timeoutAfter(0, times), expired);
  }

  /** Whether more confirmations would change anything. */
  get isOpen(): boolean {
    return this.#accusers.size - 1 < this.#times.wanted;
  }

  /** Whether this was news. */
  confirm(accuser: string): boolean {
    if (!this.isOpen || this.#accusers.has(accuser)) return false;
    this.#accusers.add(accuser);
    const timeout = timeoutAfter(this.#accusers.size - 1, this.#times);
    this.#timer.cancel();
    this.#timer = this.#timers.after(timeout - (this.#timers.now - this.#began), this.#expired);
    return true;
  }

  cancel(): void {
    this.#timer.cancel();
  }
}
