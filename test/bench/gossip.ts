/**
 * Gossip against real Serf agents: the same trials, with the same settings (LAN profile), on the same machine, one after
 * the other. What is seen is what each peer says of itself, by a line of output that is stamped when it is read here.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLab } from '../lab/lab.ts';
import { GossipMember } from '../lab/gossip.ts';
import type { Host } from '../lab/host.ts';
import { SerfAgent } from '../lab/serf.ts';
import { median, say } from './common/statistics.ts';
import { Cluster, type Start } from './gossip/cluster.ts';
import { loadOf, type Load } from './gossip/load.ts';
import { buildMember } from './gossip/program.ts';
import { introduce } from './gossip/neighbours.ts';

const SIZES = [10, 50];
/** More rounds show more of the tails: `WEFT_BENCH_ROUNDS=30 npm run bench -- gossip`. */
const ROUNDS = Number(process.env['WEFT_BENCH_ROUNDS'] ?? 8);
/** After the trials, and for as long again while it is looked at, in ms. */
const REST = 20_000;

interface Trials {
  readonly join: number[];
  readonly failed: number[];
  readonly back: number[];
  readonly leave: number[];
  readonly event: number[];
  readonly load: readonly Load[];
}

await using lab = await createLab({ nodes: Math.max(...SIZES) });
await introduce(lab.hosts);
const program = await buildMember(join(lab.directory, 'member.mjs'));
const KINDS: Readonly<Record<string, Start>> = {
  Serf: (place, name) => new SerfAgent(place, { name, logLevel: 'info' }),
  weft: (place, name) => new GossipMember(place, program, { name }),
};
for (const size of SIZES)
  for (const [kind, start] of Object.entries(KINDS)) {
    const trials = await tryOut(start, lab.hosts.slice(0, size));
    tell(`${kind}, ${size} agents`, trials);
  }

async function tryOut(start: Start, hosts: readonly Host[]): Promise<Trials> {
  const cluster = await Cluster.start(start, hosts);
  // What was told at the start is told to its end.
  await sleep(5000);
  const trials: Trials = { join: [], failed: [], back: [], leave: [], event: [], load: [] };
  // First, as the time to accuse depends on how many were ever known, and the joins below bring new names.
  for (let round = 0; round < ROUNDS; round++) {
    const { failed, back } = await cluster.kill(round);
    trials.failed.push(failed);
    trials.back.push(back);
  }
  for (let round = 0; round < ROUNDS; round++) trials.event.push(await cluster.event(round));
  for (let round = 0; round < ROUNDS; round++) {
    trials.leave.push(await cluster.leave());
    trials.join.push(await cluster.join());
  }
  await sleep(REST);
  const load = await loadOf(cluster.peers, REST);
  await cluster.stop();
  return { ...trials, load };
}

function tell(who: string, trials: Trials): void {
  const seconds = (values: readonly number[]): string =>
    `${(median(values) / 1e3).toFixed(2)} s, ${(Math.max(...values) / 1e3).toFixed(2)} s`;
  const of = (what: keyof Load): number[] => trials.load.map((each) => each[what]);
  const figure = (values: readonly number[], unit: string, digits = 0): string =>
    `${median(values).toFixed(digits)}${unit}, ${Math.max(...values).toFixed(digits)}${unit}`;
  const megabytes = (what: keyof Load): number[] => of(what).map((bytes) => bytes / 2 ** 20);
  say(`${who}: join known by all (median, worst)`, seconds(trials.join));
  say(`${who}: kill -9 known by all`, seconds(trials.failed));
  say(`${who}: restarted under its name, known by all`, seconds(trials.back));
  say(`${who}: leave known by all`, seconds(trials.leave));
  say(`${who}: event known by all`, seconds(trials.event));
  say(
    `${who}: processor at rest`,
    figure(
      of('cpu').map((share) => share * 100),
      ' %',
      2,
    ),
  );
  say(`${who}: packets sent a second`, figure(of('packets'), '', 1));
  say(`${who}: bytes sent a second`, figure(of('bytes'), ''));
  say(`${who}: resident memory`, figure(megabytes('rss'), ' MB', 1));
  say(`${who}: of it private anonymous`, figure(megabytes('anonymous'), ' MB', 1));
}
