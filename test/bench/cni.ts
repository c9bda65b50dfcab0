/**
 * ADD and DEL of the CNI plugin, each a process from its start to its end, against Debian's `bridge` with `host-local`, and
 * Node's own start, in turn, so that all see the same load. WEFT_BENCH_ROUNDS chooses how often.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { attachment, Cni } from '../lab/cni.ts';
import { readyLab } from '../lab/endpoints.ts';
import { makeTarget } from '../lab/target.ts';
import { median, quantile, say } from './common/statistics.ts';

const ROUNDS = Number(process.env['WEFT_BENCH_ROUNDS'] ?? 50);
const PLUGINS = '/usr/lib/cni';

const { lab } = await readyLab(1);
await using _end = { [Symbol.asyncDispose]: () => lab.close() };
const host = lab.host(1);
const cni = new Cni(host);
// Ones that stay, as the bridges go with the last.
await cni.succeed('ADD', attachment('stays', await makeTarget(host, 'stays')));
const ours = attachment('ours', await makeTarget(host, 'ours'));
const theirs = attachment('theirs', await makeTarget(host, 'theirs'));
const dataDir = join(host.directory, 'host-local');
mkdirSync(dataDir);
const config = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'bench',
  type: 'bridge',
  bridge: 'bench0',
  isGateway: true,
  ipam: {
    type: 'host-local',
    dataDir,
    ranges: [[{ subnet: '10.77.0.0/24' }]],
    routes: [{ dst: '0.0.0.0/0' }],
  },
});

async function bridge(verb: string): Promise<void> {
  const env = { CNI_COMMAND: verb, CNI_PATH: PLUGINS, CNI_ARGS: '', ...theirs };
  await host.output(join(PLUGINS, 'bridge'), [], { env, input: config });
}

const times = new Map<string, number[]>();

async function timed(name: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  const taken = times.get(name) ?? [];
  times.set(name, [...taken, performance.now() - start]);
}

for (let round = 0; round < ROUNDS; round++) {
  await timed('ADD, weft-cni', async () => await cni.succeed('ADD', ours));
  await timed('DEL, weft-cni', async () => await cni.succeed('DEL', ours));
  await timed('ADD, bridge and host-local', async () => await bridge('ADD'));
  await timed('DEL, bridge and host-local', async () => await bridge('DEL'));
  await timed('Node alone', async () => await host.output(process.execPath, ['-e', '0']));
}

for (const [name, taken] of times)
  say(name, `${median(taken).toFixed(1)} ms, ${quantile(taken, 0.95).toFixed(1)} of 95 in 100`);
for (const verb of ['ADD', 'DEL']) {
  const of = (who: string): number => median(times.get(`${verb}, ${who}`) ?? []);
  say(
    `${verb}, weft-cni against the others`,
    (of('weft-cni') / of('bridge and host-local')).toFixed(2),
  );
}
