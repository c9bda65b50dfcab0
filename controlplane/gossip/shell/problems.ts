/** What is wrong right now, and since when. Each is told once, and not with every packet. */

export interface GossipProblem {
  readonly code: string;
  /** What it is about, where that is not the whole member: an address, a file. */
  readonly subject: string;
  /** One sentence: what is wrong and what to do. */
  readonly message: string;
  readonly since: Date;
}

/** At a time: beyond it, those that others cause are not told any more. */
const LIMIT = 64;

interface Entry extends GossipProblem {
  /** When it is forgotten unless it comes again; wall clock in ms. */
  readonly until: number;
}

export class Problems {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #told: (problem: GossipProblem) => void;
  readonly #changed: () => void;

  /** `now`: the wall clock in ms. `told`: of each that is new or reads otherwise. */
  constructor(
    now: () => number,
    { told, changed }: { told: (problem: GossipProblem) => void; changed: () => void },
  ) {
    this.#now = now;
    this.#told = told;
    this.#changed = changed;
  }

  /** `lasts`: how long, in ms, it is remembered; without, until it is cleared. */
  set(code: string, subject: string, message: string, lasts = Infinity): void {
    const key = keyOf(code, subject);
    const now = this.#now();
    const known = this.#live(key, now);
    if (known === undefined && lasts !== Infinity && this.list().length >= LIMIT) return;
    const since = known?.since ?? new Date(now);
    this.#entries.set(key, { code, subject, message, since, until: now + lasts });
    if (known?.message === message) return;
    this.#told({ code, subject, message, since });
    this.#changed();
  }

  clear(code: string, subject = ''): void {
    if (this.#entries.delete(keyOf(code, subject))) this.#changed();
  }

  /** The oldest first. */
  list(): GossipProblem[] {
    const now = this.#now();
    for (const key of this.#entries.keys()) this.#live(key, now);
    return Array.from(this.#entries.values(), ({ code, subject, message, since }) => ({
      code,
      subject,
      message,
      since,
    }));
  }

  #live(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.until > now) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}

function keyOf(code: string, subject: string): string {
  return `${code}\n${subject}`;
}
