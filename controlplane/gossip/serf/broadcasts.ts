/** Serf's three queues: intents go before queries, and queries before events (specification §15). */
import { encodeMessage, PART_OVERHEAD } from '../codec/index.ts';
import { BroadcastQueue } from '../queue.ts';

export type Topic = 'intent' | 'query' | 'event';

/**
 * In the order of sending, with how often a message is sent for each time that memberlist would. Intents and events
 * come again with the next push/pull, but nothing heals a query that went past somebody, and with it a key.
 */
const TOPICS: readonly (readonly [Topic, number])[] = [
  ['intent', 1],
  ['query', 2],
  ['event', 1],
];
/** Messages of one queue; beyond, those sent most often are dropped. */
const LIMIT = 4_096;

export interface BroadcastsOptions {
  /** Transmissions of a message that goes `times` as often as memberlist would send it. */
  readonly transmissions: (times: number) => number;
  /** Bytes that a whole packet of gossip holds. */
  readonly room: () => number;
  /** Something new is queued. */
  readonly soon: () => void;
}

export class Broadcasts {
  readonly #queues: ReadonlyMap<Topic, BroadcastQueue>;
  readonly #options: BroadcastsOptions;

  constructor(options: BroadcastsOptions) {
    this.#options = options;
    this.#queues = new Map(
      TOPICS.map(([topic, times]) => [
        topic,
        new BroadcastQueue(() => options.transmissions(times)),
      ]),
    );
  }

  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.size;
    return size;
  }

  /**
   * `payload`: a Serf message, as it came if it is somebody else's. `done` when it was sent often enough. What fits
   * no packet stays here: nobody could send it, so it would wait in the queue for ever.
   */
  spread(topic: Topic, payload: Uint8Array, done?: () => void): void {
    const message = encodeMessage({ kind: 'user', payload });
    if (message.length + PART_OVERHEAD > this.#options.room()) return done?.();
    const queue = this.#queues.get(topic) as BroadcastQueue;
    queue.add(message, done === undefined ? {} : { done });
    queue.prune(LIMIT);
    this.#options.soon();
  }

  take(room: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let left = room;
    for (const queue of this.#queues.values()) {
      if (queue.size === 0) continue;
      const messages = queue.take(left);
      for (const { length } of messages) left -= length + PART_OVERHEAD;
      taken.push(...messages);
    }
    return taken;
  }
}
