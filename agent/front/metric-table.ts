/** Every metric, once: what it is, and how to read it. docs/metrics.md is made from this. */

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
  weft_faults_total: {
    type: 'counter',
    help: 'Faults in weft itself that nothing in it took care of, and that it survived',
    labels: [],
    reading: 'Zero. Anything else: please report it; the log has each with its stack.',
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
  weft_dns_questions_total: {
    type: 'counter',
    help: 'Questions for names',
    labels: ['transport'],
    reading: 'A steady rise of `tcp` alone: answers by UDP get lost, or do not fit.',
  },
  weft_dns_answers_total: {
    type: 'counter',
    help: 'What became of questions for names',
    labels: ['outcome'],
    reading:
      '`own`: names of this network; `cached`, `forwarded`: of others. `failed` that rises: no server of /etc/resolv.conf answers. `refused`: malformed, or from where nobody may ask. `dropped`: an asker was beyond its share, or a limit. `error` above 0: a fault of weftd’s own, which its log tells.',
  },
  weft_dns_refused_records_total: {
    type: 'counter',
    help: 'Records of names and endpoints that did not hold',
    labels: [],
    reading: 'Above 0: a host of another version, or one that was tampered with.',
  },
  weft_dns_waiting: {
    type: 'gauge',
    help: 'Questions that other servers were asked and have not answered yet',
    labels: [],
    reading: 'At its limit of 512: these servers do not answer, and somebody asks a lot.',
  },
  weft_dns_kept: {
    type: 'gauge',
    help: 'Answers of other servers that are kept for who asks next',
    labels: [],
    reading: HOST,
  },
  weft_dns_connections: {
    type: 'gauge',
    help: 'Open connections of those who ask by TCP',
    labels: [],
    reading: 'At its limit of 512: somebody holds them open.',
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

export type MetricName = keyof typeof METRICS;
