/** Throughput of the backends that this machine's kernel has, between namespaces, against the raw path. */
import type { Host } from '../lab/host.ts';
import { createLab } from '../lab/lab.ts';
import { overlayWays, ratesOf, rawWay, sayRate, sayRatio } from './common/throughput.ts';

const BACKENDS = ['vxlan', 'host-gw', 'wireguard', 'udp'];

for (const Type of BACKENDS) {
  await using lab = await createLab({ nodes: 2, userspaceWireguard: true });
  await lab.startEtcd();
  await lab.configureNetwork({ Network: '10.5.0.0/16', Backend: { Type } });
  await Promise.all(lab.hosts.map((host) => host.startWeftd().waitReady()));
  const pair = lab.hosts as [Host, Host];
  const rates = await ratesOf({ raw: rawWay(pair), ...(await overlayWays(pair)) });
  sayRate(`${Type}: raw path`, rates, 'raw');
  sayRatio(`${Type}: host to host`, rates, 'hosts', 'raw');
  sayRatio(`${Type}: workload to workload`, rates, 'workloads', 'raw');
}
