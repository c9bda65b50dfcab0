import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import { Paths, type SendOutcome } from './paths.ts';

const place = (n: number): SocketAddress => `192.0.2.${n}:7946` as SocketAddress;

/** Peers that answer what their path carries, 1 ms later. */
function world(carries: (to: SocketAddress) => number) {
  const clock = new ManualClock();
  const found: (readonly [id: string, mtu: number | undefined])[] = [];
  const sent: { readonly at: number; readonly to: SocketAddress; readonly number: number }[] = [];
  let seed = 1;
  const send = (to: SocketAddress, size: number, number: number): SendOutcome => {
    sent.push({ at: clock.now(), to, number });
    if (size <= carries(to)) clock.after(1, () => void paths.answered(number));
    return 'sent';
  };
  const paths: Paths = new Paths({
    send,
    found: (id, mtu) => found.push([id, mtu]),
    clock,
    // A linear congruential generator (POSIX rand).
    random: () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32,
  });
  return { clock, found, sent, paths };
}

test('nothing is sent before the underlay is known; only smaller paths are told', () => {
  const { clock, found, sent, paths } = world((to) => (to === place(1) ? 1400 : 1500));
  paths.set('one', place(1));
  paths.set('two', place(2));
  clock.advance(10_000);
  expect(sent).toEqual([]);
  paths.setMost(1500);
  clock.advance(5_000);
  expect(found).toEqual([['one', 1400]]);
  expect(paths.of('one')).toEqual({ mtu: 1400, roundTripMs: 1, isSilent: false });
  expect(paths.of('two')).toEqual({ mtu: 1500, roundTripMs: 1, isSilent: false });
});

test('a path that grows again, or whose peer goes, is taken back', () => {
  const sizes = { now: 1400 };
  const { clock, found, paths } = world(() => sizes.now);
  paths.setMost(1500);
  paths.set('one', place(1));
  paths.set('two', place(2));
  clock.advance(5_000);
  paths.set('two', undefined);
  sizes.now = 1500;
  clock.advance(12_000);
  expect(found).toEqual([
    ['one', 1400],
    ['two', 1400],
    ['two', undefined],
    ['one', undefined],
  ]);
  expect(paths.of('two')).toBeUndefined();
});

test('a peer elsewhere is looked at anew, what was found stays until then', () => {
  const { clock, found, paths } = world((to) => (to === place(1) ? 1400 : 1500));
  paths.setMost(1500);
  paths.set('one', place(1));
  clock.advance(5_000);
  paths.set('one', place(2));
  expect(found).toEqual([['one', 1400]]);
  clock.advance(5_000);
  expect(found).toEqual([
    ['one', 1400],
    ['one', undefined],
  ]);
});

test('a link with another MTU is looked at anew', () => {
  const { clock, found, paths } = world(() => 8000);
  paths.setMost(1500);
  paths.set('one', place(1));
  clock.advance(5_000);
  paths.setMost(9000);
  clock.advance(5_000);
  expect(found).toEqual([['one', 8000]]);
});

test('many peers, all of them behind a small path at once, are asked no faster than the measure', () => {
  const { clock, sent, paths } = world(() => 1400);
  paths.setMost(1500);
  const peers = Array.from({ length: 100 }, (_, n) => `peer ${n}`);
  for (const [n, id] of peers.entries())
    paths.set(id, `192.0.${n >> 8}.${n & 255}:7946` as SocketAddress);
  clock.advance(2_000);
  // A burst, what came since, and the one round that may go beyond.
  expect(sent.length).toBeLessThanOrEqual(200 + 2 * 500 + 13);
  clock.advance(20_000);
  expect(peers.filter((id) => paths.of(id)?.mtu !== 1400)).toEqual([]);
  const before = sent.length;
  clock.advance(30_000);
  // Each confirms what it knows, and asks whether there is more, every six seconds.
  expect(sent.length - before).toBeLessThan(100 * 2 * 6);
});

test('an answer that nobody asked for is none', () => {
  const { clock, sent, paths } = world(() => 0);
  paths.setMost(1500);
  paths.set('one', place(1));
  clock.advance(0);
  const number = sent[0]!.number;
  expect(paths.answered(number + 1)).toBe(false);
  expect(paths.answered(number)).toBe(true);
  expect(paths.answered(number)).toBe(false);
  paths.stop();
  clock.advance(60_000);
  expect(sent).toHaveLength(1);
});

test('an answer to a probe of a former search says nothing of the present path', () => {
  const { clock, found, sent, paths } = world((to) => (to === place(1) ? 0 : 1400));
  paths.setMost(1500);
  paths.set('one', place(1));
  clock.advance(0);
  const [whole] = sent;
  paths.set('one', place(2));
  clock.advance(0);
  expect(paths.answered(whole!.number)).toBe(false);
  expect(paths.of('one')).toEqual({ mtu: undefined, roundTripMs: undefined, isSilent: false });
  clock.advance(5_000);
  expect(found).toEqual([['one', 1400]]);
});
