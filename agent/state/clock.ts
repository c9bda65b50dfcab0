/** Time and chance as arguments: cores take these, `main.ts` hands in the machine's own, tests hand in ones they move. */

export interface Clock {
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  now(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** A number in [0, 1). */
export type Random = () => number;

export interface Backoff {
  /** First pause, in ms. */
  readonly first: number;
  readonly factor: number;
  /** Longest pause, in ms, before chance is added. */
  readonly limit: number;
}

/** The pause before attempt `attempt` (from 0), in ms: exponential, then spread over 50 to 100 % so that many do not come at once. */
export function pauseBefore(attempt: number, policy: Backoff, random: Random): number {
  const base = Math.min(policy.first * policy.factor ** attempt, policy.limit);
  return base * (0.5 + random() / 2);
}

/** Resolves after `ms`, or at once when `signal` is aborted. */
export async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end);
  });
}
