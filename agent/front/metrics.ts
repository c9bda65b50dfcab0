/** What Prometheus is told. One object an agent, nothing global; docs/metrics.md is made from METRICS. */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { GossipCounts } from '../gossip/member.ts';

interface Metric {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Only labels of few values: none that grows with hosts or containers. */
  readonly labels: readonly string[];
  /** How to read a rise, or the value that should worry. */
  readonly reading: string;
}

const HOST = 'Not an alarm by itself.';

export const METRICS = {
  weft_leases: {
    type: 'gauge',
    help: 'Leases in etcd that this host knows, its own included',
    labels: [],
    reading:
      'As many as there are hosts. Hosts that tell different numbers for longer than a minute do not see the same etcd.',
  },
  weft_peers: {
    type: 'gauge',
    help: 'Other hosts that this one has routes to',
    labels: [],
    reading:
      'One less than `weft_leases`. Less than that: a lease of another backend type, or one that was refused; see `weft leases`.',
  },
  weft_small_paths: {
    type: 'gauge',
    help: 'Peers to whom the path carries smaller packets than the link of the underlay',
    labels: [],
    reading:
      'Not an alarm by itself: their routes have the MTU that fits. Unexpected: `weft peers` says who, and docs/path-mtu.md why.',
  },
  weft_operations_total: {
    type: 'counter',
    help: 'Operations on the kernel',
    labels: ['kind', 'action', 'result'],
    reading:
      'Rises when hosts join, leave or change. `result="failed"` or `"conflict"` that goes on rising: `weft status` says what is in the way.',
  },
  weft_repairs_total: {
    type: 'counter',
    help: 'Kernel entries set right that somebody else had changed or removed',
    labels: ['kind'],
    reading:
      'Zero on a quiet host. A steady rise: another program (a network manager, a firewall, flanneld) works against weftd on this host; the log names the entries.',
  },
  weft_refused_total: {
    type: 'counter',
    help: 'Keys and values in etcd that were refused',
    labels: ['reason'],
    reading: 'Somebody writes what is no lease under the prefix; the log names each key once.',
  },
  weft_etcd_up: {
    type: 'gauge',
    help: '1 while etcd answers, else 0',
    labels: [],
    reading:
      'At 0 the mesh stands as it is, and no host joins or leaves. Mend etcd within a day, before leases end.',
  },
  weft_seconds_since_last_sync: {
    type: 'gauge',
    help: 'Seconds since etcd last told or confirmed the set of leases; NaN before the first time',
    labels: [],
    reading: 'Some seconds while all is well. A steady rise: etcd, or the way to it, is gone.',
  },
  weft_gossip_up: {
    type: 'gauge',
    help: '1 while this host is a member of the gossip, else 0',
    labels: [],
    reading:
      'At 0 without `--no-gossip`: `weft status` says why. Leases, and what containers send, do not depend on it.',
  },
  weft_gossip_members: {
    type: 'gauge',
    help: 'Members that this host knows, itself included',
    labels: ['status'],
    reading:
      '`alive` the same on every host. `failed` above 0: `weft members` says who; forgotten after a day.',
  },
  weft_gossip_packets_total: {
    type: 'counter',
    help: 'Packets of gossip, by UDP',
    labels: ['direction'],
    reading:
      'A few a second on each host, and what measures paths: an answer to each peer every six seconds. More while something changes.',
  },
  weft_gossip_streams_total: {
    type: 'counter',
    help: 'Connections of gossip, by TCP',
    labels: ['direction'],
    reading: 'About one in half a minute. A steady rise beyond: UDP does not get through.',
  },
  weft_gossip_bytes_total: {
    type: 'counter',
    help: 'Bytes of both, with all layers of gossip and without those of IP',
    labels: ['direction'],
    reading: 'Some hundreds a second on a quiet cluster.',
  },
  weft_gossip_dropped_total: {
    type: 'counter',
    help: 'Packets and connections that were not taken, or could not be sent',
    labels: ['reason'],
    reading:
      '`undecryptable`, `encrypted`, `not-encrypted`: a member has other keys (`weft keys list`). `send-failed`: the way to somebody is closed. `overload`: more came than this host could read.',
  },
  weft_gossip_failed_probes_total: {
    type: 'counter',
    help: 'Probes that neither their target nor those asked for help answered',
    labels: [],
    reading: 'Rises when a host vanishes. A steady rise: packets get lost, or UDP 7946 is closed.',
  },
  weft_gossip_suspicions_total: {
    type: 'counter',
    help: 'Members that were suspected, by whomever',
    labels: [],
    reading: 'As the failed probes, for the whole cluster.',
  },
  weft_gossip_refutations_total: {
    type: 'counter',
    help: 'How often this host was suspected and said that it lives',
    labels: [],
    reading: 'A rise: this host is overloaded, or others do not reach it.',
  },
  weft_gossip_queue: {
    type: 'gauge',
    help: 'Messages that wait to be gossiped on',
    labels: [],
    reading: 'Back to 0 within seconds after a change.',
  },
  weft_gossip_awareness: {
    type: 'gauge',
    help: 'How ill this host takes itself to be, 0 to 7 (Lifeguard)',
    labels: [],
    reading:
      'Above 0 for long: this host is slow or badly connected, and so is slower to accuse others.',
  },
  weft_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'How late timers of the daemon were since the scrape before; measured from the first scrape on',
    labels: ['quantile'],
    reading:
      'Under 0.02. More: the host is short of processor time, or weftd works on something too long at once.',
  },
  weft_build_info: {
    type: 'gauge',
    help: 'Always 1; its labels tell the version',
    labels: ['version', 'node'],
    reading: HOST,
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Memory of the daemon',
    labels: [],
    reading:
      'Grows with the number of leases, and by some megabytes under load. A rise that never ends is a leak.',
  },
  nodejs_heap_size_used_bytes: {
    type: 'gauge',
    help: 'Part of that which JavaScript objects take',
    labels: [],
    reading: 'As for the resident memory.',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'Processor time used',
    labels: [],
    reading: 'Hardly rises on a quiet mesh.',
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the daemon started, in Unix time',
    labels: [],
    reading: 'A change is a restart. The kernel forwards on meanwhile.',
  },
} as const satisfies Record<string, Metric>;

type MetricName = keyof typeof METRICS;

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
}

/** Of the monitor's timer, in ms: what it measures is beyond this. */
const DELAY_RESOLUTION = 20;

export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #operations: Counter;
  readonly #repairs: Counter;
  readonly #refused: Counter;
  #delay: IntervalHistogram | undefined;
  /** Asked once in a scrape: it counts all members. */
  #gossip: { readonly counts: GossipCounts | undefined } | undefined;

  constructor(sources: MetricSources, version: string) {
    this.contentType = this.#registry.contentType;
    this.#operations = this.#counter('weft_operations_total');
    this.#repairs = this.#counter('weft_repairs_total');
    this.#refused = this.#counter('weft_refused_total');
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
    const total = (name: MetricName, values: () => Readonly<Record<string, number>>): void => {
      const [label = ''] = METRICS[name].labels;
      this.#counter(name, (counter) => {
        counter.reset();
        for (const [value, count] of Object.entries(values()))
          counter.inc({ [label]: value }, count);
      });
    };
    total('weft_gossip_packets_total', () => ({ ...counts()?.packets }));
    total('weft_gossip_streams_total', () => ({ ...counts()?.streams }));
    total('weft_gossip_bytes_total', () => ({ ...counts()?.bytes }));
    total('weft_gossip_dropped_total', () => ({ ...counts()?.dropped }));
    const plain = (name: MetricName, value: (told: GossipCounts) => number): void => {
      this.#counter(name, (counter) => {
        const told = counts();
        counter.reset();
        counter.inc(told === undefined ? 0 : value(told));
      });
    };
    plain('weft_gossip_failed_probes_total', ({ failedProbes }) => failedProbes);
    plain('weft_gossip_suspicions_total', ({ suspicions }) => suspicions);
    plain('weft_gossip_refutations_total', ({ refutations }) => refutations);
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

<!-- Made from agent/front/metrics.ts: change that, then run \`npx vitest run --project unit agent/front -u\`. -->

With \`--healthz-port 9401\` weftd answers over HTTP, on the address of \`--healthz-ip\`:

- \`/healthz\`: 200 while the process serves;
- \`/readyz\`: 503 and the reason, then 200 once the first complete set of peers is in the kernel;
- \`/metrics\`: the metrics below, for Prometheus.
`;
