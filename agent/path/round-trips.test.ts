import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { address, type Address } from '../ip/address.ts';
import { RoundTrips } from './round-trips.ts';

function world(target: (id: string) => Address | undefined, answer: number | undefined = 7) {
  const clock = new ManualClock();
  const asked: { readonly at: number; readonly address: Address }[] = [];
  const ask = async (where: Address): Promise<number | undefined> => {
    asked.push({ at: clock.now(), address: where });
    return Promise.resolve(answer);
  };
  return { clock, asked, trips: new RoundTrips({ target, ask, clock }) };
}

test('each peer is asked soon, then every half minute', async () => {
  const { clock, asked, trips } = world(() => address('10.5.2.0'));
  trips.add('one');
  expect(trips.of('one')).toBeUndefined();
  clock.advance(65_000);
  await setImmediate();
  expect(asked.map(({ at }) => at)).toEqual([1_000, 31_000, 61_000]);
  expect(trips.of('one')).toBe(7);
  trips.remove('one');
  clock.advance(60_000);
  expect(asked).toHaveLength(3);
  expect(trips.of('one')).toBeUndefined();
});

test('one that cannot be asked yet is looked at again, and keeps what was known', async () => {
  let isThere = true;
  const { clock, asked, trips } = world(() => (isThere ? address('10.5.2.0') : undefined));
  trips.add('one');
  clock.advance(1_000);
  await setImmediate();
  isThere = false;
  clock.advance(50_000);
  expect([asked.length, trips.of('one')]).toEqual([1, 7]);
  isThere = true;
  clock.advance(5_000);
  expect(asked).toHaveLength(2);
});

test('of many each has its turn', () => {
  const asked = new Set<string>();
  const target = (id: string): undefined => void asked.add(id);
  const { clock, trips } = world(target);
  for (let n = 0; n < 1000; n++) trips.add(`peer ${n}`);
  clock.advance(51_000);
  expect(asked.size).toBe(1000);
});

test('no more are asked at once than twenty', () => {
  const { clock, asked, trips } = world(() => address('10.5.2.0'));
  for (let n = 0; n < 50; n++) trips.add(`peer ${n}`);
  clock.advance(1_000);
  expect(asked).toHaveLength(20);
  clock.advance(2_000);
  expect(asked).toHaveLength(50);
  trips.stop();
  clock.advance(60_000);
  expect(asked).toHaveLength(50);
});
