import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { address } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import type { Lease } from '../state/facts.ts';
import { PeerFeed } from './peer-feed.ts';

function lease(subnet: string, host: number): Lease {
  return {
    subnets: { 4: prefix(subnet) },
    publicAddresses: { 4: address(`192.168.0.${host}`) },
    backendType: 'vxlan',
  };
}

/** Leases by key; key `own` is this host's. */
function world(clock = new ManualClock()) {
  const leases = new Map<string, Lease>();
  const told: string[] = [];
  const feed = new PeerFeed({
    clock,
    leases,
    isPeer: (key) => key !== 'own',
    tell: (changes) => told.push(...changes.map(({ type, id }) => `${type} ${id}`)),
    othersChanged: () => undefined,
    drained: () => told.push('synced'),
  });
  feed.start();
  const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
  const set = async (key: string, value: Lease | undefined): Promise<void> => {
    if (value === undefined) leases.delete(key);
    else leases.set(key, value);
    feed.mark([key]);
    await turn();
  };
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turn();
  };
  return { set, pass, told, feed };
}

test('a peer whose key is deleted and put back at once is never gone', async () => {
  const { set, pass, told } = world();
  await set('a', lease('10.5.1.0/24', 1));
  await set('a', undefined);
  await pass(200);
  await set('a', lease('10.5.1.0/24', 1));
  await pass(1000);
  expect(told).toEqual(['put a', 'synced', 'put a']);
});

test('a peer whose key stays away is gone soon after, once', async () => {
  const { set, pass, told, feed } = world();
  await set('a', lease('10.5.1.0/24', 1));
  await set('a', undefined);
  await set('a', undefined);
  expect(feed.told.has('a')).toBe(true);
  await pass(300);
  await pass(1000);
  expect(told).toEqual(['put a', 'synced', 'remove a']);
});

test.each(['b', 'own'])('its subnet under the key %s sends it away before', async (key) => {
  const { set, told } = world();
  await set('a', lease('10.5.1.0/24', 1));
  await set('a', undefined);
  await set(key, lease('10.5.0.0/16', 2));
  expect(told).toEqual(['put a', 'synced', 'remove a', ...(key === 'own' ? [] : ['put b'])]);
});

/** As Node's: a timer may fire a little before its time by the clock. */
class HastyClock extends ManualClock {
  override after(ms: number, callback: () => void): () => void {
    return super.after(ms - 1, callback);
  }
}

test('a peer is gone soon after also when timers fire early', async () => {
  const { set, pass, told } = world(new HastyClock());
  await set('a', lease('10.5.1.0/24', 1));
  await set('a', undefined);
  await pass(299);
  expect(told.at(-1)).toBe('remove a');
});

test('of very many only the first stay', async () => {
  const { set, told } = world();
  const keys = Array.from({ length: 101 }, (_, i) => `key ${i}`);
  for (const [i, key] of keys.entries()) await set(key, lease(`10.5.${i}.0/24`, 1));
  for (const key of keys) await set(key, undefined);
  expect(told.filter((line) => line.startsWith('remove'))).toEqual(['remove key 100']);
});
