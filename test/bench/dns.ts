/**
 * Names of our own, asked by dnsperf, beside dnsmasq and unbound with the same names: questions a second on one core with
 * none lost, latency at a fixed rate, memory; and what a probe of gossip and an attach take while questions are asked.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../lab/host.ts';
import { startMesh } from '../lab/mesh.ts';
import { endpointOf, NamesSpeaker, v4 } from '../lab/names.ts';
import { memoryOf } from './common/daemon.ts';
import { median, quantile, say } from './common/statistics.ts';
import { PORTS, SERVERS, startPeer, untilAnswers, type ServerName } from './dns/servers.ts';

const NAMES = 1_000;
const ROUNDS = Number(process.env['WEFT_BENCH_ROUNDS'] ?? 3);
/** Seconds of a trial. */
const TIME = 4;
const RATE = 10_000;
/** The server has one processor, who asks the other. */
const SERVER_CPU = '0';
const CLIENT_CPU = '1';
const PINGS = 200;
const ATTACHES = 10;
const PINGER = fileURLToPath(new URL('dns/pinger.ts', import.meta.url));

const mesh = await startMesh({
  nodes: 2,
  network: { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } },
  flagsOf: ({ address }) => [`--dns-bind=${address}:${PORTS.weftd}`],
});
try {
  const [host, other] = mesh.lab.hosts as [Host, Host];
  const names = Array.from({ length: NAMES }, (_, i) => ({
    name: `web${i}.default.weft`,
    address: `10.5.${200 + Math.floor(i / 250)}.${(i % 250) + 1}`,
  }));
  const speaker = await new NamesSpeaker(host, 'speaker').ready();
  for (const [i, { address }] of names.entries())
    speaker.put(endpointOf(i + 1, 'default', [`web${i}`], [v4(address)]));
  await untilAnswers(host, PORTS.weftd, names);
  const pids: Record<ServerName, number> = {
    weftd: mesh.daemons[0]?.pid ?? 0,
    dnsmasq: (await startPeer('dnsmasq', host, names)).pid,
    unbound: (await startPeer('unbound', host, names)).pid,
  };
  const questions = join(host.directory, 'questions');
  await writeFile(questions, names.map(({ name }) => `${name} A\n`).join(''));

  await rates(host, questions, pids);
  await latencies(host, questions);
  for (const server of SERVERS) {
    const { rss, anonymous } = memoryOf(pids[server]);
    const text = [rss, anonymous]
      .map((bytes) => (bytes / 2 ** 20).toFixed(1))
      .join(' MB, anonymous ');
    say(`${server}: memory, resident${server === 'weftd' ? ' (all of weftd)' : ''}`, `${text} MB`);
  }
  await neighbours(host, other, questions);
} finally {
  await mesh.close();
}

async function rates(host: Host, questions: string, pids: Record<ServerName, number>) {
  for (const pid of Object.values(pids))
    await host.output('taskset', ['-a', '-c', '-p', SERVER_CPU, String(pid)]);
  const found = new Map<ServerName, number[]>(SERVERS.map((server) => [server, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const server of SERVERS) {
      const text = await perf(host, questions, server, ['-c', '8', '-q', '200']);
      const lost = Number(/Queries lost:\s+(\d+)/.exec(text)?.[1]);
      if (lost > 0) say(`${server}: lost`, `${lost} questions`);
      found.get(server)?.push(Number(/Queries per second:\s+([\d.]+)/.exec(text)?.[1]));
    }
  for (const pid of Object.values(pids))
    await host.output('taskset', ['-a', '-c', '-p', '0,1', String(pid)]);
  const ours = median(found.get('weftd') ?? []);
  for (const [server, values] of found) {
    const all = values.map((value) => value.toFixed(0)).join(' ');
    const ratio = server === 'weftd' ? '' : `; weftd ${(ours / median(values)).toFixed(2)}`;
    const wanted = server === 'dnsmasq' ? 'at least 1' : undefined;
    say(
      `${server}: questions a second, one core`,
      `${median(values).toFixed(0)} [${all}]${ratio}`,
      wanted,
    );
  }
}

async function latencies(host: Host, questions: string): Promise<void> {
  for (const server of SERVERS) {
    const text = await perf(host, questions, server, ['-c', '8', '-Q', String(RATE), '-v']);
    const taken = [...text.matchAll(/^> NOERROR \S+ A (\d+\.\d+)$/gm)].map(
      ([, seconds]) => 1e3 * Number(seconds),
    );
    const figure = [0.5, 0.99].map((of) => `${quantile(taken, of).toFixed(3)} ms`).join(', 99th ');
    say(
      `${server}: at ${RATE} questions a second, median`,
      `${figure} (of ${taken.length})`,
      server === 'weftd' ? '99th under 1 ms' : undefined,
    );
  }
}

function perf(
  host: Host,
  questions: string,
  server: ServerName,
  args: readonly string[],
): Promise<string> {
  const fixed = [
    '-s',
    host.address,
    '-p',
    String(PORTS[server]),
    '-d',
    questions,
    '-l',
    String(TIME),
    '-T',
    '1',
  ];
  return host.output('taskset', ['-c', CLIENT_CPU, 'dnsperf', ...fixed, ...args], {
    timeoutMs: 60_000,
  });
}

/** What others of weftd take while questions are asked as fast as one who waits for answers can, and at rest. */
async function neighbours(host: Host, other: Host, questions: string): Promise<void> {
  const figures = async () => ({ pings: await ping(host, other), attaches: await attach(host) });
  const rest = await figures();
  const fixed = [
    '-s',
    host.address,
    '-p',
    String(PORTS.weftd),
    '-d',
    questions,
    '-T',
    '1',
    '-c',
    '8',
  ];
  const load = host.spawn('dnsperf', [...fixed, '-Q', String(RATE)]);
  const busy = await figures();
  await load.stop();
  for (const what of ['pings', 'attaches'] as const) {
    const [before, after] = [rest[what], busy[what]];
    const name = what === 'pings' ? 'a probe of gossip' : 'weft attach, the whole command';
    const text = (values: readonly number[]): string =>
      `${median(values).toFixed(2)} ms, 99th ${quantile(values, 0.99).toFixed(2)}`;
    say(
      `${name} at rest; beside ${RATE} questions a second`,
      `${text(before)}; ${text(after)}; ratio ${(median(after) / median(before)).toFixed(2)}`,
      'under 2',
    );
  }
}

async function ping(host: Host, other: Host): Promise<number[]> {
  const args = [
    '--import',
    'tsx',
    PINGER,
    other.address,
    '7960',
    `${host.address}:7946`,
    String(PINGS),
  ];
  return JSON.parse(await other.output(process.execPath, args, { timeoutMs: 60_000 })) as number[];
}

async function attach(host: Host): Promise<number[]> {
  const place = `${host.netns}-bench`;
  await host.output('ip', ['netns', 'add', place]);
  const taken: number[] = [];
  for (let i = 0; i < ATTACHES; i++) {
    const start = performance.now();
    const { code, stderr } = await host.weft('attach', `netns:${place}`, '--name', 'bench');
    if (code !== 0) throw new Error(stderr);
    taken.push(performance.now() - start);
    await host.weft('detach', 'bench');
  }
  await host.output('ip', ['netns', 'delete', place]);
  return taken;
}
