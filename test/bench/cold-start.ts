/**
 * A cold start into a network of 10,000 leases: from the start of weftd to all 30,000 entries in the kernel, the
 * listing included, against programming alone by the driver and by `ip -batch` with `bridge -batch`; how long the
 * event loop stood still; memory and processor time at rest with 10 and with 10,000 leases.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createLab, type Lab } from '../lab/lab.ts';
import { cpuOf, memoryOf, startObserved, type Gap } from './common/daemon.ts';
import { fakePeers, Fleet, LINK, NETWORK, withEtcd } from './common/fleet.ts';
import { byDriver, byPrograms, entriesOf } from './common/programming.ts';
import { median, say, spread } from './common/statistics.ts';
import type { Host } from '../lab/host.ts';

const FEW = 10;
const MANY = 10_000;
/** With the event loop watched; one more, without, is looked at when at rest. */
const ROUNDS = 3;
/** At rest: this long after it was ready, in ms, and for as long again. */
const REST = 10_000;

interface Start {
  readonly startMs: number;
  readonly gaps: readonly Gap[];
  readonly rss: number;
  readonly anonymous: number;
  /** Share of one processor at rest. */
  readonly idle: number;
}

async function fill(lab: Lab, prefix: string, leases: number): Promise<void> {
  await lab.configureNetwork(NETWORK, prefix);
  await withEtcd(lab, (client) => new Fleet(client, prefix).put(fakePeers(leases)));
}

async function start(host: Host, prefix: string, peers: number, rest: number): Promise<Start> {
  const observed = await startObserved(host, prefix, rest === 0);
  const { daemon, startMs } = observed;
  await countEntries(host, peers);
  await sleep(rest);
  const used = cpuOf(daemon.pid);
  await sleep(rest);
  const idle = (cpuOf(daemon.pid) - used) / rest;
  const memory = memoryOf(daemon.pid);
  return { startMs, gaps: await observed.end(), idle, ...memory };
}

async function countEntries(host: Host, peers: number): Promise<void> {
  const commands = [
    'ip route show proto 119',
    `ip neigh show dev ${LINK} nud permanent`,
    `bridge fdb show dev ${LINK}`,
  ];
  for (const command of commands) {
    const count = await host.output('sh', ['-c', `${command} | wc -l`]);
    if (Number(count) !== peers) throw new Error(`${command}: ${count} instead of ${peers}`);
  }
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;
const per = (many: number, few: number): string =>
  `${((many - few) / (MANY - FEW) / 1024).toFixed(2)} KB`;

await using lab = await createLab({ nodes: ROUNDS + 2 });
await lab.startEtcd();
await fill(lab, '/few', FEW);
await fill(lab, '/many', MANY);

const entries = entriesOf(fakePeers(MANY));
const starts: Start[] = [];
const [driver, programs, unspread]: [number[], number[], number[]] = [[], [], []];
for (let round = 0; round < ROUNDS; round++) {
  // Only the first is looked at when at rest: that takes time.
  // The hosts of the rounds before have their leases too.
  starts.push(await start(lab.host(round + 1), '/many', MANY + round, 0));
  driver.push((await byDriver(entries)).ms);
  programs.push((await byPrograms(entries, true)).ms);
  unspread.push((await byPrograms(entries, false)).ms);
}
const few = await start(lab.host(ROUNDS + 1), '/few', FEW, REST);
const many = await start(lab.host(ROUNDS + 2), '/many', MANY + ROUNDS, REST);

const startMs = starts.map((each) => each.startMs);
say('start with 10,000 leases, ms', spread(startMs));
say('start with 10 leases, ms', few.startMs.toFixed(0));
say('programming alone by the driver, ms', spread(driver));
say('ip and bridge -batch, ms', spread(programs));
say('ip and bridge -batch with all routes in one scope, ms', spread(unspread));
say(
  'driver against ip and bridge',
  (median(programs) / median(driver)).toFixed(2),
  'over 1, aim 2',
);
say('start against programming', (median(startMs) / median(driver)).toFixed(2), 'under 3');
say('start against ip and bridge', (median(startMs) / median(programs)).toFixed(2));
say(
  'start against ip and bridge with all routes in one scope',
  (median(startMs) / median(unspread)).toFixed(2),
);
const longest = (of: (gap: Gap) => number): number[] =>
  starts.map(({ gaps }) => Math.max(0, ...gaps.map(of)));
say(
  'longest block of the event loop, ms',
  spread(
    longest(({ ms }) => ms),
    1,
  ),
  'under 20',
);
say(
  '  of which weftd computed, ms',
  spread(
    longest(({ cpu }) => cpu),
    1,
  ),
);
say('memory at rest, 10 leases', `${megabytes(few.rss)}, anonymous ${megabytes(few.anonymous)}`);
say('memory at rest, 10,000', `${megabytes(many.rss)}, anonymous ${megabytes(many.anonymous)}`);
say('memory a lease', per(many.rss, few.rss), 'under 3 KB');
say('processor at rest, 10 leases', `${(few.idle * 100).toFixed(2)} %`);
say('processor at rest, 10,000 leases', `${(many.idle * 100).toFixed(2)} %`);
