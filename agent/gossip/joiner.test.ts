import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { address, parseAddress, type Address } from '../ip/address.ts';
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
  readonly discovery = new Discovery();
  readonly names = new Map<string, Address[]>();
  /** Those that take us in. */
  readonly up = new Set<SocketAddress>();
  readonly attempts: (readonly SocketAddress[])[] = [];
  readonly told: (string | undefined)[] = [];
  readonly joiner: Joiner;

  constructor(...join: string[]) {
    this.joiner = new Joiner({
      join,
      port: 7946,
      discovery: this.discovery,
      own: () => at(1),
      clock: this.clock,
      random: () => 1,
      resolve: (host) => this.#resolve(host),
      attempt: (places) => {
        this.attempts.push(places);
        const joined = places.filter((place) => this.up.has(place));
        const problems = places
          .filter((place) => !this.up.has(place))
          .map((place) => `${place}: refused`);
        return Promise.resolve({ count: joined.length, problems });
      },
      troubled: (why) => this.told.push(why),
    });
  }

  async #resolve(host: string): Promise<Address[]> {
    const parsed = parseAddress(host);
    const found = parsed === undefined ? this.names.get(host) : [parsed];
    if (found !== undefined) return await Promise.resolve(found);
    throw Object.assign(new Error('x'), { code: 'ENOTFOUND' });
  }

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
  stage.discovery.leases([lease(2)]);
  stage.joiner.wake();
  await stage.pass(0);
  expect(stage.attempts).toEqual([[at(2)]]);
});

test('of many leases three are tried at a time, ever others, until one answers', async () => {
  const stage = new Stage();
  stage.discovery.leases([2, 3, 4, 5, 6, 7].map(lease));
  stage.joiner.start();
  await stage.pass(0);
  await stage.pass(500);
  expect(new Set(stage.attempts.flat())).toEqual(new Set([2, 3, 4, 5, 6, 7].map(at)));
  stage.discovery.member('n5', at(5));
  await stage.pass(60_000);
  const tried = stage.attempts.length;
  await stage.pass(600_000);
  expect(stage.attempts).toHaveLength(tried);
});

test('attempts become rarer', async () => {
  const stage = new Stage('h2');
  stage.names.set('h2', [address('192.0.2.2')]);
  stage.joiner.start();
  for (let s = 0; s < 240; s++) await stage.pass(500);
  expect(stage.attempts.length).toBeGreaterThan(8);
  expect(stage.attempts.length).toBeLessThan(16);
});

test('what --join names is joined although others are there already', async () => {
  const stage = new Stage('h2:7946', '192.0.2.3');
  stage.names.set('h2', [address('192.0.2.2')]);
  stage.up.add(at(3));
  stage.discovery.member('n9', at(9));
  stage.joiner.start();
  await stage.pass(0);
  await stage.pass(60_000);
  expect(stage.attempts).toEqual([[at(3), at(2)].toSorted()]);
  expect(stage.told).toEqual([undefined]);
});

test('a name that is unknown, and a member that refuses, are told until one takes us in', async () => {
  const stage = new Stage('nobody', '192.0.2.2');
  stage.joiner.start();
  await stage.pass(0);
  expect(stage.told).toEqual(['nobody has no address (ENOTFOUND); 192.0.2.2:7946: refused']);
  stage.up.add(at(2));
  await stage.pass(1_000);
  expect(stage.told.at(-1)).toBeUndefined();
  await stage.pass(60_000);
  expect(stage.attempts).toHaveLength(2);
});

test('a list that names this host alone is done', async () => {
  const stage = new Stage('192.0.2.1');
  stage.joiner.start();
  await stage.pass(60_000);
  expect([stage.attempts, stage.told]).toEqual([[], [undefined]]);
});

test('seeds are what --join and leases name and nobody alive has, without us', async () => {
  const stage = new Stage('192.0.2.1', '192.0.2.2', '192.0.2.3');
  stage.up.add(at(2));
  stage.joiner.start();
  await stage.pass(0);
  stage.discovery.leases([lease(1), lease(3), lease(4), lease(5)]);
  stage.discovery.member('n3', at(3));
  stage.discovery.member('n5', at(5));
  expect(new Set(stage.joiner.seeds())).toEqual(new Set([at(2), at(4)]));
});

test('seeds follow what a name stands for', async () => {
  const stage = new Stage('h2');
  stage.names.set('h2', [address('192.0.2.2')]);
  stage.up.add(at(2));
  stage.joiner.start();
  await stage.pass(0);
  stage.names.set('h2', [address('192.0.2.7')]);
  await stage.pass(61_000);
  stage.joiner.seeds();
  await stage.pass(0);
  expect(stage.joiner.seeds()).toEqual([at(7)]);
});

test('stopped it does nothing more, and started again it begins anew', async () => {
  const stage = new Stage('192.0.2.2');
  stage.joiner.start();
  await stage.pass(0);
  stage.joiner.stop();
  await stage.pass(60_000);
  expect(stage.attempts).toHaveLength(1);
  stage.joiner.start();
  await stage.pass(0);
  expect(stage.attempts).toHaveLength(2);
});
