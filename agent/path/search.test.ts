import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PathSearch } from './search.ts';

const PERIOD = 6_000;
const LEAST = 576;

/** A path, and a search on it, in time that a test moves. */
class World {
  now = 0;
  sent = 0;
  /** The largest that passes; 0: nothing does. */
  carries: number;
  /** In ms, there and back. */
  roundTrip = 10;
  /** Whether the next packet is lost whatever its size. */
  isLost: () => boolean = () => false;
  readonly search: PathSearch;
  readonly #answers: { readonly at: number; readonly size: number }[] = [];

  constructor(carries: number, most = 1500) {
    this.carries = carries;
    this.search = new PathSearch({ least: LEAST, most, period: () => PERIOD }, 0);
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const answer = this.#answers.toSorted((a, b) => a.at - b.at)[0];
      const next = Math.min(this.search.due, answer?.at ?? Infinity);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (answer !== undefined && answer.at <= this.search.due) {
        this.#answers.splice(this.#answers.indexOf(answer), 1);
        this.search.answered(answer.size, this.now);
      } else this.#send(this.search.next(this.now));
    }
    this.now = end;
  }

  #send(sizes: readonly number[]): void {
    this.sent += sizes.length;
    for (const size of sizes)
      if (size <= this.carries && !this.isLost())
        this.#answers.push({ at: this.now + this.roundTrip, size });
  }
}

test('a path that carries what the link does costs one packet, and one a period', () => {
  const world = new World(1500);
  world.run(100);
  expect([world.search.found, world.sent]).toEqual([1500, 1]);
  world.run(10 * PERIOD);
  expect([world.search.found, world.sent]).toEqual([1500, 11]);
});

const sizes = fc.integer({ min: LEAST, max: 9000 });

test('whatever the path carries is found, within seconds', () => {
  fc.assert(
    fc.property(sizes, sizes, fc.integer({ min: 0, max: 300 }), (one, other, roundTrip) => {
      const [carries, most] = [Math.min(one, other), Math.max(one, other)];
      const world = new World(carries, most);
      world.roundTrip = roundTrip;
      world.run(15_000);
      expect(world.search.found).toBe(carries);
      expect(world.search.isSilent).toBe(false);
    }),
  );
});

test('on a quick path four seconds are enough', () => {
  fc.assert(
    fc.property(sizes, sizes, (one, other) => {
      const world = new World(Math.min(one, other), Math.max(one, other));
      world.run(4_000);
      expect(world.search.found).toBe(world.carries);
    }),
  );
});

test('a change is found within a period and four seconds, be it for less or for more', () => {
  fc.assert(
    fc.property(fc.array(sizes, { minLength: 2, maxLength: 6 }), fc.nat(PERIOD), (path, pause) => {
      const world = new World(path[0]!, 9000);
      for (const carries of path) {
        world.carries = carries;
        world.run(PERIOD + 5_000);
        expect(world.search.found).toBe(carries);
        world.run(pause);
      }
    }),
  );
});

test('at rest there are a few packets a minute', () => {
  fc.assert(
    fc.property(sizes, (carries) => {
      const world = new World(carries, 9000);
      world.run(15_000);
      const before = world.sent;
      world.run(60_000);
      expect(world.sent - before).toBeLessThanOrEqual(22);
      expect(world.search.found).toBe(carries);
    }),
  );
});

test('lost packets do not mislead for long', () => {
  const chances = fc.integer({ min: 0, max: 2 ** 31 });
  fc.assert(
    fc.property(sizes, chances, (carries, seed) => {
      let state = seed;
      // Of a linear congruential generator (POSIX rand): a tenth is lost.
      const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0);
      const world = new World(carries, 9000);
      world.isLost = () => next() / 2 ** 32 < 0.1;
      world.run(60_000);
      world.isLost = () => false;
      world.run(2 * PERIOD + 10_000);
      expect(world.search.found).toBe(carries);
    }),
  );
});

test('who answers nothing is called seldom, what was found stays, and its return is noticed', () => {
  fc.assert(
    fc.property(sizes, sizes, (carries, later) => {
      const world = new World(carries, 9000);
      world.run(15_000);
      world.carries = 0;
      world.run(10 * 60_000);
      expect(world.search.isSilent).toBe(true);
      expect(world.search.found).toBe(carries);
      const before = world.sent;
      world.run(10 * 60_000);
      expect(world.sent - before).toBeLessThanOrEqual(3 * 13);
      world.carries = later;
      world.run(8 * PERIOD + 10_000);
      expect([world.search.isSilent, world.search.found]).toEqual([false, later]);
    }),
  );
});

test('one that never answered has no result', () => {
  const world = new World(0);
  world.run(60_000);
  expect([world.search.isSilent, world.search.found]).toEqual([true, undefined]);
});

test('what this host’s own link refuses is not asked about again', () => {
  const search = new PathSearch({ least: LEAST, most: 1500, period: () => PERIOD }, 0);
  const asked: number[] = [];
  while (search.found === undefined && search.due < 1000) {
    const now = search.due;
    for (const size of search.next(now)) {
      asked.push(size);
      if (size > 1400) search.refused(size, now);
      else search.answered(size, now);
    }
  }
  expect(search.found).toBe(1400);
  expect(asked).toEqual([...new Set(asked)]);
});
