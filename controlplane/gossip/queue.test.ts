import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PART_OVERHEAD } from './codec/index.ts';
import { BroadcastQueue } from './queue.ts';

const message = (length: number, mark = 0): Uint8Array => new Uint8Array(length).fill(mark);
const costOf = (messages: readonly Uint8Array[]): number =>
  messages.reduce((sum, { length }) => sum + length + PART_OVERHEAD, 0);

describe('the broadcast queue', () => {
  it('gives the longest that fits, of equals the newest', () => {
    const queue = new BroadcastQueue(() => 1);
    const [a, b, long, huge] = [message(10, 1), message(10, 2), message(20), message(100)];
    for (const each of [a, long, b, huge]) queue.add(each);
    expect(queue.take(50)).toEqual([long, b, a]);
    expect(queue.size).toBe(1);
  });

  it('gives what was sent least often first', () => {
    const queue = new BroadcastQueue(() => 3);
    const [first, second] = [message(20, 1), message(10, 2)];
    queue.add(first);
    expect(queue.take(22)).toEqual([first]);
    queue.add(second);
    expect(queue.take(22)).toEqual([second]);
    expect(queue.take(22)).toEqual([first]);
  });

  it('puts a message into a packet once only', () => {
    const queue = new BroadcastQueue(() => 3);
    queue.add(message(5));
    expect(queue.take(1000)).toHaveLength(1);
  });

  it('asks for the limit each time', () => {
    let limit = 5;
    const queue = new BroadcastQueue(() => limit);
    queue.add(message(5));
    queue.take(10);
    limit = 2;
    queue.take(10);
    expect(queue.size).toBe(0);
  });

  it('keeps nothing while the limit is 0, and tells so at once', () => {
    const queue = new BroadcastQueue(() => 0);
    let done = 0;
    queue.add(message(5), { done: () => done++ });
    expect([queue.size, done]).toEqual([0, 1]);
  });

  it('replaces by name, and tells the old one', () => {
    const queue = new BroadcastQueue(() => 9);
    const told: string[] = [];
    const fresh = message(7, 2);
    queue.add(message(5), { name: 'n', done: () => told.push('old') });
    queue.take(7);
    queue.add(fresh, { name: 'n', done: () => told.push('new') });
    expect(told).toEqual(['old']);
    expect(queue.take(100)).toEqual([fresh]);
  });

  it('may be added to while it tells', () => {
    const queue = new BroadcastQueue(() => 1);
    const again = message(3);
    queue.add(message(5), { name: 'n', done: () => queue.add(again, { name: 'n' }) });
    queue.take(100);
    expect(queue.take(100)).toEqual([again]);
  });

  it('drops those sent most often, and tells', () => {
    const queue = new BroadcastQueue(() => 9);
    let dropped = 0;
    const done = (): unknown => dropped++;
    queue.add(message(10), { done });
    queue.take(12);
    const fresh = message(10, 1);
    queue.add(fresh, { done });
    queue.prune(1);
    expect(dropped).toBe(1);
    expect(queue.take(12)).toEqual([fresh]);
  });

  it('sends each message as often as it must, in the order that a sorted list would', () => {
    const step = fc.oneof(
      fc.record({
        add: fc.integer({ min: 1, max: 30 }),
        name: fc.option(fc.constantFrom('a', 'b')),
      }),
      fc.record({ take: fc.integer({ min: 0, max: 80 }) }),
      fc.record({ prune: fc.integer({ min: 0, max: 10 }) }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (steps, limit) => {
          const queue = new BroadcastQueue(() => limit);
          const model = new Model(limit);
          let done = 0;
          for (const each of steps) {
            if ('add' in each) {
              const bytes = message(each.add, done);
              const name = each.name === null ? {} : { name: each.name };
              queue.add(bytes, { ...name, done: () => done++ });
              model.add(bytes, each.name);
            } else if ('take' in each) {
              const taken = queue.take(each.take);
              expect(costOf(taken)).toBeLessThanOrEqual(each.take);
              expect(taken).toEqual(model.take(each.take));
            } else {
              queue.prune(each.prune);
              model.prune(each.prune);
            }
            expect(queue.size).toBe(model.entries.length);
            expect(done).toBe(model.done);
          }
        },
      ),
    );
  });
});

interface Modelled {
  bytes: Uint8Array;
  name: string | null;
  sent: number;
  order: number;
}

/** The same as a plain list, sorted each time. */
class Model {
  entries: Modelled[] = [];
  done = 0;
  #order = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(bytes: Uint8Array, name: string | null): void {
    this.#keep((entry) => name === null || entry.name !== name);
    this.entries.push({ bytes, name, sent: 0, order: this.#order++ });
    this.entries.sort(compare);
  }

  take(room: number): Uint8Array[] {
    let left = room;
    const taken: Modelled[] = [];
    for (const entry of this.entries)
      if (entry.bytes.length + PART_OVERHEAD <= left) {
        left -= entry.bytes.length + PART_OVERHEAD;
        taken.push(entry);
      }
    for (const entry of taken) entry.sent++;
    this.#keep(({ sent }) => sent < this.#limit);
    this.entries.sort(compare);
    return taken.map(({ bytes }) => bytes);
  }

  prune(most: number): void {
    let index = 0;
    this.#keep(() => index++ < most);
  }

  #keep(passes: (entry: Modelled) => boolean): void {
    const before = this.entries.length;
    this.entries = this.entries.filter(passes);
    this.done += before - this.entries.length;
  }
}

function compare(a: Modelled, b: Modelled): number {
  return a.sent - b.sent || b.bytes.length - a.bytes.length || b.order - a.order;
}
