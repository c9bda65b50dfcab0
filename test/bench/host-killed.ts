/**
 * A host is killed, and comes back: when gossip on every other host calls it failed, when their DNS answers its names no
 * more, and when it answers them again. Names have to go within a second of the verdict.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectControl, type ControlClient } from '../../controlplane/api/client.ts';
import { readyLab, request } from '../lab/endpoints.ts';
import { makeTarget } from '../lab/target.ts';
import { median, say } from './common/statistics.ts';

const HOSTS = 5;
const ROUNDS = 5;
/** Between two questions, in ms. */
const POLL = 10;
/** For what does not come, in ms. */
const LIMIT = 60_000;

const { lab, daemons } = await readyLab(HOSTS);
await using _end = { [Symbol.asyncDispose]: () => lab.close() };
const clients = await Promise.all(lab.hosts.map(({ socket }) => connectControl(socket)));
const times: Record<string, number[]> = {};

for (let round = 0; round < ROUNDS; round++) {
  const at = round % HOSTS;
  const [host, client, daemon] = [lab.hosts[at], clients[at], daemons[at]];
  if (host === undefined || client === undefined || daemon === undefined)
    throw new Error('no host');
  const name = `killed${round}`;
  const others = clients.filter((each) => each !== client);
  await client.endpoint.attach(request(await makeTarget(host, name), name));
  await Promise.all(others.map((other) => answers(other, name, 'NOERROR')));

  const killed = performance.now();
  await daemon.kill('SIGKILL');
  client.close();
  const each = await Promise.all(
    others.map(async (other) => {
      const gone = answers(other, name, 'NXDOMAIN');
      const failed = await hasFailed(other, host.name);
      return { failed, gone: await gone };
    }),
  );
  note(
    'killed, called failed on every other host',
    Math.max(...each.map((e) => e.failed)) - killed,
  );
  note('called failed, answered no more there', Math.max(...each.map((e) => e.gone - e.failed)));

  daemons[at] = await host.startWeftd().waitReady();
  clients[at] = await connectControl(host.socket);
  const ready = performance.now();
  const back = await Promise.all(others.map((other) => answers(other, name, 'NOERROR')));
  note('back and ready, answered on every other host', Math.max(...back) - ready);
}
for (const client of clients) client.close();

const WANTED: Readonly<Record<string, string>> = {
  'called failed, answered no more there': 'worst under 1000',
};
for (const [what, taken] of Object.entries(times))
  say(
    what,
    `${median(taken).toFixed(0)} ms median, ${Math.max(...taken).toFixed(0)} worst of ${ROUNDS}`,
    WANTED[what],
  );

function note(what: string, ms: number): void {
  (times[what] ??= []).push(ms);
}

/** When its DNS first answered so. */
async function answers(client: ControlClient, name: string, wanted: string): Promise<number> {
  const end = performance.now() + LIMIT;
  while (performance.now() < end) {
    const { status } = await client.dns.lookUp({ name, type: 'A', network: 'default' });
    if (status === wanted) return performance.now();
    await sleep(POLL);
  }
  throw new Error(`${name} is not answered by ${wanted} within ${LIMIT} ms`);
}

/** When it first said so. */
async function hasFailed(client: ControlClient, host: string): Promise<number> {
  for await (const event of client.watchMembers())
    if (event.type === 'present' && event.member.name === host && event.member.status === 'failed')
      return performance.now();
  throw new Error('the members are told no more');
}
