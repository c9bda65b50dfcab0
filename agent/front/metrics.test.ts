import { afterEach, expect, test } from 'vitest';
import { METRICS, Metrics, metricsPage } from './metrics.ts';

let metrics: Metrics | undefined;
afterEach(() => metrics?.close());

const sources = {
  leases: () => 3,
  peers: () => 2,
  etcdUp: () => true,
  secondsSinceLastSync: (): number | undefined => undefined,
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
