/** What happens when: a heap of events by time. Those of one time come in the order in which they were added. */

export abstract class Event {
  /** In virtual ms. */
  time = 0;
  order = 0;
  abstract fire(): void;
}

export class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;
  #now = 0;

  /** Time of the last event. */
  get now(): number {
    return this.#now;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(time: number, event: Event): void {
    event.time = Math.max(time, this.#now);
    event.order = this.#order++;
    let at = this.#heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#heap[parent] as Event;
      if (isBefore(above, event)) break;
      this.#heap[at] = above;
      at = parent;
    }
    this.#heap[at] = event;
  }

  /** Calls back once. */
  at(time: number, run: () => void): void {
    this.add(time, new Call(run));
  }

  /** Lets everything up to `time` happen, inclusive. */
  run(time: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.time <= time; next = this.#heap[0]) {
      this.#removeFirst();
      this.#now = next.time;
      next.fire();
    }
    this.#now = Math.max(this.#now, time);
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event))
        child++;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
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
