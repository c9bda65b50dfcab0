/**
 * A peer that changes to another backend has read the network configuration before us. What leads to it stays until we
 * have read it too, as it still takes that; if we never do, its new lease counts after all.
 */
import { meshTypeOf } from '../backend/backend.ts';
import type { Clock } from '../state/clock.ts';
import type { LeaseChange } from './planner.ts';

/**
 * How long a lease is held back, in ms: longer than a slow host takes to read what the others have read. The peer's
 * former mesh stands as long as our own lease is of it (change-over.ts), so this only delays that the status tells.
 */
const HOLD = 60_000;

export interface HoldingParts {
  /** Our backend. */
  readonly type: string;
  readonly clock: Clock;
  /** The backend of the lease that is planned for a peer now. */
  readonly typeOf: (id: string) => string | undefined;
  /** Takes what was held back long enough. */
  readonly release: (change: LeaseChange) => void;
}

export class HeldLeases {
  readonly #parts: HoldingParts;
  readonly #held = new Map<string, { readonly type: string; readonly cancel: () => void }>();

  constructor(parts: HoldingParts) {
    this.#parts = parts;
  }

  /** Those of the changes that count at once. A later one of the same peer replaces one that is held. */
  take(changes: readonly LeaseChange[]): LeaseChange[] {
    return changes.filter((change) => {
      this.#held.get(change.id)?.cancel();
      this.#held.delete(change.id);
      if (!this.#isAhead(change)) return true;
      this.#hold(change, change.lease.backendType);
      return false;
    });
  }

  /** The backend of the lease that is held back for a peer, if one is. */
  typeFor(id: string): string | undefined {
    return this.#held.get(id)?.type;
  }

  /** What is held is forgotten. */
  stop(): void {
    for (const { cancel } of this.#held.values()) cancel();
    this.#held.clear();
  }

  #isAhead(change: LeaseChange): change is LeaseChange & { readonly type: 'put' } {
    const { type, typeOf } = this.#parts;
    return change.type === 'put' && meshTypeOf(change.lease) !== type && typeOf(change.id) === type;
  }

  #hold(change: LeaseChange, type: string): void {
    const cancel = this.#parts.clock.after(HOLD, () => {
      this.#held.delete(change.id);
      this.#parts.release(change);
    });
    this.#held.set(change.id, { type, cancel });
  }
}
