/** A kernel in memory that obeys the same contract: links carry their dependents with them, silently. */
import type { Kernel, KernelEvent, Operation, Outcome } from '../../agent/state/kernel.ts';
import { keyOf, linkKey, linkOf, type Key, type Resource } from '../../agent/state/resource.ts';

export class SimulatedKernel implements Kernel {
  readonly entries = new Map<Key, Resource>();
  /** Somebody else's, in a place we may want. */
  readonly foreign = new Set<Key>();
  readonly log: Operation[] = [];
  dumps = 0;
  /** Consulted for each operation; true makes it fail. */
  failing: (operation: Operation) => boolean = () => false;
  #listener: (event: KernelEvent) => void = () => {};

  async *dump(): AsyncIterable<readonly Resource[]> {
    this.dumps++;
    for (const resource of Array.from(this.entries.values())) {
      await Promise.resolve();
      yield [resource];
    }
  }

  async apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const operation of operations) {
      await Promise.resolve();
      this.log.push(operation);
      outcomes.push(this.#carryOut(operation));
    }
    return outcomes;
  }

  watch(listener: (event: KernelEvent) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {}

  /** Somebody deletes an entry by hand; a link takes its dependents along, without a word about them. */
  removeByHand(key: Key): void {
    const resource = this.entries.get(key);
    if (resource === undefined) return;
    this.#remove(resource);
    this.#listener({ type: 'absent', key });
    if (resource.kind === 'link') this.#listener({ type: 'unknown', reason: `${key} was deleted` });
  }

  /** Somebody adds or changes an entry by hand. */
  putByHand(resource: Resource): void {
    const link = linkOf(resource);
    if (link !== undefined && !this.entries.has(linkKey(link))) return;
    this.entries.set(keyOf(resource), resource);
    this.#listener({ type: 'present', resource });
  }

  loseEvents(): void {
    this.#listener({ type: 'unknown', reason: 'events were lost' });
  }

  #carryOut(operation: Operation): Outcome {
    const resource = operation.desired ?? operation.actual;
    const key = keyOf(resource);
    if (this.failing(operation)) return { status: 'failed', code: 'EIO', message: 'made to fail' };
    if (this.foreign.has(key)) return { status: 'conflict', found: 'a foreign entry' };
    if (operation.desired === undefined) {
      this.#remove(resource);
      return { status: 'done' };
    }
    const link = linkOf(resource);
    if (link !== undefined && !this.entries.has(linkKey(link))) {
      return { status: 'failed', code: 'ENODEV', message: 'no such device' };
    }
    if (operation.action === 'change' && resource.kind === 'link') this.#remove(resource);
    this.entries.set(key, operation.desired);
    return { status: 'done' };
  }

  #remove(resource: Resource): void {
    this.entries.delete(keyOf(resource));
    if (resource.kind !== 'link') return;
    for (const [key, other] of this.entries) {
      if (linkOf(other) === resource.name) this.entries.delete(key);
    }
  }
}
