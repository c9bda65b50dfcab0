/**
 * Changes by an id that whoever asks has chosen: asked again by the same id, as its answer was lost, a change is not made
 * again, and told as before.
 */
import { WeftError } from './errors.ts';

/** Changes that are remembered; the oldest that is done is forgotten first. */
const LIMIT = 256;
/** Characters of an id. */
const ID_LENGTH = 64;

interface Remembered {
  /** What was asked for, as text. */
  readonly asked: string;
  readonly answer: Ending;
  isDone: boolean;
}

/** Rejects when the change failed. */
interface Ending {
  readonly end: Promise<unknown>;
}

export class Repeats {
  readonly #changes = new Map<string, Remembered>();

  /**
   * Makes the change, or gives what came of it when the same was asked for by the same id; one that failed is made anew.
   * Without an id nothing is remembered. Throws WEFT_USAGE for an id that stands for another change, or is none.
   */
  once<T extends Ending>(id: string, asked: object, make: () => T): T {
    if (id === '') return make();
    if (id.length > ID_LENGTH)
      throw new WeftError('WEFT_USAGE', `an id has ${ID_LENGTH} characters at most`);
    const text = JSON.stringify(asked);
    const before = this.#changes.get(id);
    if (before !== undefined && before.asked !== text)
      throw new WeftError('WEFT_USAGE', `the id ${id} stands for another change`, {
        fix: 'choose another id for each change',
      });
    if (before !== undefined) return before.answer as T;
    const answer = make();
    const change: Remembered = { asked: text, answer, isDone: false };
    this.#remember(id, change);
    void this.#settle(id, change);
    return answer;
  }

  #remember(id: string, change: Remembered): void {
    if (this.#changes.size >= LIMIT) {
      const [oldest] = [...this.#changes].find(([, { isDone }]) => isDone) ?? [];
      if (oldest === undefined) return;
      this.#changes.delete(oldest);
    }
    this.#changes.set(id, change);
  }

  async #settle(id: string, change: Remembered): Promise<void> {
    try {
      await change.answer.end;
      change.isDone = true;
    } catch {
      this.#changes.delete(id);
    }
  }
}

/** What is told step by step: who comes later is told what was before. */
export class Told<T> {
  readonly #past: T[] = [];
  readonly #listeners = new Set<(step: T) => void>();
  readonly end: Promise<void>;

  /** `work` tells each step, and resolves at the end. */
  constructor(work: (tell: (step: T) => void) => Promise<void>) {
    this.end = work((step) => {
      this.#past.push(step);
      for (const listener of this.#listeners) listener(step);
    });
    // Whoever follows it is told.
    this.end.catch(() => undefined);
  }

  /** Resolves at the end. Throws what the work throws. */
  async follow(listener: (step: T) => void): Promise<void> {
    for (const step of this.#past) listener(step);
    this.#listeners.add(listener);
    try {
      await this.end;
    } finally {
      this.#listeners.delete(listener);
    }
  }
}
