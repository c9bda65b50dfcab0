import { expect, test, vi } from 'vitest';
import { WeftError } from '../controlplane/api/errors.ts';
import type { ClusterHost, HostSummary } from '../controlplane/api/cluster-model.ts';
import { eventNumber, SINCE, Stage } from '../controlplane/api/testing.ts';
import { run } from './app.ts';
import { ask, Recorder } from './testing.ts';

const SUMMARY: HostSummary = {
  version: '0.1.0',
  runningSince: SINCE,
  ready: true,
  problemCount: 0,
  backend: 'vxlan',
  subnets: ['10.5.1.0/24'],
  peers: 2,
  etcdConnected: true,
};

function host(
  name: string,
  changes: Partial<ClusterHost> & { summary?: HostSummary },
): ClusterHost {
  return { name, address: '192.0.2.1:7946', status: 'alive', mine: name === 'h1', ...changes };
}

const HOSTS = [
  host('h10', { summary: SUMMARY }),
  host('h1', { summary: SUMMARY }),
  host('h2', { status: 'left' }),
  host('h3', { status: 'failed' }),
  host('h4', {}),
  host('h5', { summary: { ...SUMMARY, problemCount: 2, problem: 'no link eth7' } }),
  host('h6', { summary: { ...SUMMARY, ready: false, problem: 'waiting for a lease' } }),
  host('h7', { summary: { ...SUMMARY, etcdConnected: false } }),
];

test('cluster status: a line each, what is wrong first', async () => {
  await using stage = await Stage.open();
  stage.cluster.all = HOSTS;
  const { out, code } = await ask(stage, 'cluster', 'status');
  expect([code, out]).toEqual([
    0,
    [
      'HOST            STATE       BACKEND  SUBNET       PEERS  VERSION  WHAT IS WRONG',
      'h4              no answer   -        -            -      -        -',
      'h3              failed      -        -            -      -        -',
      'h6              not ready   vxlan    10.5.1.0/24  2      0.1.0    waiting for a lease',
      'h5              2 problems  vxlan    10.5.1.0/24  2      0.1.0    no link eth7',
      'h7              ready       vxlan    10.5.1.0/24  2      0.1.0    etcd is unreachable',
      'h1 (this host)  ready       vxlan    10.5.1.0/24  2      0.1.0    -',
      'h10             ready       vxlan    10.5.1.0/24  2      0.1.0    -',
      'h2              left        -        -            -      -        -',
      '8 hosts, something is wrong with 5',
      '',
    ].join('\n'),
  ]);
  const json = JSON.parse((await ask(stage, 'cluster', '--json')).out) as ClusterHost[];
  expect(json.map(({ name }) => name)).toEqual(['h4', 'h3', 'h6', 'h5', 'h7', 'h1', 'h10', 'h2']);
  expect(json[5]).toEqual(JSON.parse(JSON.stringify(HOSTS[1])));
  const format = '{{name}} {{summary.peers}} {{summary.subnets}}';
  const lines = (await ask(stage, 'cluster', 'status', '--format', format)).out.split('\n');
  expect(lines.slice(0, 3)).toEqual(['h4 - -', 'h3 - -', 'h6 2 10.5.1.0/24']);
});

test('cluster status without gossip is one sentence', async () => {
  await using stage = await Stage.open();
  stage.cluster.failure = new WeftError('WEFT_GOSSIP_OFF', 'off', { fix: 'switch it on' });
  expect(await ask(stage, 'cluster')).toMatchObject({ code: 1, err: 'weft: off: switch it on\n' });
});

test('events: the oldest first, or only the latest', async () => {
  await using stage = await Stage.open();
  for (const n of [2, 1]) stage.cluster.log.add(eventNumber(n));
  const { out, code } = await ask(stage, 'events');
  expect([code, out]).toEqual([
    0,
    [
      'TIME                     HOST  KIND           WHAT',
      '2026-11-21 03:00:01 UTC  h1    member-failed  h1 is away',
      '2026-11-21 03:00:02 UTC  h2    member-failed  h2 is away',
      '2 events',
      '',
    ].join('\n'),
  ]);
  // The clock of the tests stands three hours after SINCE.
  for (const since of ['10798s', '2026-11-21T03:00:02Z'])
    expect((await ask(stage, 'events', 'ls', '--since', since, '--format', '{{host}}')).out).toBe(
      'h2\n',
    );
  expect((await ask(stage, 'events', '--since', '1h')).out).toBe('0 events\n');
  expect(await ask(stage, 'events', '--since', 'lately')).toMatchObject({
    code: 2,
    err: 'weft: --since lately is no time: give a length as 30s, 10m, 2h or 1d, or a date as 2026-11-28T09:00:00Z\n',
  });
});

test('events --watch: what is remembered, then a line for each', async () => {
  await using stage = await Stage.open();
  stage.cluster.log.add(eventNumber(1));
  const io = new Recorder();
  const ended = run(['events', '--watch', '--since', '3h', '--socket', stage.socketPath], io);
  await vi.waitFor(() => expect(io.out).toContain('1 event\n'));
  stage.cluster.log.add(eventNumber(2));
  await vi.waitFor(() =>
    expect(io.out).toContain('2026-11-21 03:00:02 UTC  h2  member-failed  h2 is away\n'),
  );
  await stage.stop();
  expect(await ended).toBe(3);
});
