/** One thing after the other, of each key; those of different keys at once. */
export class Turns {
  /** What is under way, and will be last. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Begins when what was asked for before has ended, however; resolves and rejects as it does. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
