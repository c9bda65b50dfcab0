/** What the metrics ask of the daemon at each scrape. */
import type { MetricSources } from '../front/metrics.ts';
import type { EtcdState } from '../subnet/service.ts';
import type { Daemon } from './daemon.ts';
import { machineClock } from './machine.ts';

export function metricSourcesOf(daemon: Daemon): MetricSources {
  const etcd = (): EtcdState | undefined => daemon.session?.service?.etcd;
  const own = (): number => (daemon.session?.service?.own === undefined ? 0 : 1);
  return {
    leases: () => daemon.planner.peerCount + own(),
    peers: () => daemon.planner.peerCount,
    smallPaths: () => daemon.planner.smallPaths,
    etcdUp: () => etcd()?.connected === true,
    secondsSinceLastSync: () => {
      const state = etcd();
      if (state === undefined) return undefined;
      return state.connected ? 0 : (machineClock.now() - state.since) / 1000;
    },
    gossip: () => daemon.membership?.member?.counts,
    dns: () => daemon.dns?.counts,
    refusedRecords: () => daemon.dns?.refusedRecords ?? 0,
  };
}
