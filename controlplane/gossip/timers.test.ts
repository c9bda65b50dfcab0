import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STALL_GRACE, STALL_MIN, Timers } from './timers.ts';

describe('Timers', () => {
  it('runs in the order of time, and of setting where the time is one', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 200 }), { maxLength: 50 }), (delays) => {
        const timers = new Timers(1_000);
        const ran: number[] = [];
        for (const [index, delay] of delays.entries()) timers.after(delay, () => ran.push(index));
        while (timers.due < Infinity) timers.advance(timers.due);
        const wanted = [...delays.keys()].sort(
          (a, b) => (delays[a] as number) - (delays[b] as number),
        );
        expect(ran).toEqual(wanted);
      }),
    );
  });

  it('runs nothing before its time, nothing twice, and nothing cancelled', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ delay: fc.nat({ max: 2_000 }), cancelled: fc.boolean() })),
        fc.array(fc.integer({ min: 1, max: STALL_MIN - 1 }), { maxLength: 40 }),
        (entries, steps) => {
          const timers = new Timers(0);
          const ran = entries.map(() => 0);
          const set = entries.map(({ delay }, index) =>
            timers.after(delay, () => {
              ran[index] = (ran[index] ?? 0) + 1;
            }),
          );
          for (const [index, { cancelled }] of entries.entries())
            if (cancelled) set[index]?.cancel();
          let now = 0;
          timers.advance(now);
          for (const step of steps) {
            now += step;
            timers.advance(now);
          }
          const wanted = entries.map(({ delay, cancelled }) =>
            !cancelled && delay <= now ? 1 : 0,
          );
          expect(ran).toEqual(wanted);
        },
      ),
    );
  });

  it('takes what is set by a timer into the same run if it is due', () => {
    const timers = new Timers(0);
    const ran: string[] = [];
    timers.after(10, () => {
      ran.push('first');
      timers.after(0, () => ran.push('second'));
    });
    timers.advance(10);
    expect(ran).toEqual(['first', 'second']);
  });

  it('counts a small lateness as lateness', () => {
    const timers = new Timers(0);
    timers.after(100, () => {});
    timers.advance(100 + STALL_MIN - 1);
    expect(timers.now).toBe(100 + STALL_MIN - 1);
  });

  it('lets no time pass while it was stopped, and leaves some to read what has arrived', () => {
    const timers = new Timers(0);
    const slept: number[] = [];
    let ran = 0;
    timers.onWake((time) => slept.push(time));
    timers.after(100, () => ran++);
    timers.after(5_000, () => ran++);
    timers.advance(50);
    timers.advance(20_000);
    expect({ ran, now: timers.now }).toEqual({ ran: 0, now: 50 });
    expect(slept).toEqual([20_000 - 100 + STALL_GRACE]);
    expect(timers.due).toBe(20_000 + STALL_GRACE);
    timers.advance(timers.due);
    expect(ran).toBe(1);
    expect(timers.due - 20_000).toBe(STALL_GRACE + 4_900);
  });

  it('runs at the time that it names, also after stalls of fractions of a ms', () => {
    const fraction = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fraction, fraction, fraction, (start, slept, delay) => {
        const timers = new Timers(start);
        timers.after(0, () => {});
        timers.advance(start + STALL_MIN + slept);
        let ran = 0;
        timers.after(delay, () => ran++);
        while (timers.due < Infinity) {
          const { due } = timers;
          timers.advance(due);
          expect(timers.due).not.toBe(due);
        }
        expect(ran).toBe(1);
      }),
    );
  });

  it('never goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3_000 })), (steps) => {
        const timers = new Timers(0);
        const tick = (): void => void timers.after(250, tick);
        tick();
        let now = 0;
        let awake = 0;
        for (const step of steps) {
          now += step;
          timers.advance(now);
          expect(timers.now).toBeGreaterThanOrEqual(awake);
          expect(timers.now).toBeLessThanOrEqual(now);
          expect(timers.due).toBeGreaterThanOrEqual(now);
          awake = timers.now;
        }
      }),
    );
  });
});
