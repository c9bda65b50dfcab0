import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { address } from '../ip/address.ts';
import { socketAddress } from '../ip/socket-address.ts';
import type { UnderlayChoice } from '../underlay/choose.ts';
import { sayFarewell } from './farewell.ts';
import type { GossipMember, OpenOptions } from './member.ts';

const own = { 4: address('192.0.2.1') };
const CHOSEN: UnderlayChoice = {
  status: 'chosen',
  underlay: { link: 'eth0', mtu: 1500, addresses: own, publicAddresses: own, routes: [] },
};

function stage(choice: UnderlayChoice = CHOSEN) {
  const clock = new ManualClock();
  const closed: unknown[] = [];
  let opened: OpenOptions | undefined;
  const told = sayFarewell({
    config: { port: 7946, join: [] },
    underlay: { interfaces: [], interfacePatterns: [], publicAddresses: {} },
    name: 'h1',
    snapshotFile: '/snapshot',
    find: () => Promise.resolve(choice),
    open: (options) => {
      opened = options;
      const close = (how: unknown): Promise<void> => {
        closed.push(how);
        return Promise.resolve();
      };
      return { close } as unknown as GossipMember;
    },
    clock,
  });
  const see = (name: string, status: 'alive' | 'failed'): void => {
    const place = socketAddress(address('192.0.2.2'), 7946);
    const facts = { tags: {}, since: new Date(0), mine: name === 'h1' };
    opened?.changed({ type: 'present', member: { name, address: place, status, ...facts } });
  };
  return { clock, closed, told, see };
}

test('as soon as somebody is there, it leaves', async () => {
  const { closed, told, see } = stage();
  await turn();
  see('h1', 'alive');
  see('h2', 'failed');
  await turn();
  expect(closed).toEqual([]);
  see('h3', 'alive');
  expect([await told, closed]).toEqual([true, [{ leave: true }]]);
});

test('where nobody is, it goes without a word', async () => {
  const { clock, closed, told } = stage();
  await turn();
  clock.advance(5_000);
  expect([await told, closed]).toEqual([false, [{ leave: false }]]);
});

test('without an address nobody is told', async () => {
  const { told } = stage({ status: 'none', problem: 'no interface' });
  expect(await told).toBe(false);
});
