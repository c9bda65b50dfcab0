import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { SimulatedKernel } from '../../test/sim/kernel.ts';
import { address } from '../ip/address.ts';
import { mac } from '../ip/mac.ts';
import { prefix } from '../ip/prefix.ts';
import type { Operation, Outcome } from './kernel.ts';
import { Reconciler, type Drift, type Problem } from './reconciler.ts';
import { ROUTE_PROTOCOL, keyOf, linkKey, type Key, type Resource } from './resource.ts';

const link = (vni = 1, mtu = 1450): Resource => ({
  kind: 'link',
  type: 'vxlan',
  name: 'flannel.1',
  vni,
  local: address('192.168.77.1'),
  lower: 'eth0',
  port: 8472,
  mtu,
  mac: mac('02:00:00:00:00:01'),
  learning: false,
  gbp: false,
  proxy: false,
  up: true,
  alias: 'weft',
});
const peer = (host: number, last = host): Resource[] => [
  {
    kind: 'neighbour',
    link: 'flannel.1',
    address: address(`10.5.${host}.0`),
    mac: mac(`02:00:00:00:01:0${last}`),
  },
  {
    kind: 'fdb',
    link: 'flannel.1',
    mac: mac(`02:00:00:00:01:0${last}`),
    remote: address(`192.168.77.${last}`),
  },
  {
    kind: 'route',
    prefix: prefix(`10.5.${host}.0/24`),
    metric: 0,
    type: 'unicast',
    link: 'flannel.1',
    gateway: address(`10.5.${host}.0`),
    onlink: true,
    protocol: ROUTE_PROTOCOL,
  },
];
const host = (vni?: number, mtu?: number): Resource[] => [
  link(vni, mtu),
  { kind: 'address', link: 'flannel.1', address: address('10.5.1.0'), length: 32 },
];

function world() {
  const kernel = new SimulatedKernel();
  const clock = new ManualClock();
  const repaired: Key[] = [];
  const problems: Problem[] = [];
  const report = {
    applied: ({ desired, actual }: Operation, _: Outcome, drift: Drift | undefined) => {
      if (drift !== undefined) repaired.push(keyOf(desired ?? actual));
    },
    settled: () => {},
    problem: (problem: Problem) => void problems.push(problem),
    solved: () => {},
    resync: () => {},
  };
  const reconciler = new Reconciler({ kernel, clock, random: () => 0.5, report });
  return { kernel, clock, reconciler, repaired, problems };
}

const sorted = (resources: Iterable<Resource>) =>
  [...resources].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

test('a start programs everything, the link first and each route last', async () => {
  const { kernel, reconciler } = world();
  reconciler.set('host', host());
  reconciler.set('peer 2', peer(2));
  reconciler.start();
  await reconciler.settled();
  expect(kernel.log.map(({ desired }) => desired?.kind)).toEqual([
    'link',
    'address',
    'neighbour',
    'fdb',
    'route',
  ]);
});

test('a start beside a kernel that is right writes nothing; one beside leftovers sweeps them', async () => {
  const { kernel, reconciler } = world();
  for (const resource of [...host(), ...peer(2), ...peer(3)])
    kernel.entries.set(keyOf(resource), resource);
  reconciler.set('host', host());
  reconciler.set('peer 2', peer(2));
  expect((await reconciler.plan()).map(({ action }) => action)).toEqual([
    'remove',
    'remove',
    'remove',
  ]);
  reconciler.start();
  await reconciler.settled();
  expect(kernel.log.map(({ action, actual }) => `${action} ${actual?.kind}`)).toEqual([
    'remove route',
    'remove fdb',
    'remove neighbour',
  ]);
});

test('a peer that moves is reached at its new place before the old entry goes', async () => {
  const { kernel, reconciler } = world();
  reconciler.set('host', host());
  reconciler.set('peer 2', peer(2));
  reconciler.start();
  await reconciler.settled();
  kernel.log.length = 0;
  reconciler.set('peer 2', peer(2, 5));
  await reconciler.settled();
  expect(
    kernel.log.map(({ action, desired, actual }) => `${action} ${(desired ?? actual)?.kind}`),
  ).toEqual(['change neighbour', 'create fdb', 'remove fdb']);
});

test('a deleted link comes back with everything that hung on it, told as repairs', async () => {
  const { kernel, reconciler, repaired } = world();
  reconciler.set('host', host());
  reconciler.set('peer 2', peer(2));
  reconciler.start();
  await reconciler.settled();
  kernel.removeByHand(linkKey('flannel.1'));
  await reconciler.settled();
  expect(sorted(kernel.entries.values())).toEqual(sorted([...host(), ...peer(2)]));
  expect(repaired).toContain(linkKey('flannel.1'));
  expect(repaired).toContain(keyOf(peer(2)[2] as Resource));
});

test('what another program undoes without end is retried ever more seldom, and reported', async () => {
  const { kernel, clock, reconciler, problems } = world();
  reconciler.set('host', host());
  reconciler.start();
  await reconciler.settled();
  kernel.log.length = 0;
  for (let round = 0; round < 100; round++) {
    kernel.removeByHand(keyOf(host()[1] as Resource));
    await reconciler.settled();
    clock.advance(100);
    await reconciler.settled();
  }
  expect(kernel.log.length).toBeLessThan(20);
  expect(problems.map(({ code }) => code)).toContain('CONTESTED_BY_ANOTHER_PROGRAM');
});

test('a foreign entry in our place is reported and left, and its place is taken once it goes', async () => {
  const { kernel, clock, reconciler } = world();
  const key = keyOf(peer(2)[2] as Resource);
  kernel.foreign.add(key);
  reconciler.set('host', host());
  reconciler.set('peer 2', peer(2));
  reconciler.start();
  await reconciler.settled();
  expect(reconciler.problems().map(({ code }) => code)).toEqual(['CONFLICT']);
  kernel.foreign.delete(key);
  clock.advance(31_000);
  await reconciler.settled();
  expect(reconciler.problems()).toEqual([]);
  expect(kernel.entries.has(key)).toBe(true);
});

const arbStep = fc.oneof(
  fc.record({
    do: fc.constant('set' as const),
    host: fc.integer({ min: 2, max: 5 }),
    last: fc.integer({ min: 2, max: 6 }),
  }),
  fc.record({ do: fc.constant('unset' as const), host: fc.integer({ min: 2, max: 5 }) }),
  fc.record({
    do: fc.constant('device' as const),
    vni: fc.integer({ min: 1, max: 2 }),
    mtu: fc.integer({ min: 1400, max: 1402 }),
  }),
  fc.record({ do: fc.constant('delete' as const), nth: fc.nat(20) }),
  fc.record({
    do: fc.constant('put' as const),
    host: fc.integer({ min: 2, max: 7 }),
    last: fc.integer({ min: 2, max: 6 }),
  }),
  fc.record({ do: fc.constant('lose' as const), nth: fc.nat(20) }),
  fc.record({ do: fc.constant('settle' as const), ms: fc.nat(2000) }),
);

test('whatever is wished, deleted, changed, lost or made to fail: in the end the kernel is as desired', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(arbStep, { maxLength: 40 }),
      fc.array(fc.boolean()),
      async (steps, failures) => {
        const { kernel, clock, reconciler } = world();
        let operation = 0;
        kernel.failing = () => failures[operation++] === true;
        const wish = new Map<string, Resource[]>([['host', host()]]);
        const set = (slice: string, resources: Resource[]): void => {
          wish.set(slice, resources);
          reconciler.set(slice, resources);
        };
        set('host', host());
        reconciler.start();
        for (const step of steps) {
          const nth = 'nth' in step ? [...kernel.entries.keys()][step.nth] : undefined;
          if (step.do === 'set') set(`peer ${step.host}`, peer(step.host, step.last));
          else if (step.do === 'unset') set(`peer ${step.host}`, []);
          else if (step.do === 'device') set('host', host(step.vni, step.mtu));
          else if (step.do === 'put') kernel.putByHand(peer(step.host, step.last)[0] as Resource);
          else if (step.do === 'lose' && nth !== undefined) {
            kernel.entries.delete(nth);
            kernel.loseEvents();
          } else if (step.do === 'delete' && nth !== undefined) kernel.removeByHand(nth);
          else if (step.do === 'settle') {
            await reconciler.settled();
            clock.advance(step.ms);
          }
        }
        kernel.failing = () => false;
        for (let i = 0; i < 5; i++) {
          await reconciler.settled();
          clock.advance(120_000);
        }
        await reconciler.settled();
        const held = new Map(
          sorted([...wish.values()].flat()).map((resource) => [keyOf(resource), resource]),
        );
        expect([...kernel.entries.keys()].toSorted()).toEqual([...held.keys()]);
        expect(sorted(kernel.entries.values())).toEqual(sorted(reconciler.desired()));
        expect(reconciler.problems().filter(({ code }) => code !== 'CLAIMED_TWICE')).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

test('whoever waits for some keys is told when these were tried, and what is wrong with them', async () => {
  const { kernel, reconciler } = world();
  kernel.failing = ({ desired }) => desired?.kind === 'route';
  const keys = [...host(), ...peer(2)].map(keyOf);
  // Nothing is tried before a start, and nobody kept waiting.
  reconciler.set('host', host());
  expect(await reconciler.tried(keys)).toEqual([]);
  reconciler.set('peer 2', peer(2));
  reconciler.start();
  expect(await reconciler.tried(host().map(keyOf))).toEqual([]);
  expect(await reconciler.tried(keys)).toMatchObject([{ code: 'EIO' }]);
  expect(kernel.entries.has(linkKey('flannel.1'))).toBe(true);
  await reconciler.stop();
  expect(await reconciler.tried([linkKey('other')])).toEqual([]);
});
