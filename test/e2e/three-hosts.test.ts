/** The main job: three hosts lease subnets from etcd and become one network. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Address } from '../../agent/ip/address.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import {
  entriesOf,
  gatewaysTo,
  leaseOf,
  leasesIn,
  othersOf,
  tunnelsTo,
  untilProgrammed,
  type Entries,
  type LeaseEntry,
} from '../lab/overlay.ts';
import { ping, startPing } from '../lab/probes.ts';
import { capture } from '../lab/watching.ts';

const NETWORK = '10.5.0.0/16';

/** What travels between hosts, as a filter of pcap. */
const WITHOUT_GOSSIP = '(udp and not port 7946) or icmp';

/**
 * Every host asks every other through the tunnel how long that takes, at traceroute's port. What is inside a packet of
 * VXLAN stands on the lines after its own.
 */
function withoutRoundTrips(lines: readonly string[]): string[] {
  const packets: string[][] = [];
  for (const line of lines) {
    if (/\.8472: VXLAN/.test(line) || packets.length === 0) packets.push([line]);
    else packets.at(-1)?.push(line);
  }
  return packets.filter((packet) => !packet.join().includes('33434')).flat();
}

/** Everybody has heard of everybody; each change of a test is given as long. */
const SOON = 5_000;

function backend(options: object): object {
  return { Network: NETWORK, Backend: options };
}

function macOf(host: Host, device: string): Promise<string> {
  return host
    .ipJson<{ address: string }>(`link show ${device}`)
    .then(([link]) => link?.address ?? '');
}

async function subnetEnv(host: Host): Promise<string> {
  return readFile(host.subnetFile, 'utf8');
}

async function expectAllReach({ workloads }: Pick<Mesh, 'workloads'>): Promise<void> {
  const pairs = workloads.flatMap((from) =>
    workloads.filter((to) => to !== from).map((to) => [from, to] as const),
  );
  const results = await Promise.all(
    pairs.map(([from, to]) => ping(from, addressOf(to, 4), { count: 3 })),
  );
  expect(results.map(({ lost }) => lost)).toEqual(pairs.map(() => 0));
}

describe('VXLAN on three hosts of one link', () => {
  let mesh: Mesh;
  let lab: Lab;
  beforeAll(async () => {
    mesh = await startMesh({ nodes: 3, network: backend({ Type: 'vxlan' }), flags: ['--ip-masq'] });
    lab = mesh.lab;
    await untilProgrammed(lab, { within: SOON });
  });
  afterAll(() => mesh?.close());

  test('leases are in etcd byte for byte as flannel writes them, with our own field last', async () => {
    for (const host of lab.hosts) {
      const lease = await leaseOf(lab, host.address);
      const node = (await readFile(`${host.stateDir}/node-id`, 'utf8')).trim();
      expect(lease.key).toMatch(/^10\.5\.\d+\.0-24$/);
      expect(lease.text).toBe(
        `{"PublicIP":"${host.address}","PublicIPv6":null,"BackendType":"vxlan",` +
          `"BackendData":{"VNI":1,"VtepMAC":"${await macOf(host, 'flannel.1')}"},"Weft":{"Node":"${node}","Gossip":"${host.address}:7946"}}`,
      );
      const hex = BigInt(lease.leaseId).toString(16);
      expect(await lab.etcdctl('lease', 'timetolive', hex)).toMatch(/granted with TTL\(86400s\)/);
    }
  });

  test('subnet.env is exact', async () => {
    for (const host of lab.hosts) {
      const { subnets } = await leaseOf(lab, host.address);
      expect(await subnetEnv(host)).toBe(
        [
          `FLANNEL_NETWORK=${NETWORK}`,
          `FLANNEL_SUBNET=${subnets[0]?.replace('.0/24', '.1/24')}`,
          'FLANNEL_MTU=1450',
          'FLANNEL_IPMASQ=true\n',
        ].join('\n'),
      );
    }
  });

  test('the device and its address, and a peer of it, are those of flannel but for the protocol', async () => {
    const [here, there] = [lab.host(1), lab.host(2)];
    const own = (await leaseOf(lab, here.address)).subnets[0]?.replace('/24', '') ?? '';
    const subnet = (await leaseOf(lab, there.address)).subnets[0] ?? '';
    const base = subnet.replace('/24', '');
    const mac = await macOf(there, 'flannel.1');
    const link = await here.ip('-d link show flannel.1');
    expect(link).toContain(' mtu 1450 ');
    expect(link).toContain(
      `vxlan id 1 local ${here.address} dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum `,
    );
    expect(await here.ip('-4 address show flannel.1')).toMatch(
      new RegExp(`inet ${own.replaceAll('.', '\\.')}/32 scope global flannel\\.1\\n`),
    );
    // A scope below "site" (200) means the same to a lookup as global, which is not printed.
    const route = (await here.ip(`-N route show ${subnet}`)).trim();
    expect(route.replace(/ scope 1?\d?\d /, ' ')).toBe(
      `${subnet} via ${base} dev flannel.1 proto 119 onlink`,
    );
    expect((await here.ip(`neigh show ${base}`)).trim()).toBe(
      `${base} dev flannel.1 lladdr ${mac} PERMANENT`,
    );
    const fdb = await here.output('bridge', ['fdb', 'show', 'dev', 'flannel.1']);
    expect(fdb.split('\n')).toContain(`${mac} dst ${there.address} self permanent`.trim());
  });

  test('every workload reaches every other with its own source address', async () => {
    const captures = await Promise.all(
      mesh.workloads.map((to) => capture(to, 'eth0', 'icmp[icmptype]==icmp-echo')),
    );
    await expectAllReach(mesh);
    for (const [i, packets] of captures.entries()) {
      const own = addressOf(mesh.workloads[i]!, 4);
      const sources = (await packets.stop()).map((line) => / IP (\S+) > /.exec(line)?.[1]);
      const others = mesh.workloads
        .map((from) => addressOf(from, 4))
        .filter((from) => from !== own);
      // Its own requests are seen as well.
      const seen = sources.filter((source) => source !== own);
      expect(new Set(seen)).toEqual(new Set(others));
      expect(seen).toHaveLength(3 * others.length);
    }
  });

  test('on the underlay it is VXLAN from host to host, and nothing inside is flooded', async () => {
    const [here, there] = [lab.host(1), lab.host(2)];
    const [from, to] = [mesh.workloads[0]!, mesh.workloads[1]!];
    const packets = await capture(here, 'eth0', WITHOUT_GOSSIP, ['-e', '-T', 'vxlan']);
    const floods = await capture(here, 'flannel.1', 'arp or broadcast', ['-e']);
    await ping(from, addressOf(to, 4), { count: 5 });
    const nobody = addressOf(to, 4).replace(/\d+$/, '99') as Address;
    await Promise.all([
      here.exec('ping', ['-c1', '-W1', '-I', 'flannel.1', '10.5.255.77']),
      here.exec('ping', ['-c1', '-W1', '-I', 'flannel.1', '-b', '255.255.255.255']),
      ping(from, nobody, { count: 1 }),
    ]);
    const sent = (await floods.stop()).join('\n');
    expect(sent).toMatch(/ARP.* who-has 10\.5\.255\.77 /);
    expect(sent).toMatch(/ > 255\.255\.255\.255: ICMP echo request/);
    const lines = withoutRoundTrips(await packets.stop());
    const outer = lines.filter((line) => / > \S+\.8472: VXLAN/.test(line));
    const inner = lines.filter((line) => !outer.includes(line));
    expect(outer.length).toBeGreaterThanOrEqual(10);
    const pair = [here.address, there.address].map((address) => address.replaceAll('.', '\\.'));
    const way = new RegExp(
      `(${pair[0]}\\.\\d+ > ${pair[1]}|${pair[1]}\\.\\d+ > ${pair[0]})\\.8472: `,
    );
    for (const line of outer) {
      expect(line).toMatch(way);
      expect(line).toMatch(/VXLAN, flags \[I\] \(0x08\), vni 1\b/);
    }
    const macs = [await macOf(here, 'flannel.1'), await macOf(there, 'flannel.1')];
    for (const line of inner) {
      const [, source = '', target = ''] = /([0-9a-f:]{17}) > ([0-9a-f:]{17})/.exec(line) ?? [];
      expect(macs, line).toEqual(expect.arrayContaining([source, target]));
      expect(line).toMatch(/ethertype IPv4 .* ICMP /);
    }
    expect(inner).toHaveLength(outer.length);
  });

  test('the host itself reaches workloads, as the base of its subnet', async () => {
    const here = lab.host(1);
    const to = mesh.workloads[1]!;
    const { subnets } = await leaseOf(lab, here.address);
    const packets = await capture(to, 'eth0', 'icmp[icmptype]==icmp-echo');
    expect(await ping(here, addressOf(to, 4), { count: 3 })).toMatchObject({ lost: 0 });
    const base = subnets[0]?.replace('/24', '');
    for (const line of await packets.stop())
      expect(line).toContain(` IP ${base} > ${addressOf(to, 4)}: `);
  });

  test('weft tells status, leases and plan, readable and as JSON', async () => {
    const here = lab.host(1);
    const mine = await leaseOf(lab, here.address);
    const output = async (...args: string[]) => {
      const { code, stdout, stderr } = await here.weft(...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout;
    };
    const status = await output('status');
    expect(status).toMatch(/^\S+: nothing is wrong\n/);
    expect(status).toContain(`lease        ${mine.subnets[0]}, held until `);
    expect(status).toMatch(/^backend +vxlan on flannel\.1, MTU 1450$/m);
    expect(status).toMatch(/^peers +2$/m);
    expect(JSON.parse(await output('status', '--json'))).toMatchObject({
      ready: true,
      problems: [],
      lease: { state: 'held', subnets: mine.subnets },
      backend: { type: 'vxlan', devices: ['flannel.1'], mtu: 1450 },
      underlay: { link: 'eth0', mtu: 1500, publicAddresses: [here.address] },
      peers: 2,
      counters: { repairs: 0, refused: 0 },
    });
    const leases = await leasesIn(lab);
    const table = (await output('leases')).trimEnd().split('\n');
    expect(table).toHaveLength(leases.length + 2);
    expect(table.at(-1)).toBe('3 leases');
    const told = JSON.parse(await output('leases', '--json')) as { key: string; mine: boolean }[];
    expect(told.map(({ key }) => key).sort()).toEqual(leases.map(({ key }) => key).sort());
    expect(told.filter(({ mine }) => mine).map(({ key }) => key)).toEqual([mine.key]);
    expect(await output('plan')).toMatch(
      /^Operations \(0\)\n[^]*^Desired \(10\)\n[^]*^Actual \(10\)\n/m,
    );
    const plan = JSON.parse(await output('plan', '--json')) as Record<string, unknown[]>;
    expect(plan['operations']).toEqual([]);
    expect(plan['actual']).toHaveLength(10);
    expect(plan['actual']).toEqual(expect.arrayContaining(plan['desired'] ?? []));
  });

  test("device and subnet.env follow the underlay's MTU", async () => {
    const here = lab.host(3);
    for (const mtu of [1400, 1500]) {
      await here.ip(`link set eth0 mtu ${mtu}`);
      const what = `the overlay has an MTU of ${mtu - 50}`;
      await eventually(
        async () => {
          const [link] = await here.ipJson<{ mtu: number }>('link show flannel.1');
          expect(link?.mtu).toBe(mtu - 50);
          expect(await subnetEnv(here)).toContain(`\nFLANNEL_MTU=${mtu - 50}\n`);
          return true;
        },
        { within: SOON, what },
      );
    }
    await untilProgrammed(lab, { within: SOON });
  });

  test('the backend changes to host-gw and back while workloads talk, and nothing is lost', async () => {
    const [first, second, third] = mesh.workloads as [never, never, never];
    const pings = await Promise.all([
      startPing(first, addressOf(second, 4)),
      startPing(second, addressOf(third, 4)),
      startPing(third, addressOf(first, 4)),
    ]);
    await lab.configureNetwork(backend({ Type: 'host-gw' }));
    await untilTypes(lab, 'host-gw');
    await eventually(
      async () => {
        const leases = await leasesIn(lab);
        for (const host of lab.hosts)
          expect((await entriesOf(host)).routes).toEqual(
            gatewaysTo(othersOf(leases, host.address)).routes,
          );
        return true;
      },
      { within: SOON, what: 'every host is reached by way of itself' },
    );
    await lab.configureNetwork(backend({ Type: 'vxlan' }));
    await untilTypes(lab, 'vxlan');
    await untilProgrammed(lab, { within: SOON });
    const results = await Promise.all(pings.map((each) => each.stop()));
    for (const { sent, lost } of results) {
      expect(sent).toBeGreaterThan(100);
      expect(lost).toBe(0);
    }
  });

  test('of a backend that is given up nothing stays, also where weftd was started anew meanwhile', async () => {
    await lab.configureNetwork(backend({ Type: 'host-gw' }));
    await untilTypes(lab, 'host-gw');
    await mesh.daemons[0]!.stop();
    mesh.daemons[0] = lab.host(1).startWeftd(['--ip-masq']);
    await untilProgrammed(lab, { within: SOON, entries: gatewaysTo });
    for (const host of lab.hosts) {
      await eventually(async () => (await host.ip('link show type vxlan')) === '', {
        // The former mesh stands for ten seconds.
        within: 20_000,
        what: `${host.name} has no tunnel`,
      });
      expect(await subnetEnv(host)).toContain('\nFLANNEL_MTU=1500\n');
    }
    await expectAllReach(mesh);
  });
});

async function untilTypes(lab: Lab, type: string): Promise<void> {
  await eventually(
    async () => {
      const types = (await leasesIn(lab)).map(({ value }) => value.BackendType);
      return types.length === lab.hosts.length && types.every((each) => each === type);
    },
    { within: SOON, what: `every lease is of backend ${type}` },
  );
}

test('host-gw routes by way of the peers, and nothing is encapsulated', async () => {
  await using mesh = await disposable({ nodes: 3, network: backend({ Type: 'host-gw' }) });
  const { lab } = mesh;
  await untilProgrammed(lab, { within: SOON, entries: gatewaysTo });
  const here = lab.host(1);
  const { key, text } = await leaseOf(lab, here.address);
  const node = (await readFile(`${here.stateDir}/node-id`, 'utf8')).trim();
  expect({ key, text }).toMatchObject({
    text: `{"PublicIP":"${here.address}","PublicIPv6":null,"BackendType":"host-gw","Weft":{"Node":"${node}","Gossip":"${here.address}:7946"}}`,
  });
  expect(await subnetEnv(here)).toContain('\nFLANNEL_MTU=1500\n');
  expect(await here.ip('-br link show type vxlan')).toBe('');
  const packets = await capture(here, 'eth0', WITHOUT_GOSSIP, ['-T', 'vxlan']);
  await expectAllReach(mesh);
  const lines = await packets.stop();
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatch(/ IP 10\.5\.\d+\.2 > 10\.5\.\d+\.2: ICMP /);
});

test('DirectRouting goes without a tunnel to hosts on the same link only', async () => {
  const network = backend({ Type: 'vxlan', DirectRouting: true });
  await using mesh = await disposable({ nodes: 3, network, segments: [0, 0, 1] });
  const { lab } = mesh;
  const leases = await Promise.all(lab.hosts.map((host) => leaseOf(lab, host.address)));
  const [one, two, three] = leases as [LeaseEntry, LeaseEntry, LeaseEntry];
  const both = (direct: LeaseEntry, far: LeaseEntry): Entries => {
    const [near, tunnel] = [gatewaysTo([direct]), tunnelsTo([far])];
    return { ...tunnel, routes: [...near.routes, ...tunnel.routes].sort() };
  };
  const expected = [both(two, three), both(one, three), tunnelsTo([one, two])];
  for (const [i, host] of lab.hosts.entries())
    await eventually(async () => (expect(await entriesOf(host)).toEqual(expected[i]), true), {
      within: SOON,
      what: `${host.name} tunnels to the other link only`,
    });
  const packets = await capture(lab.host(2), 'eth0', WITHOUT_GOSSIP, ['-T', 'vxlan']);
  await expectAllReach(mesh);
  const lines = await packets.stop();
  const plain = lines.filter((line) => /^\d.* ICMP /.test(line));
  const tunnelled = lines.filter((line) => / VXLAN, /.test(line));
  expect(plain).not.toHaveLength(0);
  expect(tunnelled).not.toHaveLength(0);
  for (const line of plain) expect(line).not.toContain(addressOf(mesh.workloads[2]!, 4));
  for (const line of tunnelled) expect(line).toContain(lab.host(3).address);
});

test("the backend's options are the device's", async () => {
  const network = backend({
    Type: 'VXLAN',
    vni: 42,
    Port: 4789,
    MTU: 1400,
    GBP: true,
    Learning: true,
  });
  await using mesh = await disposable({ nodes: 2, network });
  const { lab } = mesh;
  const here = lab.host(1);
  const link = await here.ip('-d link show flannel.42');
  expect(link).toContain(' mtu 1350 ');
  expect(link).toMatch(/vxlan id 42 local \S+ dev eth0 srcport 0 0 dstport 4789 ttl auto .* gbp /);
  const { value } = await leaseOf(lab, here.address);
  expect(value.BackendData).toEqual({ VNI: 42, VtepMAC: await macOf(here, 'flannel.42') });
  expect(await subnetEnv(here)).toContain('\nFLANNEL_MTU=1350\n');
  const entries = (others: readonly LeaseEntry[]) => tunnelsTo(others, 'flannel.42');
  await untilProgrammed(lab, { within: SOON, entries });
  const packets = await capture(here, 'eth0', 'udp');
  await expectAllReach(mesh);
  const outer = (await packets.stop()).filter((line) => / VXLAN, /.test(line));
  expect(outer.length).toBeGreaterThan(0);
  for (const line of outer) expect(line).toMatch(/\.4789: VXLAN, flags \[.*\] \(0x.8\), vni 42\b/);
});

async function disposable(options: Parameters<typeof startMesh>[0]) {
  const mesh = await startMesh(options);
  return { ...mesh, [Symbol.asyncDispose]: () => mesh.close() };
}
