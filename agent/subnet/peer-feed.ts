/** Tells of other hosts' leases in slices: marked keys are compared with what was told, so a burst costs one change a key. */
import type { Clock } from '../state/clock.ts';
import type { Lease } from '../state/facts.ts';
import { clash } from './key.ts';
import type { LeaseChange } from './leases.ts';

/** Changes told before the event loop turns. */
const SLICE = 100;
/** A peer whose key is deleted stays this long, in ms: its host puts it back when it was not its own doing. */
const GRACE = 300;
/** Peers that may stay so at one time; more go at once. */
const GRACE_LIMIT = 100;

export interface FeedParts {
  readonly clock: Clock;
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
  /** Told, but no longer in force. */
  readonly #leaving = new Map<string, { readonly isOver: boolean; readonly cancel: () => void }>();
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
    for (const { cancel } of this.#leaving.values()) cancel();
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
      changes.push(...this.#change(key));
    }
    if (changes.length > 0) this.#parts.tell(changes);
    if (this.#marked.size > 0) this.#schedule();
    else if (this.#state === 'started') {
      this.#state = 'drained';
      this.#parts.drained();
    }
  }

  #change(id: string): LeaseChange[] {
    const lease = this.#parts.leases.get(id);
    const isPeer = lease !== undefined && this.#parts.isPeer(id, lease);
    this.#noteOther(id, isPeer ? undefined : lease);
    if (lease === undefined) return this.#mayReturn(id) ? [] : this.#remove(id);
    if (!isPeer) return [...this.#evict(lease), ...this.#remove(id)];
    this.#stay(id);
    if (this.#told.get(id) === lease) return [];
    this.#told.set(id, lease);
    return [...this.#evict(lease), { type: 'put', id, lease }];
  }

  #mayReturn(id: string): boolean {
    const { clock } = this.#parts;
    const leaving = this.#leaving.get(id);
    // A timer may fire a little before its time by the clock: it alone says when the moment is over.
    if (leaving !== undefined) return !leaving.isOver;
    if (!this.#told.has(id) || this.#leaving.size >= GRACE_LIMIT) return false;
    const cancel = clock.after(GRACE, () => {
      this.#leaving.set(id, { cancel, isOver: true });
      this.mark([id]);
    });
    this.#leaving.set(id, { cancel, isOver: false });
    return true;
  }

  /** Its subnet is somebody else's by now. */
  #evict({ subnets }: Lease): LeaseChange[] {
    const others = [...this.#leaving.keys()];
    return others
      .filter((id) => clash(this.#told.get(id)?.subnets ?? {}, subnets))
      .flatMap((id) => this.#remove(id));
  }

  #remove(id: string): LeaseChange[] {
    this.#stay(id);
    return this.#told.delete(id) ? [{ type: 'remove', id }] : [];
  }

  #stay(id: string): void {
    this.#leaving.get(id)?.cancel();
    this.#leaving.delete(id);
  }

  #noteOther(id: string, lease: Lease | undefined): void {
    if (this.#others.get(id) === lease) return;
    if (lease === undefined) this.#others.delete(id);
    else this.#others.set(id, lease);
    this.#parts.othersChanged();
  }
}
