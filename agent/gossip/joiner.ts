/**
 * Joins: what `--join` names, until one of it took us in; and while this host is alone, hosts of the same etcd. Whom
 * it lost later, the gossip looks for itself, with `seeds`.
 */
import type { Address } from '../ip/address.ts';
import { parseHostPort, socketAddress, type SocketAddress } from '../ip/socket-address.ts';
import { pauseBefore, type Backoff, type Clock, type Random } from '../state/clock.ts';
import type { Discovery } from './discovery.ts';

export interface Joined {
  /** How many took us in. */
  readonly count: number;
  /** Why others did not, a clause each. */
  readonly problems: readonly string[];
}

export interface JoinerParts {
  /** HOST or HOST:PORT, checked. */
  readonly join: readonly string[];
  /** Where no port is named. */
  readonly port: number;
  readonly discovery: Discovery;
  /** Rejects when there is no such name. */
  readonly resolve: (host: string) => Promise<readonly Address[]>;
  /** What the others are told of us; never joined. */
  readonly own: () => SocketAddress | undefined;
  /** Never rejects. */
  readonly attempt: (places: readonly SocketAddress[]) => Promise<Joined>;
  /** A clause when `--join` is of no avail, undefined when it was. */
  readonly troubled: (why: string | undefined) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** Leases tried at a time: one that answers knows all the others. */
const LEASES_AT_ONCE = 3;
/** Leases handed out for one look for the lost. */
const SEED_LIMIT = 8;
/** Addresses taken of one name, and problems told. */
const NAME_LIMIT = 16;
const TOLD_LIMIT = 3;
/** Names are looked up anew for `seeds` after this long, in ms. */
const LOOK_UP_AGAIN = 60_000;
const RETRY: Backoff = { first: 500, factor: 2, limit: 15_000 };

export class Joiner {
  readonly #parts: JoinerParts;
  #state: 'stopped' | 'idle' | 'waiting' | 'joining' = 'stopped';
  #isDone: boolean;
  #failures = 0;
  #cancel: () => void = () => {};
  /** What the names of `--join` stood for when they were last looked up. */
  #named: readonly SocketAddress[] = [];
  #lookedUpAt = 0;
  /** Ends what an earlier start has under way. */
  #run = 0;

  constructor(parts: JoinerParts) {
    this.#parts = parts;
    this.#isDone = parts.join.length === 0;
  }

  /** There is a member now that can join. */
  start(): void {
    this.#state = 'idle';
    this.#isDone = this.#parts.join.length === 0;
    this.#failures = 0;
    this.wake();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#run++;
    this.#cancel();
  }

  /** Leases or members have changed. */
  wake(): void {
    if (this.#state !== 'idle' || !this.#isWanted()) return;
    this.#wait(
      this.#failures === 0 ? 0 : pauseBefore(this.#failures - 1, RETRY, this.#parts.random),
    );
  }

  /** Places where somebody of ours should be, and nobody is. */
  seeds(): SocketAddress[] {
    const { discovery, clock } = this.#parts;
    // For the next time: names may stand for other addresses by now.
    if (clock.now() - this.#lookedUpAt > LOOK_UP_AGAIN) void this.#lookUp();
    const named = this.#others(this.#named).filter((place) => !discovery.isAlive(place));
    return [...named, ...this.#others(discovery.seeds(SEED_LIMIT))];
  }

  #isWanted(): boolean {
    const { discovery } = this.#parts;
    return !this.#isDone || (discovery.living === 0 && discovery.missing > 0);
  }

  #wait(pause: number): void {
    this.#state = 'waiting';
    this.#cancel = this.#parts.clock.after(pause, () => void this.#join(this.#run));
  }

  async #join(run: number): Promise<void> {
    this.#state = 'joining';
    if (!this.#isDone) await this.#joinNamed(run);
    if (run === this.#run) await this.#joinLeases();
    if (run !== this.#run) return;
    this.#state = 'idle';
    this.#failures = this.#isWanted() ? this.#failures + 1 : 0;
    this.wake();
  }

  async #joinNamed(run: number): Promise<void> {
    const { attempt, discovery, troubled } = this.#parts;
    const { places, problems } = await this.#lookUp();
    if (run !== this.#run) return;
    const others = this.#others(places);
    // A list that is the same on every host names this one too.
    const isOnlyUs = places.length > 0 && others.length === 0 && problems.length === 0;
    this.#isDone = isOnlyUs || others.some((place) => discovery.isAlive(place));
    const isTried = !this.#isDone && others.length > 0;
    const joined = isTried ? await attempt(others) : { count: 0, problems: [] };
    if (run !== this.#run) return;
    if (joined.count > 0) this.#isDone = true;
    const why = [...problems, ...joined.problems].slice(0, TOLD_LIMIT).join('; ');
    troubled(this.#isDone ? undefined : why);
  }

  async #joinLeases(): Promise<void> {
    const { attempt, discovery } = this.#parts;
    if (discovery.living > 0) return;
    const places = this.#others(discovery.seeds(LEASES_AT_ONCE));
    if (places.length > 0) await attempt(places);
  }

  async #lookUp(): Promise<{ places: SocketAddress[]; problems: string[] }> {
    const { join, port: usual, resolve, clock } = this.#parts;
    this.#lookedUpAt = clock.now();
    const places = new Set<SocketAddress>();
    const problems: string[] = [];
    const each = join.map(async (text) => {
      const { host, port = usual } = parseHostPort(text) ?? { host: text };
      try {
        for (const address of (await resolve(host)).slice(0, NAME_LIMIT))
          places.add(socketAddress(address, port));
      } catch (cause) {
        problems.push(`${host} has no address (${codeOf(cause)})`);
      }
    });
    await Promise.all(each);
    if (places.size > 0) this.#named = [...places];
    return { places: [...places], problems };
  }

  #others(places: readonly SocketAddress[]): SocketAddress[] {
    const own = this.#parts.own();
    return places.filter((place) => place !== own);
  }
}

function codeOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return code ?? message;
}
