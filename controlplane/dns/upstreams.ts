/** Whom to ask first: the servers in the order in which they are likely to answer. Pure. */

/** In ms. One of which nothing is known yet is worth a try. */
const UNKNOWN = 50;
/** Of a new measure, in what is remembered. */
const WEIGHT = 0.3;
/** One that did not answer counts so many ms, at least, until it does. */
const LOST = 1_000;
const MOST = 10_000;
/** One in so many questions goes to another than the fastest first, so that it is known when that is no longer so. */
const EXPLORE = 20;
/** The first has so much time before the next is asked as well: more than it usually needs, in ms. */
const HEAD_START = { factor: 3, least: 20, most: 300 };

export class Upstreams {
  #servers: readonly string[] = [];
  /** Smoothed time to an answer. */
  readonly #times = new Map<string, number>();
  /** Those that take no EDNS. */
  readonly #plain = new Set<string>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  get servers(): readonly string[] {
    return this.#servers;
  }

  /** What is known of those that stay, stays. */
  set(servers: readonly string[]): void {
    this.#servers = [...new Set(servers)];
    for (const server of this.#times.keys())
      if (!this.#servers.includes(server)) this.#times.delete(server);
    for (const server of this.#plain)
      if (!this.#servers.includes(server)) this.#plain.delete(server);
  }

  /** The likely fastest first; equals as they were given. */
  order(): readonly string[] {
    const order = [...this.#servers].sort((a, b) => this.#timeOf(a) - this.#timeOf(b));
    if (order.length > 1 && this.#random() * EXPLORE < 1) {
      const other = 1 + Math.floor(this.#random() * (order.length - 1));
      order.unshift(...order.splice(other, 1));
    }
    return order;
  }

  /** How long to wait for the server before another is asked as well, in ms. */
  headStart(server: string): number {
    const { factor, least, most } = HEAD_START;
    return Math.min(most, Math.max(least, factor * this.#timeOf(server)));
  }

  takesEdns(server: string): boolean {
    return !this.#plain.has(server);
  }

  /** It answered without EDNS what it did not answer with it. */
  tookPlain(server: string): void {
    if (this.#servers.includes(server)) this.#plain.add(server);
  }

  answered(server: string, ms: number): void {
    const before = this.#times.get(server);
    const isBack = before === undefined || before >= LOST;
    this.#note(server, isBack ? ms : before + WEIGHT * (ms - before));
  }

  /** No answer, or one that says that it cannot. */
  failed(server: string): void {
    this.#note(server, Math.min(MOST, Math.max(LOST, 2 * this.#timeOf(server))));
  }

  #note(server: string, ms: number): void {
    if (this.#servers.includes(server)) this.#times.set(server, ms);
  }

  #timeOf(server: string): number {
    return this.#times.get(server) ?? UNKNOWN;
  }
}
