/** What Prometheus is told. One object an agent, nothing global. */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { DnsCounts } from '../dns/messages.ts';
import type { GossipCounts } from '../gossip/member.ts';
import { METRICS, type MetricName } from './metric-table.ts';

/** Asked at each scrape. */
export interface MetricSources {
  leases(): number;
  peers(): number;
  smallPaths(): number;
  etcdUp(): boolean;
  /** Undefined before the first sync. */
  secondsSinceLastSync(): number | undefined;
  /** Undefined while this host is no member. */
  gossip(): GossipCounts | undefined;
  /** Undefined while nothing was asked, or DNS is off. */
  dns(): DnsCounts | undefined;
  /** Records of names that did not hold. */
  refusedRecords(): number;
}

/** Of the monitor's timer, in ms: what it measures is beyond this. */
const DELAY_RESOLUTION = 20;

export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #operations: Counter;
  readonly #repairs: Counter;
  readonly #refused: Counter;
  readonly #faults: Counter;
  #delay: IntervalHistogram | undefined;
  /** Asked once in a scrape: it counts all members. */
  #gossip: { readonly counts: GossipCounts | undefined } | undefined;

  constructor(sources: MetricSources, version: string) {
    this.contentType = this.#registry.contentType;
    this.#operations = this.#counter('weft_operations_total');
    this.#repairs = this.#counter('weft_repairs_total');
    this.#refused = this.#counter('weft_refused_total');
    this.#faults = this.#counter('weft_faults_total');
    this.#gauge('weft_leases', (gauge) => gauge.set(sources.leases()));
    this.#gauge('weft_peers', (gauge) => gauge.set(sources.peers()));
    this.#gauge('weft_small_paths', (gauge) => gauge.set(sources.smallPaths()));
    this.#gauge('weft_etcd_up', (gauge) => gauge.set(sources.etcdUp() ? 1 : 0));
    this.#gauge('weft_seconds_since_last_sync', (gauge) =>
      gauge.set(sources.secondsSinceLastSync() ?? Number.NaN),
    );
    this.#gauge('weft_event_loop_delay_seconds', (gauge) => this.#tellDelay(gauge));
    this.#gauge('weft_build_info', (gauge) => gauge.set({ version, node: process.version }, 1));
    this.#addProcess();
    this.#addGossip(() => (this.#gossip ??= { counts: sources.gossip() }).counts);
    this.#addDns(sources);
  }

  /** `action` and `result` as in Operation and Outcome. */
  operation(kind: string, action: string, result: string): void {
    this.#operations.inc({ kind, action, result });
  }

  repair(kind: string): void {
    this.#repairs.inc({ kind });
  }

  /** `reason`: one of a few words, never text from outside. */
  refused(reason: string): void {
    this.#refused.inc({ reason });
  }

  /** Nobody took the rejection of a promise. */
  fault(): void {
    this.#faults.inc();
  }

  /** In the text format of Prometheus. */
  text(): Promise<string> {
    this.#gossip = undefined;
    return this.#registry.metrics();
  }

  /** Stops the timer that the first scrape started. */
  close(): void {
    this.#delay?.disable();
  }

  #addGossip(counts: () => GossipCounts | undefined): void {
    this.#gauge('weft_gossip_up', (gauge) => gauge.set(counts() === undefined ? 0 : 1));
    this.#gauge('weft_gossip_members', (gauge) => {
      for (const [status, count] of Object.entries(counts()?.members ?? {}))
        gauge.set({ status }, count);
    });
    this.#gauge('weft_gossip_queue', (gauge) => gauge.set(counts()?.queued ?? 0));
    this.#gauge('weft_gossip_awareness', (gauge) => gauge.set(counts()?.awareness ?? 0));
    this.#byLabel('weft_gossip_packets_total', () => ({ ...counts()?.packets }));
    this.#byLabel('weft_gossip_streams_total', () => ({ ...counts()?.streams }));
    this.#byLabel('weft_gossip_bytes_total', () => ({ ...counts()?.bytes }));
    this.#byLabel('weft_gossip_dropped_total', () => ({ ...counts()?.dropped }));
    this.#plain('weft_gossip_failed_probes_total', () => counts()?.failedProbes ?? 0);
    this.#plain('weft_gossip_suspicions_total', () => counts()?.suspicions ?? 0);
    this.#plain('weft_gossip_refutations_total', () => counts()?.refutations ?? 0);
  }

  #addDns(sources: MetricSources): void {
    const dns = (): DnsCounts | undefined => sources.dns();
    this.#byLabel('weft_dns_questions_total', () => {
      const { udp = 0, tcp = 0 } = dns() ?? {};
      return { udp, tcp };
    });
    this.#byLabel('weft_dns_answers_total', () => {
      const counts = dns();
      if (counts === undefined) return {};
      const { own, cached, forwarded, failed, refused, dropped, errors } = counts;
      return { own, cached, forwarded, failed, refused, dropped, error: errors };
    });
    this.#plain('weft_dns_refused_records_total', () => sources.refusedRecords());
    this.#gauge('weft_dns_waiting', (gauge) => gauge.set(dns()?.waiting ?? 0));
    this.#gauge('weft_dns_kept', (gauge) => gauge.set(dns()?.kept ?? 0));
    this.#gauge('weft_dns_connections', (gauge) => gauge.set(dns()?.connections ?? 0));
  }

  /** Of one label: what is counted elsewhere, by its values. */
  #byLabel(name: MetricName, values: () => Readonly<Record<string, number>>): void {
    const [label = ''] = METRICS[name].labels;
    this.#counter(name, (counter) => {
      counter.reset();
      for (const [value, count] of Object.entries(values())) counter.inc({ [label]: value }, count);
    });
  }

  /** What is counted elsewhere. */
  #plain(name: MetricName, value: () => number): void {
    this.#counter(name, (counter) => {
      counter.reset();
      counter.inc(value());
    });
  }

  #addProcess(): void {
    this.#gauge('process_resident_memory_bytes', (gauge) => gauge.set(process.memoryUsage.rss()));
    this.#gauge('nodejs_heap_size_used_bytes', (gauge) =>
      gauge.set(process.memoryUsage().heapUsed),
    );
    this.#gauge('process_start_time_seconds', (gauge) => gauge.set(performance.timeOrigin / 1000));
    this.#counter('process_cpu_seconds_total', (counter) => {
      const { user, system } = process.cpuUsage();
      counter.reset();
      counter.inc((user + system) / 1e6);
    });
  }

  #tellDelay(gauge: Gauge): void {
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION });
      this.#delay.enable();
    }
    const delay = this.#delay;
    const tell = (quantile: string, ns: number): void => {
      gauge.set({ quantile }, Math.max(0, ns / 1e9 - DELAY_RESOLUTION / 1000));
    };
    tell('0.5', delay.percentile(50));
    tell('0.99', delay.percentile(99));
    tell('1', delay.max);
    delay.reset();
  }

  #gauge(name: MetricName, collect: (gauge: Gauge) => void): void {
    const { help, labels } = METRICS[name];
    void new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      collect() {
        collect(this);
      },
    });
  }

  #counter(name: MetricName, collect?: (counter: Counter) => void): Counter {
    const { help, labels } = METRICS[name];
    return new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      ...(collect === undefined
        ? {}
        : {
            collect() {
              collect(this);
            },
          }),
    });
  }
}

/** docs/metrics.md. */
export function metricsPage(): string {
  const sections = Object.entries(METRICS).map(([name, { type, help, labels, reading }]) => {
    const named = labels.length === 0 ? '' : `, by ${labels.map((l) => `\`${l}\``).join(', ')}`;
    return `## \`${name}\`\n\n${help} (${type}${named}).\n\n**How to read it:** ${reading}\n`;
  });
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

const INTRODUCTION = `# Metrics of weftd

<!-- Made from agent/front/metric-table.ts: change that, then run \`npx vitest run --project unit agent/front -u\`. -->

With \`--healthz-port 9401\` weftd answers over HTTP, on the address of \`--healthz-ip\`:

- \`/healthz\`: 200 while the process serves;
- \`/readyz\`: 503 and the reason, then 200 once the first complete set of peers is in the kernel;
- \`/metrics\`: the metrics below, for Prometheus.
`;
