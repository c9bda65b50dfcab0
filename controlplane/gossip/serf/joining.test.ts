import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../effects.ts';
import type { JoinResult } from './face.ts';
import { joinAll } from './joining.ts';

function endpoints(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, i) => ({ addr: Uint8Array.of(10, 0, 0, i), port: i }));
}

describe('joinAll', () => {
  it('tries each once, eight at a time, stops when it is enough, and is done once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 40 }),
        fc.constantFrom(1, 3, Infinity),
        fc.infiniteStream(fc.nat({ max: 7 })),
        (works, enough, order) => {
          const pending: { to: Endpoint; done: (problem: string | undefined) => void }[] = [];
          const tried: Endpoint[] = [];
          const results: JoinResult[] = [];
          joinAll(endpoints(works.length), {
            enough,
            join(to, done) {
              tried.push(to);
              pending.push({ to, done });
            },
            done: (result) => results.push(result),
          });
          while (pending.length > 0) {
            expect(pending.length).toBeLessThanOrEqual(8);
            expect(results).toEqual([]);
            const at = (order.next().value ?? 0) % pending.length;
            const [{ to, done }] = pending.splice(at, 1) as [(typeof pending)[number]];
            done(works[to.port] === true ? undefined : 'refused');
          }
          expect(results).toHaveLength(1);
          const joined = tried.filter(({ port }) => works[port]).length;
          expect(results[0]?.joined).toBe(joined);
          expect(results[0]?.problems).toHaveLength(tried.length - joined);
          expect(new Set(tried).size).toBe(tried.length);
          if (joined < enough) expect(tried).toHaveLength(works.length);
        },
      ),
    );
  });

  it('takes answers that come at once', () => {
    const results: JoinResult[] = [];
    joinAll(endpoints(20), {
      enough: Infinity,
      join: (_, done) => done(undefined),
      done: (result) => results.push(result),
    });
    expect(results).toEqual([{ joined: 20, problems: [] }]);
  });
});
