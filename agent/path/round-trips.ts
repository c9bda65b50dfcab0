/** How long the way to each peer and back takes over its tunnel: one question now and then, to all of them in turn. */
import type { Address } from '../ip/address.ts';
import type { Clock } from '../state/clock.ts';

/** Between two looks at who is due, in ms. */
const TICK = 1_000;
/** Questions in one tick; whoever is due beyond that waits for the next. */
const LIMIT = 20;
/** Until a peer is asked again, in ms; sooner where there is nothing to ask yet. */
const PERIOD = 30_000;
const AGAIN = 5_000;

export interface RoundTripParts {
  /** Where the peer answers at the far end of its tunnel; undefined when it has none, or is not to be asked now. */
  readonly target: (id: string) => Address | undefined;
  /** In ms; undefined when there is no answer. Never rejects. */
  readonly ask: (address: Address) => Promise<number | undefined>;
  readonly clock: Clock;
}

interface Peer {
  due: number;
  roundTripMs: number | undefined;
}

export class RoundTrips {
  readonly #parts: RoundTripParts;
  readonly #peers = new Map<string, Peer>();
  #cancel: (() => void) | undefined;

  constructor(parts: RoundTripParts) {
    this.#parts = parts;
  }

  add(id: string): void {
    if (this.#peers.has(id)) return;
    this.#peers.set(id, { due: this.#parts.clock.now() + TICK, roundTripMs: undefined });
    this.#cancel ??= this.#parts.clock.after(TICK, () => this.#tick());
  }

  remove(id: string): void {
    this.#peers.delete(id);
  }

  /** In ms, at the last question; undefined without an answer. */
  of(id: string): number | undefined {
    return this.#peers.get(id)?.roundTripMs;
  }

  stop(): void {
    this.#peers.clear();
    this.#cancel?.();
  }

  #tick(): void {
    const now = this.#parts.clock.now();
    let asked = 0;
    for (const [id, peer] of this.#peers) {
      if (peer.due > now) continue;
      if (asked++ === LIMIT) break;
      // To the end, so that everybody has a turn.
      this.#peers.delete(id);
      this.#peers.set(id, peer);
      void this.#ask(id, peer, now);
    }
    const isLast = this.#peers.size === 0;
    this.#cancel = isLast ? undefined : this.#parts.clock.after(TICK, () => this.#tick());
  }

  async #ask(id: string, peer: Peer, now: number): Promise<void> {
    const target = this.#parts.target(id);
    peer.due = now + (target === undefined ? AGAIN : PERIOD);
    if (target !== undefined) peer.roundTripMs = await this.#parts.ask(target);
  }
}
