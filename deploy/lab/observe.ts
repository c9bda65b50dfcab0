/** Looks at a running lab and draws the picture. */
import type { Lab } from '../../test/lab/lab.ts';
import type { Namespace } from '../../test/lab/namespace.ts';
import { iperf, ping } from '../../test/lab/probes.ts';
import { parseLeases, type Picture } from './picture.ts';
import { workloadName, type Running } from './steps.ts';

/** Programs that ping at the same time: more would measure each other on a small machine. */
const PINGS_AT_ONCE = 8;
/** h2 before h10. */
const IN_NUMBERS = new Intl.Collator('en', { numeric: true });
const PING = { count: 3, intervalMs: 5 };

export async function observe(running: Running): Promise<Picture> {
  const { lab, workloads } = running;
  const first = lab.host(1);
  const routes = await first.ip('route');
  return {
    leases: await leasesOf(lab),
    routes: {
      host: first.name,
      lines: routes
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean),
    },
    workloads: workloads.map(({ address }, i) => ({ name: workloadName(i), address })),
    latencies: await latenciesOf(workloads),
    troubles: troublesOf(running),
  };
}

/** Between the first two workloads. */
export async function measureThroughput({
  workloads,
}: Running): Promise<NonNullable<Picture['throughput']> | undefined> {
  const [from, to] = workloads;
  if (from === undefined || to === undefined) return undefined;
  return {
    from: workloadName(0),
    to: workloadName(1),
    bitsPerSecond: await iperf(from, to, { seconds: 1 }),
  };
}

async function leasesOf(lab: Lab) {
  const text = await lab.etcdctl('get', '--prefix', '/coreos.com/network/subnets/');
  const hostOf = (address: string) => lab.hosts.find((host) => host.address === address)?.name;
  return parseLeases(text, hostOf).sort((a, b) => IN_NUMBERS.compare(a.host, b.host));
}

function troublesOf({ daemons }: Running): string[] {
  return daemons.flatMap(({ host, result }) =>
    result === undefined
      ? []
      : `weftd on ${host.name} ended with ${result.signal ?? `code ${result.code}`}`,
  );
}

async function latenciesOf(workloads: readonly Namespace[]): Promise<(number | null)[][]> {
  const latencies = workloads.map(() => workloads.map((): number | null => null));
  const pairs = workloads.flatMap((from, row) =>
    workloads.map((to, column) => ({ from, to, row, column })),
  );
  const left = pairs.filter(({ row, column }) => row !== column);
  const worker = async () => {
    for (let pair = left.pop(); pair !== undefined; pair = left.pop()) {
      const { averageMs = null } = await ping(pair.from, pair.to.address, PING);
      latencies[pair.row]![pair.column] = averageMs;
    }
  };
  await Promise.all(Array.from({ length: PINGS_AT_ONCE }, worker));
  return latencies;
}
