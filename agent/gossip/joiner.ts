/**
 * Joins hosts of the same etcd while this one is alone: their leases say where they listen. Whom it lost later, the
 * gossip looks for itself, with `seeds`.
 */
import type { SocketAddress } from '../ip/socket-address.ts';
import { pauseBefore, type Backoff, type Clock, type Random } from '../state/clock.ts';
import type { Discovery } from './discovery.ts';

export interface JoinerParts {
  readonly discovery: Discovery;
  /** What the others are told of us; never joined. */
  readonly own: () => SocketAddress | undefined;
  /** Resolves when it was tried. Never rejects. */
  readonly attempt: (places: readonly SocketAddress[]) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Tried at a time: one that answers knows all the others. */
const AT_ONCE = 3;
/** Handed out for one look for the lost. */
const SEED_LIMIT = 8;
const RETRY: Backoff = { first: 500, factor: 2, limit: 15_000 };

export class Joiner {
  readonly #parts: JoinerParts;
  #state: 'stopped' | 'idle' | 'waiting' | 'joining' = 'stopped';
  #failures = 0;
  #cancel: () => void = () => {};
  /** Ends what an earlier start has under way. */
  #run = 0;

  constructor(parts: JoinerParts) {
    this.#parts = parts;
  }

  /** There is a member now that can join. */
  start(): void {
    this.#state = 'idle';
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
    const { clock, random } = this.#parts;
    const pause = this.#failures === 0 ? 0 : pauseBefore(this.#failures - 1, RETRY, random);
    this.#state = 'waiting';
    this.#cancel = clock.after(pause, () => void this.#join(this.#run));
  }

  /** Places where a host of the same etcd should be, and is not. */
  seeds(): SocketAddress[] {
    return this.#others(SEED_LIMIT);
  }

  #isWanted(): boolean {
    const { discovery } = this.#parts;
    return discovery.living === 0 && discovery.missing > 0;
  }

  async #join(run: number): Promise<void> {
    this.#state = 'joining';
    const places = this.#isWanted() ? this.#others(AT_ONCE) : [];
    if (places.length > 0) await this.#parts.attempt(places);
    if (run !== this.#run) return;
    this.#state = 'idle';
    this.#failures = this.#isWanted() ? this.#failures + 1 : 0;
    this.wake();
  }

  #others(most: number): SocketAddress[] {
    const { discovery, own } = this.#parts;
    return discovery.seeds(most).filter((place) => place !== own());
  }
}
