import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { EtcdError } from '../etcd/errors.ts';
import { DEFAULT_POOLS } from '../ip/pool.ts';
import { overlaps, prefix } from '../ip/prefix.ts';
import type { NetworkDefinition } from './definition.ts';
import { Networks, type NetworkRequest, type NetworksParts, type RouteReport } from './networks.ts';
import type { NetworkBatch, NetworkEntry, NetworkEvent, NetworkRegistry } from './registry.ts';
import type { NetworkChange } from './table.ts';

/** Networks in an etcd in memory; every call takes some turns of the event loop, as `delays` says. */
class SimulatedNetworks {
  readonly entries = new Map<string, NetworkEntry>();
  readonly holders: string[] = [];
  readonly #history: { revision: number; event: NetworkEvent }[] = [];
  #revision = 1;
  #wake: (() => void)[] = [];

  write(event: (revision: number) => NetworkEvent): void {
    const revision = ++this.#revision;
    const told = event(revision);
    if (told.type === 'put') this.entries.set(told.entry.name, told.entry);
    else this.entries.delete(told.name);
    this.#history.push({ revision, event: told });
    for (const wake of this.#wake.splice(0)) wake();
  }

  registry(host: Host): NetworkRegistry {
    const turn = async (): Promise<void> => {
      for (let i = host.delay(); i > 0; i--) await setImmediate();
      if (host.isCut) throw new EtcdError('ETCD_UNREACHABLE', 'etcd does not answer');
    };
    const lost = (isDone: boolean): boolean => {
      if (host.losesAnswers) throw new EtcdError('ETCD_UNREACHABLE', 'the answer was lost');
      return isDone;
    };
    return {
      list: async () => {
        await turn();
        return { revision: this.#revision, entries: [...this.entries.values()] };
      },
      watch: (from, signal) => this.#watch(from, signal),
      create: async (name, text, since) => {
        await turn();
        const isStale = [...this.entries.values()].some(({ modRevision }) => modRevision > since);
        if (isStale || this.entries.has(name)) return false;
        this.write((revision) => ({
          type: 'put',
          entry: { name, text, createRevision: revision, modRevision: revision },
        }));
        return lost(true);
      },
      holders: async () => {
        await turn();
        return { revision: this.#revision, values: this.holders };
      },
      remove: async ({ name }, modRevision) => {
        await turn();
        if (this.entries.get(name)?.modRevision !== modRevision || this.holders.length > 0)
          return false;
        this.write((revision) => ({ type: 'delete', name, revision }));
        return lost(true);
      },
    };
  }

  async *#watch(from: number, signal: AbortSignal): AsyncGenerator<NetworkBatch> {
    let revision = from - 1;
    signal.addEventListener('abort', () => this.#wake.splice(0).forEach((wake) => wake()));
    while (!signal.aborted) {
      const events = this.#history.filter((each) => each.revision > revision);
      revision = this.#revision;
      yield { revision, events: events.map(({ event }) => event) };
      if (revision === this.#revision && !signal.aborted)
        await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}

interface Host {
  delay: () => number;
  isCut: boolean;
  losesAnswers: boolean;
}

const running: Networks[] = [];
afterEach(async () => {
  for (const networks of running.splice(0)) await networks.stop();
});

function hostOn(etcd: SimulatedNetworks, parts: Partial<NetworksParts> = {}) {
  const host: Host = { delay: () => 1, isCut: false, losesAnswers: false };
  let kept: readonly NetworkDefinition[] = [];
  const store = { load: () => kept, save: (all: Iterable<NetworkDefinition>) => (kept = [...all]) };
  const start = (): Networks => {
    const networks = new Networks({
      registry: etcd.registry(host),
      store,
      pools: DEFAULT_POOLS,
      neighbourhood: () => ({ leased: [], meshVnis: [1] }),
      routesOver: async () => ({ routes: [], silent: [], isCut: false }),
      endpointsIn: () => [],
      holdersIn: (values) => values,
      // Pauses last as long as a turn of the event loop.
      clock: {
        now: () => 0,
        after: (_, done) => {
          const timer = setTimeout(done);
          return () => clearTimeout(timer);
        },
      },
      random: () => 0.5,
      now: () => new Date('2026-11-28T10:00:00Z'),
      log: { warn: () => {} },
      troubled: () => {},
      ...parts,
    });
    networks.start();
    running.push(networks);
    return networks;
  };
  return { host, start };
}

let ids = 0;
function request(name: string, subnets: NetworkRequest['subnets'] = { 4: 'pool' }): NetworkRequest {
  const id = (++ids).toString(16).padStart(16, '0');
  const flags = { internal: false, encrypted: false, multicast: false };
  return { id, name, subnets, ...flags, mtu: undefined, dnsTtl: undefined, labels: new Map() };
}

test('hosts that create at once get different VNIs and subnets, and each host knows them all', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3), { minLength: 1, maxLength: 64 }),
      fc.integer({ min: 2, max: 10 }),
      async (delays, count) => {
        const etcd = new SimulatedNetworks();
        let at = 0;
        const hosts = Array.from({ length: 3 }, () => {
          const { host, start } = hostOn(etcd);
          host.delay = () => delays[at++ % delays.length] ?? 0;
          return start();
        });
        const wishes = Array.from({ length: count }, (_, i) => request(`n${i}`));
        const made = await Promise.all(
          wishes.map(async (wish, i) => await hosts[i % 3]?.create(wish)),
        );
        expect(new Set(made.map((each) => each?.definition.vni)).size).toBe(count);
        const subnets = made.map((each) => each?.definition.subnets[4]?.subnet ?? prefix('::/0'));
        for (const one of subnets)
          expect(subnets.filter((other) => overlaps(one, other))).toHaveLength(1);
        for (let turns = 0; turns < 10; turns++) await setImmediate();
        for (const host of hosts) expect([...host.list()]).toHaveLength(count);
        for (const networks of running.splice(0)) await networks.stop();
      },
    ),
    { numRuns: 30 },
  );
});

test('the same again is the same; another of the name is refused, as is what overlaps', async () => {
  const etcd = new SimulatedNetworks();
  const networks = hostOn(etcd).start();
  const blue = request('blue', { 4: { subnet: prefix('10.1.0.0/16') } });
  const { definition } = await networks.create(blue);
  expect(definition).toMatchObject({ vni: 4096, subnets: { 4: { gateway: '10.1.0.1' } } });
  expect((await networks.create(blue)).definition).toEqual(definition);
  await expect(networks.create(request('blue'))).rejects.toMatchObject({ problem: 'exists' });
  const inside = request('red', { 4: { subnet: prefix('10.1.5.0/24') } });
  await expect(networks.create(inside)).rejects.toMatchObject({
    problem: 'overlap',
    message: 'the subnet 10.1.5.0/24 overlaps the network blue (10.1.0.0/16)',
  });
  expect(etcd.entries.size).toBe(1);
});

test('what hosts and leases have is neither taken from a pool nor given when asked for', async () => {
  const leased = [
    { prefix: prefix('172.17.0.0/16'), what: 'the leased range of every host (172.17.0.0/16)' },
  ];
  const route = { prefix: prefix('172.18.5.0/24'), what: 'the route 172.18.5.0/24 of host h2' };
  const networks = hostOn(new SimulatedNetworks(), {
    neighbourhood: () => ({ leased, meshVnis: [4096] }),
    routesOver: async (): Promise<RouteReport> => ({
      routes: [route],
      silent: ['h3'],
      isCut: false,
    }),
  }).start();
  const { definition, silent } = await networks.create(request('blue'));
  expect(definition).toMatchObject({ vni: 4097, subnets: { 4: { subnet: '172.19.0.0/16' } } });
  expect(silent).toEqual(['h3']);
  const asked = networks.create(request('red', { 4: { subnet: prefix('172.18.0.0/16') } }));
  await expect(asked).rejects.toThrow('overlaps the route 172.18.5.0/24 of host h2');
});

test('candidates of a pool are asked about by themselves where hosts have more routes than they can say', async () => {
  const all = [17, 18, 19].map((n) => ({ prefix: prefix(`172.${n}.0.0/16`), what: `route ${n}` }));
  const networks = hostOn(new SimulatedNetworks(), {
    routesOver: async (prefixes) => {
      const routes = all.filter((each) => prefixes.some((one) => overlaps(one, each.prefix)));
      return { routes: routes.slice(0, 1), silent: [], isCut: routes.length > 1 };
    },
  }).start();
  const { definition } = await networks.create(request('blue'));
  expect(definition.subnets[4]?.subnet).toBe('172.20.0.0/16');
});

test('an answer that was lost is looked for, at creating and at removing', async () => {
  const etcd = new SimulatedNetworks();
  const { host, start } = hostOn(etcd);
  const networks = start();
  host.losesAnswers = true;
  const blue = request('blue');
  expect((await networks.create(blue)).definition.id).toBe(blue.id);
  expect((await networks.remove('blue')).id).toBe(blue.id);
  expect(etcd.entries.size).toBe(0);
});

test('a network is not removed while somebody is in it, by what gossip or etcd says', async () => {
  const etcd = new SimulatedNetworks();
  let endpoints = ['web on h1', 'db on h2'];
  const networks = hostOn(etcd, { endpointsIn: () => endpoints }).start();
  await networks.create(request('blue'));
  await expect(networks.remove('blue')).rejects.toThrow(
    'the network blue has endpoints: web on h1, db on h2',
  );
  endpoints = [];
  etcd.holders.push('h3');
  await expect(networks.remove('blue')).rejects.toMatchObject({
    problem: 'used',
    message: 'the network blue has addresses that are in use on h3',
  });
  const removing = networks.remove('blue');
  await setImmediate();
  etcd.holders.pop();
  expect(await removing).toMatchObject({ name: 'blue' });
  await expect(networks.remove('blue')).rejects.toMatchObject({ problem: 'unknown' });
});

test('a network that others have made anew meanwhile is not removed in place of the one that was meant', async () => {
  const etcd = new SimulatedNetworks();
  const networks = hostOn(etcd).start();
  const first = await networks.create(request('blue'));
  etcd.holders.push('h3');
  const removing = expect(networks.remove('blue')).rejects.toMatchObject({ problem: 'unknown' });
  for (let turns = 0; turns < 5; turns++) await setImmediate();
  etcd.write((revision) => ({ type: 'delete', name: 'blue', revision }));
  const { definition } = await hostOn(etcd).start().create(request('blue'));
  etcd.holders.pop();
  await removing;
  await expect(networks.remove('blue', first.definition.id)).rejects.toThrow(
    `there is no network "${first.definition.id}"`,
  );
  expect(etcd.entries.get('blue')?.text).toContain(definition.id);
  expect((await networks.remove('blue', definition.id)).id).toBe(definition.id);
});

test('without etcd a start has what was kept; nothing can be created, and what comes back is taken up', async () => {
  const etcd = new SimulatedNetworks();
  const { host, start } = hostOn(etcd);
  const first = start();
  const { definition } = await first.create(request('blue'));
  for (let turns = 0; turns < 5; turns++) await setImmediate();
  await first.stop();
  host.isCut = true;
  const second = start();
  expect(second.get('blue')).toEqual(definition);
  await expect(second.create(request('red'))).rejects.toMatchObject({
    problem: 'etcd',
    message: 'etcd does not answer',
  });
  for (let turns = 0; turns < 5; turns++) await setImmediate();
  expect(second.outage).toBe('etcd does not answer');
  const changes: NetworkChange[] = [];
  second.onChange((change) => changes.push(change));
  etcd.write((revision) => ({ type: 'delete', name: 'blue', revision }));
  host.isCut = false;
  while (changes.length === 0) await setImmediate();
  expect(changes).toEqual([{ before: definition, after: undefined }]);
  expect(second.isSynced).toBe(true);
});

test('a definition that is none keeps its place and its problem', async () => {
  const etcd = new SimulatedNetworks();
  etcd.write((revision) => ({
    type: 'put',
    entry: { name: 'odd', text: '{}', createRevision: revision, modRevision: revision },
  }));
  const networks = hostOn(etcd).start();
  await expect(networks.create(request('odd'))).rejects.toMatchObject({ problem: 'exists' });
  expect([...networks.problems]).toEqual([['odd', 'version is missing']]);
  await expect(networks.remove('odd')).rejects.toThrow('is damaged: version is missing');
});
