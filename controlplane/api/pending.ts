/**
 * Changes that a slow reader has not taken yet. Of one thing only the latest is kept, so what waits is
 * bounded by the number of things, and by `limit` on top of that.
 */
import { WeftError } from './errors.ts';

export class Pending<T> {
  readonly #limit: number;
  readonly #changes = new Map<string, T>();
  #overrun = false;
  #wake: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes the place of an earlier change of `key`, at the end of the queue. */
  put(key: string, change: T): void {
    if (this.#overrun) return;
    this.#changes.delete(key);
    if (this.#changes.size < this.#limit) this.#changes.set(key, change);
    else {
      // Nobody will get these any more: the reader is told and starts over.
      this.#overrun = true;
      this.#changes.clear();
    }
    this.#wake?.();
  }

  /**
   * Up to `most` changes, the oldest first; waits while there are none. Undefined when `signal` aborts.
   * Rejects with WEFT_SLOW_READER once the limit was passed. One call at a time.
   */
  async take(most: number, signal: AbortSignal): Promise<T[] | undefined> {
    while (this.#changes.size === 0 && !this.#overrun && !signal.aborted)
      await this.#change(signal);
    if (signal.aborted) return undefined;
    if (this.#overrun) {
      throw new WeftError(
        'WEFT_SLOW_READER',
        `the watcher fell more than ${this.#limit} changes behind`,
        { fix: 'watch again, and read faster' },
      );
    }
    const taken: T[] = [];
    for (const [key, change] of this.#changes) {
      if (taken.length === most) break;
      taken.push(change);
      this.#changes.delete(key);
    }
    return taken;
  }

  async #change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      signal.addEventListener('abort', wake);
      this.#wake = wake;
    });
  }
}
