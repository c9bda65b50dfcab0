/** Joins at given places until one took us in; and knows where they are for whoever looks for lost members. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Endpoint } from '../effects.ts';
import type { Random } from '../random.ts';
import { isName, resolvePlaces, type HostPort, type Resolved } from './places.ts';

/** In ms. Doubled after each round without success. */
const FIRST_PAUSE = 1_000;
const LAST_PAUSE = 30_000;
/** In ms. A name is asked for again at most so often. */
const NAME_LIFE = 60_000;

export interface JoinerOptions {
  readonly places: readonly HostPort[];
  readonly random: Random;
  /** In ms, on a clock that never goes back. */
  readonly now: () => number;
  /** This very member. */
  readonly isOwn: (endpoint: Endpoint) => boolean;
  /** Somebody is here already. */
  readonly hasCompany: () => boolean;
  /** Undefined when one took us in, else why none did; may reject. */
  readonly join: (endpoints: readonly Endpoint[]) => Promise<string | undefined>;
  readonly report: (problem: string | undefined) => void;
}

export class Joiner {
  readonly #options: JoinerOptions;
  readonly #stop = new AbortController();
  #endpoints: readonly Endpoint[] = [];
  #resolvedAt = -Infinity;
  #resolving = false;

  constructor(options: JoinerOptions) {
    this.#options = options;
  }

  /** Resolves when it has joined, or was stopped. */
  async run(): Promise<void> {
    const { random, report, hasCompany, places } = this.#options;
    if (places.length === 0) return;
    for (let wait = FIRST_PAUSE; ; wait = Math.min(LAST_PAUSE, 2 * wait)) {
      const problem = await this.#attempt();
      if (this.#stop.signal.aborted) return;
      report(hasCompany() ? undefined : problem);
      if (problem === undefined || hasCompany()) return;
      // Not all at once when a whole cluster starts.
      const ms = wait * (0.5 + random());
      const isOver = await pause(ms, false, { signal: this.#stop.signal }).catch(() => true);
      if (isOver) return;
    }
  }

  /** Where the places were when they were last asked for. Asks again, for later, if that was long ago. */
  readonly endpoints = (): readonly Endpoint[] => {
    const { now, places } = this.#options;
    const isOld = now() - this.#resolvedAt >= NAME_LIFE && places.some(isName);
    if (isOld && !this.#resolving && !this.#stop.signal.aborted) void this.#resolve();
    return this.#endpoints;
  };

  stop(): void {
    this.#stop.abort();
  }

  async #attempt(): Promise<string | undefined> {
    const { problems } = await this.#resolve();
    if (this.#stop.signal.aborted) return undefined;
    if (this.#endpoints.length === 0)
      // Only ourselves: a list that all members share.
      return problems.length === 0 ? undefined : problems.join('; ');
    const problem = await this.#options
      .join(this.#endpoints)
      .catch((error: Error) => error.message);
    return problem === undefined ? undefined : [...problems, problem].join('; ');
  }

  async #resolve(): Promise<Resolved> {
    const { places, isOwn, now } = this.#options;
    this.#resolving = true;
    const resolved = await resolvePlaces(places);
    this.#resolving = false;
    this.#resolvedAt = now();
    const others = resolved.endpoints.filter((endpoint) => !isOwn(endpoint));
    // A name service that is away for a while does not make us forget.
    if (others.length > 0 || resolved.problems.length === 0) this.#endpoints = others;
    return resolved;
  }
}
