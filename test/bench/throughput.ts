/**
 * TCP between two workloads over VXLAN, against the raw path between their hosts: iperf3 in turn over the one and the
 * other, the median of the rounds' ratios.
 */
import { createLab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { median, say, spread } from './common/statistics.ts';

const ROUNDS = 5;
const SECONDS = 2;
const WANTED = 'about 0.98, what the kernel reaches';

await using lab = await createLab({ nodes: 2 });
await lab.startEtcd();
await lab.configureNetwork({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } });
const daemons = lab.hosts.map((host) => host.startWeftd());
await Promise.all(daemons.map((daemon) => daemon.waitReady()));
const workloads = await Promise.all(lab.hosts.map((host) => host.attachWorkload('w')));

/** Bits a second, as the receiver counted them. */
async function measure(
  [from, to]: readonly [Namespace, Namespace],
  address: string = to.address,
): Promise<number> {
  const server = to.spawn('iperf3', ['-s', '-1', '--forceflush']);
  await server.waitForLine(/Server listening/);
  const report = await from.output('iperf3', ['-c', address, '-J', '-t', String(SECONDS)]);
  await server.ended;
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second;
}

const raw = [lab.host(1), lab.host(2)] as const;
const overlay = workloads as unknown as readonly [Namespace, Namespace];
const [rawRates, tunnelRates, overlayRates]: [number[], number[], number[]] = [[], [], []];
// The device's own address: the tunnel without the workloads' bridges and links.
const [device] = await lab
  .host(2)
  .ipJson<{ addr_info: { local: string }[] }>('-4 addr show dev flannel.1');
const tunnelAddress = device?.addr_info[0]?.local ?? '';
for (let round = 0; round < ROUNDS; round++) {
  rawRates.push(await measure(raw));
  tunnelRates.push(await measure(raw, tunnelAddress));
  overlayRates.push(await measure(overlay));
}
const gigabits = (rates: readonly number[]): string =>
  spread(
    rates.map((rate) => rate / 1e9),
    2,
  );
say('host to host, Gbit/s', gigabits(rawRates));
say('host to host over VXLAN, Gbit/s', gigabits(tunnelRates));
say('workload to workload over VXLAN, Gbit/s', gigabits(overlayRates));
const ratio = (rates: readonly number[]): string =>
  median(rates.map((rate, i) => rate / (rawRates[i] ?? Number.NaN))).toFixed(3);
say('over VXLAN against raw, host to host', ratio(tunnelRates));
say('over VXLAN between workloads against raw', ratio(overlayRates), WANTED);
