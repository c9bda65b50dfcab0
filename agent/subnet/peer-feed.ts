/** Tells of other hosts' leases in slices: marked keys are compared with what was told, so a burst costs one change a key. */
import type { Lease } from '../state/facts.ts';
import type { LeaseChange } from './leases.ts';

/** Changes told before the event loop turns. */
const SLICE = 500;

export interface FeedParts {
  /** The leases in force; read when a marked key's turn comes. */
  readonly leases: ReadonlyMap<string, Lease>;
  /** Whether the lease is another host's that we can talk to. */
  readonly isPeer: (key: string, lease: Lease) => boolean;
  readonly tell: (changes: readonly LeaseChange[]) => void;
  /** Which leases are no peers has changed. */
  readonly othersChanged: () => void;
  /** Everything marked has been told, for the first time. */
  readonly drained: () => void;
}

export class PeerFeed {
  readonly #parts: FeedParts;
  readonly #told = new Map<string, Lease>();
  readonly #others = new Map<string, Lease>();
  readonly #marked = new Set<string>();
  #state: 'waiting' | 'started' | 'drained' | 'stopped' = 'waiting';
  #turn: NodeJS.Immediate | undefined;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  get told(): ReadonlyMap<string, Lease> {
    return this.#told;
  }

  /** Leases in force that are no peers: our own, and those under our address. */
  get others(): ReadonlyMap<string, Lease> {
    return this.#others;
  }

  /** The leases at these keys, or what to think of them, may have changed. */
  mark(keys: Iterable<string>): void {
    for (const key of keys) this.#marked.add(key);
    if (this.#marked.size > 0) this.#schedule();
  }

  /** Until then, keys are only collected. */
  start(): void {
    if (this.#state === 'waiting') this.#state = 'started';
    this.#schedule();
  }

  stop(): void {
    this.#state = 'stopped';
    clearImmediate(this.#turn);
  }

  #schedule(): void {
    if (this.#state === 'waiting' || this.#state === 'stopped') return;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#slice();
    });
  }

  #slice(): void {
    const changes: LeaseChange[] = [];
    for (const key of this.#marked) {
      if (changes.length >= SLICE) break;
      this.#marked.delete(key);
      const change = this.#change(key);
      if (change !== undefined) changes.push(change);
    }
    if (changes.length > 0) this.#parts.tell(changes);
    if (this.#marked.size > 0) this.#schedule();
    else if (this.#state === 'started') {
      this.#state = 'drained';
      this.#parts.drained();
    }
  }

  #change(id: string): LeaseChange | undefined {
    const lease = this.#parts.leases.get(id);
    const isPeer = lease !== undefined && this.#parts.isPeer(id, lease);
    this.#noteOther(id, isPeer ? undefined : lease);
    if (!isPeer) return this.#told.delete(id) ? { type: 'remove', id } : undefined;
    if (this.#told.get(id) === lease) return undefined;
    this.#told.set(id, lease);
    return { type: 'put', id, lease };
  }

  #noteOther(id: string, lease: Lease | undefined): void {
    if (this.#others.get(id) === lease) return;
    if (lease === undefined) this.#others.delete(id);
    else this.#others.set(id, lease);
    this.#parts.othersChanged();
  }
}
