/**
 * Throughput of the backends that Debian's kernel has, between machines, as throughput.ts has it of this machine's between
 * namespaces. The machines are emulated: ratios to the raw path count, and not rates. WireGuard also against WireGuard by
 * hand, on two more machines of the same lab without weft.
 */
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { Host } from '../lab/host.ts';
import { createLab } from '../lab/lab.ts';
import { bridgeNetwork } from '../lab/subnet-env.ts';
import { overlayWays, ratesOf, rawWay, sayRate, sayRatio, type Way } from './common/throughput.ts';

/** Or some of them: `WEFT_BENCH_BACKENDS=ipip,gre npm run bench -- throughput-machines`. */
const BACKENDS = process.env['WEFT_BENCH_BACKENDS'] ?? 'vxlan,host-gw,ipip,gre,wireguard';

for (const Type of BACKENDS.split(',')) {
  const byHand = Type === 'wireguard';
  await using lab = await createLab({ nodes: byHand ? 4 : 2, machines: 'all' });
  await lab.startEtcd();
  await lab.configureNetwork({ Network: '10.5.0.0/16', Backend: { Type } });
  const [one, two, three, four] = lab.hosts as [Host, Host, Host, Host];
  await Promise.all([one, two].map((host) => host.startWeftd().waitReady()));
  const ways: Record<string, Way> = { raw: rawWay([one, two]), ...(await overlayWays([one, two])) };
  if (byHand) {
    const { hosts, workloads } = await wireguardByHand([three, four]);
    ways['hosts by hand'] = hosts;
    ways['workloads by hand'] = workloads;
  }
  const rates = await ratesOf(ways);
  sayRate(`${Type}: raw path`, rates, 'raw');
  sayRatio(`${Type}: host to host`, rates, 'hosts', 'raw');
  sayRatio(`${Type}: workload to workload`, rates, 'workloads', 'raw');
  if (!byHand) continue;
  sayRatio(`${Type} against by hand: host to host`, rates, 'hosts', 'hosts by hand');
  sayRatio(
    `${Type} against by hand: workload to workload`,
    rates,
    'workloads',
    'workloads by hand',
  );
}

/** With the MTU, the addresses and the routes that weft would give them. */
async function wireguardByHand(pair: readonly [Host, Host]): ReturnType<typeof overlayWays> {
  const ends = await Promise.all(
    pair.map(async (host, at) => {
      const privateKey = join(host.directory, 'key');
      await writeFile(privateKey, await host.wg('genkey'), { mode: 0o600 });
      const publicKey = await host.output('sh', ['-c', `wg pubkey <${privateKey}`]);
      return { host, privateKey, publicKey: publicKey.trim(), subnet: `10.6.${at + 1}` };
    }),
  );
  for (const [at, { host, privateKey, subnet }] of ends.entries()) {
    const peer = ends[1 - at]!;
    await host.ipBatch(['link add wg0 mtu 1420 type wireguard']);
    await host.wg(
      `set wg0 listen-port 51820 private-key ${privateKey} peer ${peer.publicKey} ` +
        `endpoint ${peer.host.address}:51820 allowed-ips ${peer.subnet}.0/24`,
    );
    await host.ipBatch([
      `address add ${subnet}.0/32 dev wg0`,
      'link set wg0 up',
      'route add 10.6.0.0/16 dev wg0',
      `route add ${peer.subnet}.0/24 dev wg0`,
    ]);
  }
  const [near, far] = ends.map(({ subnet }) => bridgeNetwork({ 4: `${subnet}.1/24`, mtu: 1420 }));
  return overlayWays(pair, [near!, far!]);
}
