import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../effects.ts';
import type { Random } from '../random.ts';
import type { Member, MemberState } from '../swim/index.ts';
import { Timers } from '../timers.ts';
import { endpointKey } from './addresses.ts';
import { SerfMembers } from './members.ts';
import { Reconnect, TRIES_LIMIT } from './reconnect.ts';
import { SERF } from './settings.ts';
import { pass, seeded, TEST_TIMEOUT } from './testing.ts';

/** How long a stream to where nobody answers takes, in ms. */
const STREAM_TIMEOUT = 10_000;

function endpoint(index: number): Endpoint {
  return { addr: Uint8Array.of(10, 0, index >> 8, index & 0xff), port: 7946 };
}

function node(index: number, state: MemberState = 'alive'): Member {
  const name = `n${index}`;
  const rest = { meta: new Uint8Array(0), vsn: new Uint8Array(6), incarnation: 1, since: 0 };
  return { name, ...endpoint(index), ...rest, state };
}

interface Side {
  readonly members: SerfMembers;
  readonly reconnect: Reconnect;
}

interface Model {
  readonly timers: Timers;
  /** Attempts so far, by endpointKey. */
  readonly tries: Map<string, number>;
  /** Attempts at the same time, at most, of one member. */
  most: number;
  /** What an attempt comes to. */
  reaches: (to: Endpoint) => boolean;
  reached: number;
}

function model(): Model {
  return { timers: new Timers(0), tries: new Map(), most: 0, reaches: () => false, reached: 0 };
}

/** A member that knows who is here, and has lost others. */
function side(model: Model, random: Random, here: number[], seeds: Endpoint[] = []): Side {
  const { timers } = model;
  const members = new SerfMembers({ timers, settings: SERF, changed: () => {} });
  for (const index of here) members.joined(node(index));
  let trying = 0;
  const reconnect = new Reconnect({
    settings: SERF,
    timers,
    random,
    members,
    seeds: () => seeds,
    join(to, done) {
      const key = endpointKey(to);
      model.tries.set(key, (model.tries.get(key) ?? 0) + 1);
      model.most = Math.max(model.most, ++trying);
      const reached = model.reaches(to);
      if (reached) model.reached++;
      timers.after(reached ? 1 : STREAM_TIMEOUT, () => {
        trying--;
        done();
      });
    },
  });
  reconnect.start();
  return { members, reconnect };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Two halves that have forgotten each other. */
function halves(model: Model, random: Random, sizes: [number, number]): void {
  const [a, b] = [range(0, sizes[0]), range(sizes[0], sizes[0] + sizes[1])];
  for (const [here, there] of [
    [a, b],
    [b, a],
  ] as const)
    for (const _ of here) {
      const { reconnect } = side(model, random, here);
      for (const index of there) reconnect.lose({ name: `n${index}`, ...endpoint(index) });
    }
}

describe('Reconnect', { timeout: TEST_TIMEOUT }, () => {
  it('makes one of two halves within a minute of the heal, however they are divided', () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(sizes, fc.integer(), (sizes, seed) => {
        const cut = model();
        halves(cut, seeded(seed), sizes);
        pass(cut.timers, 30_000);
        expect(cut.reached).toBe(0);
        cut.reaches = () => true;
        expect(pass(cut.timers, 60_000, () => cut.reached > 0)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it('tries each lost endpoint about once an interval from the whole side, however large that is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer(),
        (here, lost, seed) => {
          const cut = model();
          const random = seeded(seed);
          for (const _ of range(0, here)) {
            const { reconnect } = side(cut, random, range(0, here));
            for (const index of range(100, 100 + lost))
              reconnect.lose({ name: `n${index}`, ...endpoint(index) });
          }
          const intervals = 50;
          pass(cut.timers, intervals * SERF.reconnectInterval);
          const total = [...cut.tries.values()].reduce((sum, tries) => sum + tries, 0);
          expect(total).toBeLessThanOrEqual(1.3 * lost * intervals + 30);
          expect(total).toBeGreaterThanOrEqual(0.3 * Math.min(lost, here) * intervals - 30);
          expect(cut.most).toBeLessThanOrEqual(TRIES_LIMIT);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('tries failed members, lost ones and seeds, and nobody that is here or has left', () => {
    const cut = model();
    const seeds = [1, 2, 3, 4].map(endpoint);
    const { members, reconnect } = side(cut, seeded(1), [0, 1, 2, 5], seeds);
    members.left(node(2, 'left'));
    members.left(node(5, 'dead'));
    reconnect.lose({ name: 'n6', ...endpoint(6) });
    reconnect.lose({ name: 'n7', ...endpoint(7) });
    reconnect.settle('n7');
    pass(cut.timers, 300_000);
    expect([...cut.tries.keys()].sort()).toEqual([3, 4, 5, 6].map(endpoint).map(endpointKey));
  });

  it('takes a v4 address in 16 bytes for the same', () => {
    const cut = model();
    const { addr, port } = endpoint(0);
    const mapped = new Uint8Array([...Array.from({ length: 10 }, () => 0), 255, 255, ...addr]);
    side(cut, seeded(1), [0, 1], [{ addr: mapped, port }]);
    pass(cut.timers, 60_000);
    expect(cut.tries.size).toBe(0);
  });

  it('gives up on an endpoint after a week, and when it is stopped', () => {
    const cut = model();
    const { reconnect } = side(cut, seeded(1), [0]);
    reconnect.lose({ name: 'n1', ...endpoint(1) });
    pass(cut.timers, SERF.lostTimeout - SERF.reconnectInterval);
    const before = reconnect.tries;
    expect(before).toBeGreaterThan(1_000);
    pass(cut.timers, 10 * SERF.reconnectInterval);
    expect(reconnect.tries - before).toBeLessThanOrEqual(2);
    expect(reconnect.lost()).toEqual([]);
    reconnect.lose({ name: 'n2', ...endpoint(2) });
    reconnect.stop();
    const stopped = reconnect.tries;
    pass(cut.timers, 60_000);
    expect(reconnect.tries).toBe(stopped);
  });

  it('drops the longest lost at its bound', () => {
    const { reconnect } = side(model(), seeded(1), [0]);
    for (let i = 0; i <= 4_096; i++) reconnect.lose({ name: `n${i}`, ...endpoint(i) });
    const lost = reconnect.lost();
    expect([lost.length, lost[0]?.name]).toEqual([4_096, 'n1']);
  });
});
