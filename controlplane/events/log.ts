/** What happened, as far as it is remembered. */
import type { ClusterEvent } from '../api/cluster-model.ts';

/** The oldest go first. */
export const EVENT_LIMIT = 1000;

export class EventLog {
  readonly #events = new Map<string, ClusterEvent>();
  readonly #listeners = new Set<(event: ClusterEvent) => void>();

  /** One that is known already is not added again. */
  add(event: ClusterEvent): void {
    if (this.#events.has(event.id)) return;
    this.#events.set(event.id, event);
    if (this.#events.size > EVENT_LIMIT) {
      const [oldest = ''] = this.#events.keys();
      this.#events.delete(oldest);
    }
    for (const listener of this.#listeners) listener(event);
  }

  /** In the order in which they came; what happened before `since` is left out. */
  *list(since?: Date): Generator<ClusterEvent> {
    for (const event of this.#events.values())
      if (since === undefined || event.at >= since) yield event;
  }

  watch(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
