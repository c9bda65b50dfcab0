import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PART_OVERHEAD } from './codec/index.ts';
import { BroadcastQueue } from './queue.ts';

/** A message of so many bytes that is told apart by its first. */
function message(length: number, mark = 0): Uint8Array {
  return new Uint8Array(length).fill(mark);
}

const marks = (messages: readonly Uint8Array[]): (number | undefined)[] =>
  messages.map((bytes) => bytes[0]);

describe('BroadcastQueue', () => {
  it('sends what was sent least often first, of that the longest that fits, of equals the newest', () => {
    const queue = new BroadcastQueue(() => 3);
    queue.add(message(10, 1));
    queue.add(message(10, 2));
    queue.add(message(30, 3));
    queue.add(message(90, 4));
    expect(marks(queue.take(60))).toEqual([3, 2, 1]);
    expect(marks(queue.take(60))).toEqual([3, 2, 1]);
    queue.add(message(5, 5));
    expect(marks(queue.take(100))).toEqual([4, 5]);
    expect(marks(queue.take(60))).toEqual([5, 3, 2]);
  });

  it('forgets a message that a newer one of its name replaces, and says so', () => {
    const queue = new BroadcastQueue(() => 4);
    const done: string[] = [];
    queue.add(message(8, 1), { name: 'a', done: () => done.push('first') });
    queue.take(100);
    queue.add(message(9, 2), { name: 'a', done: () => done.push('second') });
    expect(done).toEqual(['first']);
    expect(marks(queue.take(100))).toEqual([2]);
    expect(queue.size).toBe(1);
  });

  it('drops what was sent most often first, of that the oldest', () => {
    const queue = new BroadcastQueue(() => 4);
    for (let mark = 1; mark <= 3; mark++) queue.add(message(8, mark));
    queue.take(1_000);
    queue.add(message(8, 4));
    queue.prune(2);
    expect(marks(queue.take(1_000))).toEqual([4, 3]);
  });

  it('sends each message as often as the limit says, fits the room, and calls back once', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            length: fc.integer({ min: 1, max: 400 }),
            name: fc.option(fc.nat({ max: 3 })),
          }),
          { maxLength: 30 },
        ),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 402, max: 1_400 }),
        (added, limit, room) => {
          const queue = new BroadcastQueue(() => limit);
          const done = added.map(() => 0);
          const sent = new Map<Uint8Array, number>();
          const messages = added.map(({ length, name }, index) => {
            const bytes = message(length, index);
            const named = name === null ? {} : { name: `${name}` };
            queue.add(bytes, { ...named, done: () => void (done[index] = (done[index] ?? 0) + 1) });
            return bytes;
          });
          while (queue.size > 0) {
            const taken = queue.take(room);
            const bytes = taken.reduce((sum, part) => sum + part.length + PART_OVERHEAD, 0);
            expect(bytes).toBeLessThanOrEqual(room);
            expect(taken.length).toBeGreaterThan(0);
            expect(new Set(taken).size).toBe(taken.length);
            for (const part of taken) sent.set(part, (sent.get(part) ?? 0) + 1);
          }
          expect(done).toEqual(added.map(() => 1));
          const last = new Map(added.map(({ name }, index) => [name ?? `only ${index}`, index]));
          const wanted = messages.filter(
            (_, index) => last.get(added[index]?.name ?? `only ${index}`) === index,
          );
          expect(new Map(wanted.map((bytes) => [bytes, limit]))).toEqual(sent);
        },
      ),
    );
  });
});
