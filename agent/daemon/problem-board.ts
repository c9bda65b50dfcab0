/** What is wrong on this host right now, and since when: `weft status` shows it, the log has told it once. */

export interface BoardProblem {
  readonly code: string;
  /** One sentence: what is wrong and what to do. */
  readonly message: string;
  /** What it is about; absent: the whole host. */
  readonly subject?: string;
}

export type DatedProblem = BoardProblem & { readonly since: Date };

export class ProblemBoard {
  readonly #problems = new Map<string, DatedProblem>();
  readonly #now: () => Date;
  readonly #changed: () => void;

  constructor(now: () => Date, changed: () => void) {
    this.#now = now;
    this.#changed = changed;
  }

  /** Replaces what `source` finds wrong; a problem that stays keeps its date. Returns those that are new. */
  set(source: string, problems: readonly BoardProblem[]): readonly BoardProblem[] {
    const keys = new Map(problems.map((problem) => [keyIn(source, problem), problem]));
    const gone = [...this.#problems.keys()].filter(
      (key) => key.startsWith(`${source}\n`) && !keys.has(key),
    );
    for (const key of gone) this.#problems.delete(key);
    const fresh: BoardProblem[] = [];
    for (const [key, problem] of keys) {
      const known = this.#problems.get(key);
      if (known?.message !== problem.message) fresh.push(problem);
      this.#problems.set(key, { ...problem, since: known?.since ?? this.#now() });
    }
    if (fresh.length > 0 || gone.length > 0) this.#changed();
    return fresh;
  }

  /** The oldest first. */
  list(): readonly DatedProblem[] {
    return [...this.#problems.values()].toSorted((a, b) => a.since.getTime() - b.since.getTime());
  }
}

function keyIn(source: string, { code, subject = '' }: BoardProblem): string {
  return [source, code, subject].join('\n');
}
