/**
 * Gossip against real Serf agents: the same trials, with the same settings (LAN profile), on the same machine, one after
 * the other. What is seen is what each peer says of itself, by a line of output that is stamped when it is read here.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GossipMember } from '../lab/gossip.ts';
import type { Host } from '../lab/host.ts';
import { createLab } from '../lab/lab.ts';
import { SerfAgent } from '../lab/serf.ts';
import { median, say } from './common/statistics.ts';
import { Cluster, type Start } from './gossip/cluster.ts';
import { loadOf } from './gossip/load.ts';
import { introduce } from './gossip/neighbours.ts';
import { buildMember } from './gossip/program.ts';

const SIZES = [10, 50];
/** Of the trial that takes long, a kill; more show more of the tails: `WEFT_BENCH_ROUNDS=30 npm run bench -- gossip`. */
const ROUNDS = Number(process.env['WEFT_BENCH_ROUNDS'] ?? 8);
/** Of the others, for each of those. */
const QUICK = 2;
/** Before the trials, so that what was told at the start is told to its end, in ms. */
const SETTLE = 5_000;
/** After the trials, and for as long again while it is looked at, in ms. */
const REST = 20_000;

/** What is measured, its unit, how many of its own units that is, digits, and what is wanted of the medians' ratio. */
const FIGURES = {
  join: ['join known by all', 's', 1e3, 2, 1],
  failed: ['kill -9 known by all', 's', 1e3, 2, 1],
  back: ['restart under its name known by all', 's', 1e3, 2, undefined],
  leave: ['leave known by all', 's', 1e3, 2, 1],
  event: ['event known by all', 's', 1e3, 2, 1],
  cpu: ['processor at rest', '%', 1e-2, 2, 2],
  packets: ['packets sent a second', '', 1, 1, undefined],
  bytes: ['bytes sent a second', '', 1, 0, undefined],
  rss: ['resident memory', 'MB', 2 ** 20, 1, undefined],
  anonymous: ['private anonymous memory', 'MB', 2 ** 20, 1, 2],
} as const;
type Figure = keyof typeof FIGURES;
type Trials = Readonly<Record<Figure, readonly number[]>>;

await using lab = await createLab({ nodes: Math.max(...SIZES) });
await introduce(lab.hosts);
const program = await buildMember(join(lab.directory, 'member.mjs'));
const startSerf: Start = (place, name) => new SerfAgent(place, { name, logLevel: 'info' });
const startOurs: Start = (place, name) => new GossipMember(place, program, { name });

for (const size of SIZES) {
  const hosts = lab.hosts.slice(0, size);
  const serf = await tryOut(startSerf, hosts);
  const ours = await tryOut(startOurs, hosts);
  for (const figure of Object.keys(FIGURES) as Figure[])
    compare(size, figure, ours[figure], serf[figure]);
}

async function tryOut(start: Start, hosts: readonly Host[]): Promise<Trials> {
  const cluster = await Cluster.start(start, hosts);
  await sleep(SETTLE);
  const kills: { readonly failed: number; readonly back: number }[] = [];
  const [event, leave, join] = [[], [], []] as [number[], number[], number[]];
  // First, as the time to accuse depends on how many were ever known, and the joins below bring new names.
  for (let round = 0; round < ROUNDS; round++) kills.push(await cluster.kill(round));
  for (let round = 0; round < QUICK * ROUNDS; round++) event.push(await cluster.event(round));
  for (let round = 0; round < QUICK * ROUNDS; round++) {
    leave.push(await cluster.leave());
    join.push(await cluster.join());
  }
  await sleep(REST);
  const loads = await loadOf(cluster.peers, REST);
  await cluster.stop();
  return {
    join,
    failed: kills.map(({ failed }) => failed),
    back: kills.map(({ back }) => back),
    leave,
    event,
    cpu: loads.map(({ cpu }) => cpu),
    packets: loads.map(({ packets }) => packets),
    bytes: loads.map(({ bytes }) => bytes),
    rss: loads.map(({ rss }) => rss),
    anonymous: loads.map(({ anonymous }) => anonymous),
  };
}

/** Medians and worst of both, and the ratio of the medians. */
function compare(size: number, figure: Figure, ours: readonly number[], serf: readonly number[]) {
  const [name, unit, per, digits, wanted] = FIGURES[figure];
  const text = (values: readonly number[]): string =>
    [median(values), Math.max(...values)]
      .map((each) => (each / per).toFixed(digits))
      .join(', worst ');
  say(
    `${size} agents: ${name}${unit === '' ? '' : `, ${unit}`}`,
    `${text(ours)}; Serf ${text(serf)}; ratio ${(median(ours) / median(serf)).toFixed(2)}`,
    wanted === undefined ? undefined : `at most ${wanted}`,
  );
}
