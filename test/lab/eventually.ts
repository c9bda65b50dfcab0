/** Waits for what cannot be awaited: asks again and again, for a bounded time. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** In ms. */
  readonly within: number;
  /** Named in the error, as in "10.5.2.0/24 is routed". */
  readonly what: string;
  /** Pause between two checks, in ms; longer when a check takes long, so that it does not slow what it waits for. */
  readonly every?: number;
}

const EVERY_MS = 25;

/**
 * The first result of `check` that is neither false nor undefined. A check that throws counts as not yet, so
 * assertions can stand in it. Rejects when the time is over, with the last thing that was thrown as its cause.
 */
export async function eventually<T>(
  check: () => Promise<T | undefined | false> | T | undefined | false,
  { within, what, every = EVERY_MS }: Patience,
): Promise<T> {
  const start = performance.now();
  for (;;) {
    const begun = performance.now();
    let cause: unknown;
    try {
      const result = await check();
      if (result !== false && result !== undefined) return result;
    } catch (error) {
      cause = error;
    }
    if (performance.now() - start >= within)
      throw new Error(`not within ${within} ms: ${what}${reason(cause)}`, { cause });
    await sleep(Math.max(every, 2 * (performance.now() - begun)));
  }
}

function reason(cause: unknown): string {
  if (cause === undefined) return '';
  return `; the last check said: ${cause instanceof Error ? cause.message : JSON.stringify(cause)}`;
}
