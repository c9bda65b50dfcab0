/** What happens when: a heap of events by time. Those of one time come in the order in which they were added. */

import { Heap } from '../../../controlplane/gossip/heap.ts';

export abstract class Event {
  /** In virtual ms. */
  time = 0;
  order = 0;
  abstract fire(): void;
}

export class EventQueue {
  readonly #heap = new Heap<Event>(isBefore);
  #order = 0;
  #now = 0;

  /** Time of the last event. */
  get now(): number {
    return this.#now;
  }

  get size(): number {
    return this.#heap.size;
  }

  add(time: number, event: Event): void {
    event.time = Math.max(time, this.#now);
    event.order = this.#order++;
    this.#heap.add(event);
  }

  /** Calls back once. */
  at(time: number, run: () => void): void {
    this.add(time, new Call(run));
  }

  /** Lets everything up to `time` happen, inclusive. */
  run(time: number): void {
    for (
      let next = this.#heap.first;
      next !== undefined && next.time <= time;
      next = this.#heap.first
    ) {
      this.#heap.removeFirst();
      this.#now = next.time;
      next.fire();
    }
    this.#now = Math.max(this.#now, time);
  }
}

class Call extends Event {
  readonly #run: () => void;

  constructor(run: () => void) {
    super();
    this.#run = run;
  }

  override fire(): void {
    this.#run();
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
