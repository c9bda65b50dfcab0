/** Workloads of either family, and of both, over underlays of either family, and of both. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { FAMILIES, type Family } from '../../agent/ip/address.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { entriesOf, leasesIn, type LeaseValue } from '../lab/overlay.ts';
import { ping } from '../lab/probes.ts';
import { capture } from '../lab/watching.ts';
import { BRIDGE, WORKLOAD_LINK } from '../lab/workload.ts';

const IPV6 = { EnableIPv6: true, IPv6Network: 'fd00:5::/48', Backend: { Type: 'vxlan' } };
const WORKLOADS = {
  'dual-stack': { families: [4, 6], config: { Network: '10.5.0.0/16', ...IPV6 } },
  'IPv6-only': { families: [6], config: { EnableIPv4: false, ...IPV6 } },
} as const;
const UNDERLAYS = {
  'an IPv4': { v4: '192.168.77.0/24' },
  'an IPv6': { v6: 'fd77::/64' },
  'a dual-stack': { v4: '192.168.77.0/24', v6: 'fd77::/64' },
};

/** Bytes of headers around the payload of an echo request: IP and ICMP. */
const PING_HEADERS: Readonly<Record<Family, number>> = { 4: 28, 6: 48 };
const ETHERNET_HEADER = 14;
/** What tcpdump prints of a frame; more lines may tell of the frame within. */
const OUTER = /^\d\d:\d\d:\d\d\./;

/** Which outer families carry them. */
type Row = readonly [keyof typeof WORKLOADS, keyof typeof UNDERLAYS, readonly Family[]];
const ROWS: readonly Row[] = [
  ['dual-stack', 'an IPv4', [4]],
  ['dual-stack', 'an IPv6', [6]],
  ['dual-stack', 'a dual-stack', [4, 6]],
  ['IPv6-only', 'an IPv4', [4]],
  ['IPv6-only', 'an IPv6', [6]],
  ['IPv6-only', 'a dual-stack', [6]],
];

test.each(ROWS)('%s workloads over %s underlay', async (workloads, underlay, outer) => {
  const { families, config } = WORKLOADS[workloads];
  const mtu = outer.includes(6) ? 1430 : 1450;
  const mesh = await startMesh({ nodes: 2, underlay: UNDERLAYS[underlay], network: config });
  try {
    const { lab } = mesh;
    await eventually(
      async () => {
        for (const host of lab.hosts)
          expect((await entriesOf(host)).routes).toHaveLength(families.length);
        return true;
      },
      { within: 5_000, what: 'both hosts have heard of each other' },
    );
    await expectPublished(
      lab.hosts,
      outer,
      (await leasesIn(lab)).map(({ value }) => value),
    );
    for (const host of lab.hosts) await expectSubnetEnv(host, families, mtu);
    await expectDevices(lab.host(1), outer);
    await expectFullPackets(mesh, families, outer, mtu);
  } finally {
    await mesh.close();
  }
});

/** So that not the workload's own link, but what carries its packets on, refuses those that are too long. */
async function raiseMtu(host: Host, workload: Namespace): Promise<void> {
  await workload.ip(`link set ${WORKLOAD_LINK} mtu 1500`);
  await host.ip('link set port1 mtu 1500');
  await host.ip(`link set ${BRIDGE} mtu 1500`);
}

function deviceMtu(outer: Family): number {
  return 1500 - FAMILIES[outer].vxlanOverhead;
}

/** Each host's lease has its addresses of the outer families, a VTEP for each, and nothing of the other. */
async function expectPublished(
  hosts: readonly Host[],
  outer: readonly Family[],
  values: readonly LeaseValue[],
): Promise<void> {
  const fields = values.map(({ PublicIP, PublicIPv6, BackendData, BackendV6Data }) => ({
    4: BackendData && PublicIP,
    6: BackendV6Data && PublicIPv6,
    unset: { 4: PublicIP === '0.0.0.0', 6: PublicIPv6 === null },
  }));
  const expected = hosts.map(({ addresses }) => ({
    4: outer.includes(4) ? addresses[4] : undefined,
    6: outer.includes(6) ? addresses[6] : undefined,
    unset: { 4: !outer.includes(4), 6: !outer.includes(6) },
  }));
  expect(fields).toEqual(expect.arrayContaining(expected));
  expect(fields).toHaveLength(hosts.length);
}

async function expectSubnetEnv(
  host: Host,
  families: readonly Family[],
  mtu: number,
): Promise<void> {
  const text = await readFile(host.subnetFile, 'utf8');
  const names = text.split('\n').map((line) => line.split('=')[0]);
  expect(names).toEqual([
    ...(families.includes(4) ? ['FLANNEL_NETWORK', 'FLANNEL_SUBNET'] : []),
    ...(families.includes(6) ? ['FLANNEL_IPV6_NETWORK', 'FLANNEL_IPV6_SUBNET'] : []),
    'FLANNEL_MTU',
    'FLANNEL_IPMASQ',
    '',
  ]);
  expect(text).toContain(`\nFLANNEL_MTU=${mtu}\n`);
}

async function expectDevices(host: Host, outer: readonly Family[]): Promise<void> {
  const names = { 4: 'flannel.1', 6: 'flannel-v6.1' };
  const links = await host.ipJson<{ ifname: string; mtu: number }>('link show type vxlan');
  expect(links.map(({ ifname, mtu }) => [ifname, mtu])).toEqual(
    outer.map((family) => [names[family], deviceMtu(family)]),
  );
}

/**
 * Packets as long as subnet.env says pass whole in each family, three there and three back, in packets of the outer
 * family; one byte more than the tunnel takes does not.
 */
async function expectFullPackets(
  mesh: Mesh,
  families: readonly Family[],
  outer: readonly Family[],
  mtu: number,
): Promise<void> {
  const host = mesh.lab.host(1);
  const [from, to] = mesh.workloads as [Namespace, Namespace];
  await raiseMtu(host, from);
  const carrier = (family: Family) => (outer.includes(family) ? family : outer[0]!);
  const packets = await capture(host, 'eth0', 'udp port 8472 and greater 1000', ['-e']);
  const exchange = async (family: Family) => {
    const pingWhole = (length: number) => {
      const size = length - PING_HEADERS[family];
      return ping(from, addressOf(to, family), { wholePackets: true, count: 3, size });
    };
    expect(await pingWhole(mtu)).toMatchObject({ lost: 0 });
    expect(await pingWhole(deviceMtu(carrier(family)) + 1)).toMatchObject({ received: 0 });
  };
  await Promise.all(families.map(exchange));
  const frames = (await packets.stop())
    .filter((line) => OUTER.test(line))
    .map(
      (line) => /, (ethertype IPv[46]) .*?, (length \d+): /.exec(line)?.slice(1).join(' ') ?? line,
    );
  const expected = families.flatMap((family) => {
    const length = ETHERNET_HEADER + FAMILIES[carrier(family)].vxlanOverhead + mtu;
    return Array.from({ length: 6 }, () => `ethertype IPv${carrier(family)} length ${length}`);
  });
  expect(frames.toSorted()).toEqual(expected.toSorted());
}
