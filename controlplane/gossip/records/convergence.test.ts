/** Whatever happens, in whatever order: afterwards all know the same, and it is what the owners say. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CALM, Network, seeded, type Host } from './testing.ts';
import type { GossipRecord } from './record.ts';
import type { Change } from './table.ts';

const HOSTS = 6;
const KEYS = 5;

/** What each host has said since it started. */
type Said = Map<Host, Map<string, string>>;
/** One thing that happens. */
type Step = (network: Network, said: Said) => void;

const index = fc.nat({ max: HOSTS - 1 });
const keyName = fc.nat({ max: KEYS - 1 }).map((key) => `key-${key}`);

const puts = fc
  .tuple(index, keyName, fc.nat(9))
  .map(([at, key, value]): Step => (network, said) => {
    const host = network.host(at);
    if (host.state !== 'up') return;
    host.records.put('name', key, Uint8Array.of(value));
    said.set(host, (said.get(host) ?? new Map<string, string>()).set(key, `${value}`));
  });
const removes = fc.tuple(index, keyName).map(([at, key]): Step => (network, said) => {
  const host = network.host(at);
  if (host.state !== 'up') return;
  host.records.remove('name', key);
  said.get(host)?.delete(key);
});
const waits = (min: number, max: number): fc.Arbitrary<Step> =>
  fc.integer({ min, max }).map(
    (time): Step =>
      (network) =>
        network.run(time),
  );
const cuts = fc
  .array(fc.nat(1), { minLength: HOSTS, maxLength: HOSTS })
  .map((parts): Step => ({ hosts, parts: known }) => {
    for (const [at, { name }] of hosts.entries()) known.set(name, parts[at] as number);
  });
const heals = fc.constant<Step>((network) => network.parts.clear());
const restarts = fc.tuple(index, fc.boolean()).map(([at, hasClock]): Step => (network) => {
  network.restart(at, hasClock ? 1_000_000 + network.now : 0);
});
const stops = fc
  .tuple(index, fc.constantFrom('down', 'left', 'frozen'))
  .map(([at, state]): Step => (network) => {
    const host = network.host(at);
    if (host.state === 'up') host.state = state;
  });
const thaws = index.map((at): Step => (network) => {
  const host = network.host(at);
  if (host.state === 'frozen') host.state = 'up';
});
const weathers = fc
  .record({
    loss: fc.constantFrom(0, 0.1, 0.5, 0.9),
    doubled: fc.constantFrom(0, 0.5),
    delay: fc.constantFrom(5, 500, 6_000),
  })
  .map((weather): Step => (network) => {
    network.weather = weather;
  });

const step = fc.oneof(
  { weight: 8, arbitrary: puts },
  { weight: 5, arbitrary: removes },
  { weight: 6, arbitrary: waits(1, 3_000) },
  { weight: 2, arbitrary: waits(5_000, 90_000) },
  { weight: 2, arbitrary: cuts },
  { weight: 1, arbitrary: heals },
  { weight: 2, arbitrary: restarts },
  { weight: 3, arbitrary: stops },
  { weight: 1, arbitrary: thaws },
  { weight: 2, arbitrary: weathers },
);

/** Fails when a host that has seen a removal shows again what was before it. */
function watchForGhosts(network: Network): void {
  /** By owner and key: the times at which it was put, and where it was removed. */
  const history = new Map<string, (number | 'gone')[]>();
  /** By host (a restarted one is another), owner and key: up to where in that history it has seen removals. */
  const removals = new Map<Host, Map<string, number>>();
  const isDrop = (at: Host, owner: string): boolean => !at.sees.has(owner) || at.isWaking;
  network.watch = (at: Host, { before, after }: Change) => {
    const { owner, key, time } = (after ?? before) as GossipRecord;
    const id = `${owner} ${key}`;
    const past = history.get(id) ?? [];
    const removed = removals.get(at) ?? new Map<string, number>();
    removals.set(at, removed);
    if (owner === at.name) history.set(id, [...past, after === undefined ? 'gone' : time]);
    else if (after === undefined) {
      if (!isDrop(at, owner)) removed.set(id, past.indexOf('gone', past.lastIndexOf(time)));
    } else if (past.includes(time)) {
      const seen = removed.get(id) ?? -1;
      if (past.lastIndexOf(time) < seen) throw new Error(`${at.name} shows ${id} of ${time} again`);
    }
  };
}

/** The default; and short, so that they end at other moments here and there: twice what delays one and keeps one. */
const lives = fc.constantFrom(3_600_000, 240_000);
const schedule = fc.array(step, { minLength: 5, maxLength: 60 });

function settle(network: Network): void {
  network.parts.clear();
  network.weather = CALM;
  for (const each of network.hosts) if (each.state === 'frozen') each.state = 'up';
  network.run(200_000);
}

it('converges after any schedule, and raises no dead', () => {
  const runs = Number(process.env['WEFT_RUNS'] ?? 60);
  fc.assert(
    fc.property(fc.integer(), lives, schedule, (seed, tombstoneLife, steps) => {
      const network = new Network(HOSTS, seeded(seed), { tombstoneLife });
      const said: Said = new Map();
      watchForGhosts(network);
      network.run(3_000);
      for (const take of steps) take(network, said);
      settle(network);
      const up = network.hosts.filter(({ state }) => state === 'up');
      const wanted = up
        .flatMap((owner) =>
          [...(said.get(owner) ?? [])].map(([name, value]) => `${owner.name} ${name} ${value}`),
        )
        .sort();
      for (const { records } of up) {
        const known = [...records.list('name')].map((r) => `${r.owner} ${r.key} ${r.payload[0]}`);
        expect(known.sort()).toEqual(wanted);
        expect(records.counts).toMatchObject({
          queued: 0,
          held: 0,
          refused: 0,
          peers: up.length - 1,
        });
      }
      expect(new Set(up.map(({ records }) => records.digest())).size).toBeLessThanOrEqual(1);
    }),
    { numRuns: runs },
  );
});
