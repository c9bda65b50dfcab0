/**
 * For what the kernel's events tell only roughly ("something in this table changed"): reads it again,
 * compares with what is known, and tells the differences. One reading or writing at a time, so that what
 * we do ourselves is known before its events are looked at, and is not told as somebody else's.
 */
import type { KernelEvent, Operation, Outcome } from '../state/kernel.ts';
import { keyOf, same, type Key, type Resource } from '../state/resource.ts';

/** From a first event to reading, in ms: one change makes several events. */
const DEBOUNCE = 20;
/** At least this long between two readings, in ms: programs that rewrite rules all the time cost five readings a second. */
const PAUSE = 200;

export class Follower {
  readonly #read: () => Promise<readonly Resource[]>;
  readonly #now: () => number;
  #known = new Map<Key, Resource>();
  #queue: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #lastRead = -Infinity;
  #listener: ((event: KernelEvent) => void) | undefined;
  #closed = false;

  constructor(
    read: () => Promise<readonly Resource[]>,
    now: () => number = () => performance.now(),
  ) {
    this.#read = read;
    this.#now = now;
  }

  listen(listener: (event: KernelEvent) => void): void {
    this.#listener = listener;
  }

  /** What is there now. Rejects when it cannot be read. */
  dump(): Promise<readonly Resource[]> {
    return this.#exclusively(async () => {
      const resources = await this.#read();
      this.#known = byKey(resources);
      return resources;
    });
  }

  /** Lets `work` carry out the operations, and knows what was done from then on. */
  apply(
    operations: readonly Operation[],
    work: () => Promise<readonly Outcome[]>,
  ): Promise<readonly Outcome[]> {
    return this.#exclusively(async () => {
      const outcomes = await work();
      operations.forEach((operation, i) => {
        if (outcomes[i]?.status === 'done') this.#learn(operation);
      });
      return outcomes;
    });
  }

  /** Reads now, and tells the differences. Never rejects: what cannot be read is told as unknown. */
  refresh(): Promise<void> {
    return this.#exclusively(() => this.#compare());
  }

  /** Something may have changed: it is read soon. */
  touch(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const wait = Math.max(DEBOUNCE, this.#lastRead + PAUSE - this.#now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, wait);
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#queue;
  }

  async #compare(): Promise<void> {
    if (this.#closed) return;
    this.#lastRead = this.#now();
    let now: Map<Key, Resource>;
    try {
      now = byKey(await this.#read());
    } catch (cause) {
      this.#listener?.({ type: 'unknown', reason: messageOf(cause) });
      return;
    }
    const before = this.#known;
    this.#known = now;
    for (const key of before.keys()) {
      if (!now.has(key)) this.#listener?.({ type: 'absent', key });
    }
    for (const [key, resource] of now) {
      const old = before.get(key);
      if (old === undefined || !same(old, resource))
        this.#listener?.({ type: 'present', resource });
    }
  }

  #learn(operation: Operation): void {
    if (operation.desired === undefined) this.#known.delete(keyOf(operation.actual));
    else this.#known.set(keyOf(operation.desired), operation.desired);
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

function byKey(resources: readonly Resource[]): Map<Key, Resource> {
  return new Map(resources.map((resource) => [keyOf(resource), resource]));
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
