import { afterEach, expect, test } from 'vitest';
import type { DnsCounts } from '../dns/messages.ts';
import type { GossipCounts } from '../gossip/member.ts';
import { METRICS } from './metric-table.ts';
import { Metrics, metricsPage } from './metrics.ts';

let metrics: Metrics | undefined;
afterEach(() => metrics?.close());

const sources = {
  leases: () => 3,
  peers: () => 2,
  smallPaths: () => 1,
  etcdUp: () => true,
  secondsSinceLastSync: (): number | undefined => undefined,
  gossip: (): GossipCounts | undefined => undefined,
  dns: (): DnsCounts | undefined => undefined,
  refusedRecords: () => 0,
};

const COUNTS: GossipCounts = {
  members: { alive: 3, leaving: 0, left: 0, failed: 1 },
  packets: { in: 10, out: 20 },
  streams: { in: 1, out: 2 },
  bytes: { in: 1000, out: 2000 },
  dropped: { undecryptable: 4 },
  failedProbes: 5,
  suspicions: 6,
  refutations: 7,
  queued: 8,
  awareness: 2,
};

test('every metric of the table is told, each once', async () => {
  metrics = new Metrics(sources, '1.2.3');
  const text = await metrics.text();
  const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
  expect(told).toHaveLength(Object.keys(METRICS).length);
  const types = Object.entries(METRICS).map(([name, { type }]) => [name, type]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(types));
});

test('sources are asked at each scrape', async () => {
  let seconds: number | undefined;
  metrics = new Metrics({ ...sources, secondsSinceLastSync: () => seconds }, '1.2.3');
  expect(await metrics.text()).toMatch(/^weft_seconds_since_last_sync NaN$/im);
  seconds = 2.5;
  const text = await metrics.text();
  expect(text).toContain('weft_seconds_since_last_sync 2.5\n');
  expect(text).toContain('weft_leases 3\n');
  expect(text).toContain('weft_etcd_up 1\n');
  expect(text).toContain(`weft_build_info{version="1.2.3",node="${process.version}"} 1\n`);
});

test('gossip is told while it runs, anew at each scrape', async () => {
  let counts: GossipCounts | undefined;
  metrics = new Metrics({ ...sources, gossip: () => counts }, '');
  expect(await metrics.text()).toContain('weft_gossip_up 0\n');
  counts = COUNTS;
  await metrics.text();
  const text = await metrics.text();
  for (const line of [
    'weft_gossip_up 1',
    'weft_gossip_members{status="alive"} 3',
    'weft_gossip_members{status="failed"} 1',
    'weft_gossip_packets_total{direction="in"} 10',
    'weft_gossip_streams_total{direction="out"} 2',
    'weft_gossip_bytes_total{direction="out"} 2000',
    'weft_gossip_dropped_total{reason="undecryptable"} 4',
    'weft_gossip_failed_probes_total 5',
    'weft_gossip_suspicions_total 6',
    'weft_gossip_refutations_total 7',
    'weft_gossip_queue 8',
    'weft_gossip_awareness 2',
  ])
    expect(text).toContain(`${line}\n`);
});

test('what happened is counted, by agent', async () => {
  metrics = new Metrics(sources, '');
  const other = new Metrics(sources, '');
  metrics.operation('route', 'create', 'done');
  metrics.operation('route', 'create', 'done');
  metrics.repair('fdb');
  metrics.refused('key');
  const text = await metrics.text();
  expect(text).toContain('weft_operations_total{kind="route",action="create",result="done"} 2\n');
  expect(text).toContain('weft_repairs_total{kind="fdb"} 1\n');
  expect(text).toContain('weft_refused_total{reason="key"} 1\n');
  expect(await other.text()).not.toContain('kind="route"');
  other.close();
});

test('processor time is told anew, not added up', async () => {
  metrics = new Metrics(sources, '');
  await metrics.text();
  const [, told] = /^process_cpu_seconds_total (\S+)$/m.exec(await metrics.text()) ?? [];
  const { user, system } = process.cpuUsage();
  expect(Number(told)).toBeGreaterThan(0);
  expect(Number(told)).toBeLessThanOrEqual((user + system) / 1e6);
});

test('the event loop is measured from the first scrape on, without the timer itself', async () => {
  metrics = new Metrics(sources, '');
  await metrics.text();
  const text = await metrics.text();
  for (const quantile of ['0.5', '0.99', '1']) {
    const line = new RegExp(
      `^weft_event_loop_delay_seconds\\{quantile="${quantile}"\\} (\\S+)$`,
      'm',
    );
    expect(Number(line.exec(text)?.[1])).toBeGreaterThanOrEqual(0);
  }
});

test('the page for users says what the table says', async () => {
  await expect(metricsPage()).toMatchFileSnapshot('../../docs/metrics.md');
});
