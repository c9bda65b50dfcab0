/**
 * When the meshes of former backends go: each stands as long as a peer's lease names its backend, and a while longer, as
 * what is on its way still comes by it, and peers hear of our own lease late. A host that is dead has not changed over
 * before its lease ends.
 */
import type { Clock } from '../state/clock.ts';

/** How long a former mesh stands after its last peer has left it, and how long until it is told that it still has some, in ms. */
const GRACE = 10_000;

export interface ChangeOverParts {
  readonly clock: Clock;
  /** Backends given up whose meshes stand, and how many peers have not left each. */
  readonly formers: () => ReadonlyMap<string, number>;
  /** Its last peer has left it long enough ago. */
  readonly drop: (type: string) => void;
  /** The backends whose meshes have stood for a while, and have peers still; none when that is over. */
  readonly tell: (overdue: readonly string[]) => void;
}

export class ChangeOver {
  readonly #parts: ChangeOverParts;
  readonly #dropping = new Map<string, () => void>();
  #cancelTell: (() => void) | undefined;
  #isOverdue = false;

  constructor(parts: ChangeOverParts) {
    this.#parts = parts;
  }

  /** To be called when a mesh was given up, and when leases changed. */
  look(): void {
    const formers = this.#parts.formers();
    for (const [type, cancel] of this.#dropping)
      if (formers.get(type) !== 0) {
        cancel();
        this.#dropping.delete(type);
      }
    for (const [type, peers] of formers) if (peers === 0) this.#dropLater(type);
    const waiting = [...formers].flatMap(([type, peers]) => (peers > 0 ? type : []));
    if (waiting.length === 0) this.#endTelling();
    else if (this.#isOverdue) this.#parts.tell(waiting);
    else
      this.#cancelTell ??= this.#parts.clock.after(GRACE, () => {
        this.#isOverdue = true;
        this.look();
      });
  }

  /** Nothing is dropped any more; what stands, stays. */
  stop(): void {
    for (const cancel of this.#dropping.values()) cancel();
    this.#dropping.clear();
    this.#cancelTell?.();
  }

  #dropLater(type: string): void {
    if (this.#dropping.has(type)) return;
    const cancel = this.#parts.clock.after(GRACE, () => {
      this.#dropping.delete(type);
      this.#parts.drop(type);
    });
    this.#dropping.set(type, cancel);
  }

  #endTelling(): void {
    this.#cancelTell?.();
    this.#cancelTell = undefined;
    if (this.#isOverdue) this.#parts.tell([]);
    this.#isOverdue = false;
  }
}
