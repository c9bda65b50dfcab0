/** weftd ends, at any moment, and starts again: no packet is lost, and nothing that was right is touched. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { kernelState } from '../lab/kernel-state.ts';
import type { Lab } from '../lab/lab.ts';
import { createLab } from '../lab/lab.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { startPing } from '../lab/probes.ts';
import { bridgeNetwork } from '../lab/subnet-env.ts';
import { monitor } from '../lab/watching.ts';
import type { Weftd } from '../lab/weftd.ts';

/** Leases are given from 10.5 only, so that other subnets of the network are free for hosts that do not exist. */
const NETWORK = {
  EnableIPv6: true,
  Network: '10.0.0.0/8',
  SubnetMin: '10.5.0.0',
  SubnetMax: '10.5.255.0',
  IPv6Network: 'fd00:5::/56',
};
const FLAGS = ['--ip-masq', '--ip-blackhole-route'];

/** Pings in both families while `work` goes on; no packet may get lost. */
async function withoutLoss(from: Namespace, to: Namespace, work: () => Promise<void>) {
  const families = ([4, 6] as const).filter((family) => to.addresses[family] !== undefined);
  const pings = await Promise.all(
    families.map((family) => startPing(from, addressOf(to, family), { intervalMs: 1 })),
  );
  await work();
  const results = await Promise.all(pings.map((ping) => ping.stop()));
  for (const { sent, lost } of results) {
    expect(sent).toBeGreaterThan(100);
    expect(lost).toBe(0);
  }
}

/** Messages that say that something in the kernel was changed. */
const CHANGES = ['added', 'changed', 'removed', 'repaired', 'programmed the kernel'];

function changesBy(daemon: Weftd): string[] {
  return daemon
    .logLines()
    .filter((line) => CHANGES.some((word) => line.includes(`"msg":"${word}"`)));
}

/** Link-local addresses are the kernel's: they become usable a second or two after a link is up. */
function ofWeft(changes: readonly string[]): string[] {
  return changes.filter((line) => !line.includes('fe80:'));
}

/** Puts or deletes the leases of 100 hosts that do not exist, 10.THIRD.1.0/24 and on. */
async function fakePeers(lab: Lab, second: number, type: string, action: 'put' | 'del') {
  const lines = Array.from({ length: 100 }, (_, i) => {
    const key = `/coreos.com/network/subnets/10.${second}.${i + 1}.0-24`;
    const mac = [2, 0, 0, 0, second, i + 1].map((n) => n.toString(16).padStart(2, '0')).join(':');
    const value = {
      PublicIP: `192.168.77.${i + 50}`,
      BackendType: type,
      ...(type === 'vxlan' && { BackendData: { VNI: 1, VtepMAC: mac } }),
    };
    return action === 'put' ? `put ${key} ${JSON.stringify(JSON.stringify(value))}` : `del ${key}`;
  });
  // No comparison, what to do, nothing else.
  const script = `etcdctl --endpoints=${lab.etcdEndpoint} txn <<'E'\n\n${lines.join('\n')}\n\n\nE`;
  await lab.etcdPlace.output('sh', ['-c', script], { env: { ETCDCTL_API: '3' } });
}

/** How many entries of ours point into 10.SECOND.0.0/16. */
async function entriesInto(host: Host, second: number): Promise<number> {
  const { 'v4 routes': routes = '', neighbours = '' } = await kernelState(host);
  return `${routes}\n${neighbours}`.split('\n').filter((line) => line.includes(`10.${second}.`))
    .length;
}

describe.each(['vxlan', 'host-gw'])('%s', (type) => {
  let mesh: Mesh;
  let host: Host;
  const perPeer = type === 'vxlan' ? 2 : 1;

  beforeAll(async () => {
    mesh = await startMesh({
      nodes: 2,
      underlay: { v4: '192.168.77.0/24', v6: 'fd77::/64' },
      network: { ...NETWORK, Backend: { Type: type } },
      flags: FLAGS,
      // As Docker leaves it: what we forward would be dropped without our rules in this chain.
      prepare: ([, second]) =>
        second!.output('sh', ['-ec', 'iptables -P FORWARD DROP; ip6tables -P FORWARD DROP']),
    });
    host = mesh.lab.host(2);
  });
  afterAll(() => mesh?.close());

  const daemon = () => mesh.daemons[1]!;
  const start = () => (mesh.daemons[1] = host.startWeftd(FLAGS));
  const underPing = (work: () => Promise<void>) =>
    withoutLoss(mesh.workloads[0]!, mesh.workloads[1]!, work);

  test('killed and started again three times: no packet lost, nothing rewritten', async () => {
    const before = await kernelState(host);
    const changes = await monitor(host);
    await underPing(async () => {
      for (let round = 0; round < 3; round++) {
        await daemon().kill('SIGKILL');
        await start().waitReady();
        expect(changesBy(daemon())).toEqual([]);
      }
    });
    expect(ofWeft(await changes.stop())).toEqual([]);
    expect(await kernelState(host)).toEqual(before);
  });

  test('ended by SIGTERM and started again: the same', async () => {
    const changes = await monitor(host);
    await underPing(async () => {
      expect(await daemon().stop()).toMatchObject({ code: 0 });
      await start().waitReady();
    });
    expect(changesBy(daemon())).toEqual([]);
    expect(ofWeft(await changes.stop())).toEqual([]);
  });

  test('killed at any moment of its start: no packet lost, and the next start is as if nothing had been', async () => {
    const before = await kernelState(host);
    const changes = await monitor(host);
    await underPing(async () => {
      for (let ms = 100; ms <= 500; ms += 50) {
        await daemon().kill('SIGKILL');
        start();
        await new Promise((resolve) => setTimeout(resolve, ms));
      }
      await daemon().kill('SIGKILL');
      await start().waitReady();
    });
    expect(ofWeft(await changes.stop())).toEqual([]);
    expect(await kernelState(host)).toEqual(before);
  });

  test('killed while it programs hundreds of peers that came and went meanwhile: the next start completes it', async () => {
    const before = await kernelState(host);
    await underPing(async () => {
      await daemon().kill('SIGKILL');
      // Each round finds a hundred hosts gone, and a hundred new ones.
      for (const [round, second] of [30, 31, 32, 33].entries()) {
        if (round > 0) await fakePeers(mesh.lab, second - 1, type, 'del');
        await fakePeers(mesh.lab, second, type, 'put');
        await start().waitForLog(/"lease held"|"wrote subnet.env"/);
        await new Promise((resolve) => setTimeout(resolve, round * 15));
        await daemon().kill('SIGKILL');
      }
      await start().waitReady();
    });
    const counts = await Promise.all([30, 31, 32, 33].map((second) => entriesInto(host, second)));
    expect(counts).toEqual([0, 0, 0, 100 * perPeer]);
    expect((await host.weft('plan')).stdout).toContain('Operations (0)');
    await daemon().kill('SIGKILL');
    await fakePeers(mesh.lab, 33, type, 'del');
    await start().waitReady();
    expect(await kernelState(host)).toEqual(before);
    const told = async () =>
      (await kernelState(mesh.lab.host(1)))['v4 routes']?.includes('10.33.') === false;
    await eventually(told, { within: 2000, what: 'the other host has swept them too' });
  });
});

/** What a flanneld at work on this host would have left, from its lease on. */
async function beFlanneld(lab: Lab, host: Host, peer: Host, subnet: string): Promise<string> {
  const base = `${subnet}.0`;
  await host.ip(
    `link add flannel.1 type vxlan id 1 dev eth0 local ${host.address} dstport 8472 nolearning`,
  );
  await host.ip('link set flannel.1 mtu 1450 up');
  await host.ip(`address add ${base}/32 dev flannel.1`);
  const [link] = await host.ipJson<{ address: string }>('link show flannel.1');
  const mac = link!.address;
  const value = {
    PublicIP: host.address,
    PublicIPv6: null,
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: mac },
  };
  await lab.etcdctl('put', `/coreos.com/network/subnets/${base}-24`, JSON.stringify(value));
  const [there] = await peer
    .ipJson<{ local: string }>('-4 address show dev flannel.1')
    .then((links) =>
      links.flatMap((each) => (each as unknown as { addr_info: { local: string }[] }).addr_info),
    );
  const [device] = await peer.ipJson<{ address: string }>('link show flannel.1');
  await host.ip(`neigh add ${there!.local} lladdr ${device!.address} dev flannel.1 nud permanent`);
  await host.output('bridge', [
    'fdb',
    'add',
    device!.address,
    'dev',
    'flannel.1',
    'dst',
    peer.address,
  ]);
  await host.ip(`route add ${there!.local}/24 via ${there!.local} dev flannel.1 onlink`);
  return mac;
}

test("flanneld's device and routes are taken over: same subnet, same MAC, no packet lost", async () => {
  await using lab = await createLab({ nodes: 2 });
  await lab.startEtcd();
  await lab.configureNetwork({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } });
  const [peer, host] = lab.hosts as [Host, Host];
  await peer.startWeftd().waitReady();
  const there = await peer.attachWorkload('work');
  const mac = await beFlanneld(lab, host, peer, '10.5.77');
  const here = await host.attachWorkload('work', bridgeNetwork({ 4: '10.5.77.1/24', mtu: 1450 }));
  const reached = async () => (await here.exec('ping', ['-c1', '-W1', there.address])).code === 0;
  await eventually(reached, { within: 2000, what: "the peer follows flanneld's lease" });

  const before = await host.ipJson('link show flannel.1');
  await withoutLoss(here, there, async () => {
    await host.startWeftd().waitReady();
  });
  const [link] = await host.ipJson<{ ifindex: number; address: string; ifalias: string }>(
    'link show flannel.1',
  );
  expect(link).toMatchObject({
    ifindex: before[0]!['ifindex'],
    address: mac,
    ifalias: 'weft vxlan 1',
  });
  const key = '/coreos.com/network/subnets/10.5.77.0-24';
  const value: unknown = JSON.parse(await lab.etcdctl('get', '--print-value-only', key));
  expect(value).toMatchObject({ PublicIP: host.address, BackendData: { VNI: 1, VtepMAC: mac } });
  const routes = (await host.ip('-4 route show dev flannel.1')).trim().split('\n');
  expect(routes).toHaveLength(1);
  expect(routes[0]).toContain('proto 119');
});

test('a host that lost its device, its files and its daemon at once is as before after a start', async () => {
  await using lab = await createLab({ nodes: 2 });
  await lab.startEtcd();
  await lab.configureNetwork({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } });
  const [, second] = await Promise.all(lab.hosts.map((host) => host.startWeftd().waitReady()));
  const host = lab.host(2);
  const before = await kernelState(host);
  await second!.kill('SIGKILL');
  await host.ip('link delete flannel.1');
  await rm(host.subnetFile);
  await host.output('nft', ['flush', 'ruleset']);
  await host.startWeftd().waitReady();
  expect(await kernelState(host)).toEqual(before);
});
