import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { address } from '../ip/address.ts';
import { socketAddress, type SocketAddress } from '../ip/socket-address.ts';
import type { LeaseChange } from '../subnet/leases.ts';
import { Discovery } from './discovery.ts';
import { Joiner } from './joiner.ts';

const at = (n: number): SocketAddress => socketAddress(address(`192.0.2.${n}`), 7946);

function lease(n: number): LeaseChange {
  const facts = { subnets: {}, publicAddresses: {}, backendType: 'vxlan', gossip: at(n) };
  return { type: 'put', id: `${n}`, lease: facts };
}

class Stage {
  readonly clock = new ManualClock();
  readonly discovery = new Discovery(() => 0.5);
  readonly attempts: (readonly SocketAddress[])[] = [];
  readonly joiner = new Joiner({
    discovery: this.discovery,
    own: () => at(1),
    clock: this.clock,
    random: () => 0.99,
    attempt: (places) => {
      this.attempts.push(places);
      return Promise.resolve();
    },
  });

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await setImmediate();
  }
}

test('with nobody to join it waits, and then joins the first lease at once', async () => {
  const stage = new Stage();
  stage.joiner.start();
  await stage.pass(60_000);
  expect(stage.attempts).toEqual([]);
  stage.discovery.leases([lease(1), lease(2)]);
  stage.joiner.wake();
  await stage.pass(0);
  expect(stage.attempts).toEqual([[at(2)]]);
});

test('of many three are tried at a time, ever others, until one answers', async () => {
  const stage = new Stage();
  stage.discovery.leases([2, 3, 4, 5, 6, 7].map(lease));
  stage.joiner.start();
  await stage.pass(0);
  await stage.pass(500);
  expect(stage.attempts.map((places) => places.length)).toEqual([3, 3]);
  expect(new Set(stage.attempts.flat())).toEqual(new Set([2, 3, 4, 5, 6, 7].map(at)));
  stage.discovery.member('n5', at(5));
  await stage.pass(60_000);
  await stage.pass(60_000);
  expect(stage.attempts).toHaveLength(2);
});

test('attempts become rarer', async () => {
  const stage = new Stage();
  stage.discovery.leases([lease(2)]);
  stage.joiner.start();
  for (let s = 0; s < 240; s++) await stage.pass(500);
  expect(stage.attempts.length).toBeGreaterThan(8);
  expect(stage.attempts.length).toBeLessThan(16);
});

test('left alone it begins again, with the first pause', async () => {
  const stage = new Stage();
  stage.discovery.leases([lease(2)]);
  stage.joiner.start();
  await stage.pass(0);
  stage.discovery.member('n2', at(2));
  await stage.pass(60_000);
  stage.discovery.member('n2', undefined);
  stage.joiner.wake();
  await stage.pass(0);
  expect(stage.attempts).toHaveLength(2);
});

test('seeds are what leases name and nobody alive has, without us', () => {
  const stage = new Stage();
  stage.discovery.leases([1, 3, 4, 5].map(lease));
  stage.discovery.member('n3', at(3));
  expect(new Set(stage.joiner.seeds())).toEqual(new Set([at(4), at(5)]));
});

test('stopped it does nothing more, and started again it begins anew', async () => {
  const stage = new Stage();
  stage.discovery.leases([lease(2)]);
  stage.joiner.start();
  await stage.pass(0);
  stage.joiner.stop();
  await stage.pass(60_000);
  expect(stage.attempts).toHaveLength(1);
  stage.joiner.start();
  await stage.pass(0);
  expect(stage.attempts).toHaveLength(2);
});
