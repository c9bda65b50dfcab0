/** flanneld's udp: packets as they are in UDP, by a program behind a TUN device that outlives weftd. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Address } from '../../agent/ip/address.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { leaseOf } from '../lab/overlay.ts';
import { iperf, ping, startPing } from '../lab/probes.ts';
import { capture } from '../lab/watching.ts';

const NETWORK = '10.5.0.0/16';
const DEVICE = 'flannel0';
const SOON = 10_000;
/** Four bytes, again and again: `weft`. */
const MARK = '77656674';

let mesh: Mesh;
let one: Host;
let two: Host;
beforeAll(async () => {
  // Without a backend, as flanneld takes it for udp too.
  mesh = await startMesh({ nodes: 3, network: { Network: NETWORK }, flags: ['--ip-masq'] });
  [one, two] = mesh.lab.hosts as [Host, Host];
});
afterAll(() => mesh?.close());

const workload = (number: number): Namespace => mesh.workloads[number - 1]!;
const target = (number: number): Address => addressOf(workload(number), 4);

function reaches(from: number, to: number): Promise<boolean> {
  return eventually(async () => (await ping(workload(from), target(to), { count: 1 })).lost === 0, {
    within: SOON,
    what: `the workload of host ${from} reaches that of host ${to}`,
  });
}

async function indexOf(host: Host): Promise<number | undefined> {
  const { code, stdout } = await host.exec('ip', ['-j', 'link', 'show', DEVICE]);
  return code === 0 ? (JSON.parse(stdout) as { ifindex: number }[])[0]?.ifindex : undefined;
}

/** Of this host: all of them have the same device's name. */
async function forwardersOf(host: Host): Promise<string[]> {
  const script = `for p in $(pgrep -f 'udp-forwarder ${DEVICE}'); do
    [ "$(readlink /proc/$p/ns/net)" = "$(readlink /proc/$$/ns/net)" ] && [ $p != $$ ] && echo $p; done; true`;
  return (await host.output('bash', ['-c', script])).split('\n').filter(Boolean);
}

test('every workload reaches every other, and large transfers pass', async () => {
  for (const from of [1, 2, 3])
    for (const to of [1, 2, 3]) if (from !== to) await reaches(from, to);
  expect(await iperf(workload(1), workload(2), { seconds: 1 })).toBeGreaterThan(0);
});

test('device, lease, routes and MTU are as flanneld has them, and the log says what it is for', async () => {
  const { text, subnets } = await leaseOf(mesh.lab, one.address);
  expect(text).toContain(
    `{"PublicIP":"${one.address}","PublicIPv6":null,"BackendType":"udp","Weft":`,
  );
  const link = await one.ip(`-d link show ${DEVICE}`);
  expect(link).toContain(' mtu 1472 ');
  expect(link).toMatch(/ tun type tun pi off /);
  expect(await one.ip(`-4 address show ${DEVICE}`)).toContain(
    ` ${subnets[0]?.replace('/24', '/32')} `,
  );
  expect(await one.ip(`route show dev ${DEVICE}`)).toContain(`${NETWORK} proto 119 scope link `);
  expect(await readFile(one.subnetFile, 'utf8')).toContain('\nFLANNEL_MTU=1472\n');
  expect(mesh.daemons[0]!.log()).toContainEqual(
    expect.objectContaining({ level: 'warn', msg: expect.stringMatching(/for debugging only/) }),
  );
  expect((await one.weft('plan')).stdout).toContain('none: the kernel is as desired');
});

test('what is on the wire is the packet itself, two hops older at the other end', async () => {
  const outside = await capture(one, one.link, `udp port 8285 and src ${one.address}`, ['-x']);
  const arrived = await capture(workload(2), 'eth0', `icmp and src ${target(1)}`, ['-x']);
  await workload(1).output('ping', ['-c1', '-W2', '-s56', `-p${MARK}`, target(2)]);
  // Beside the question how long the way takes.
  const packet = packetsIn(await outside.stop()).find((each) => each.includes(MARK)) ?? '';
  // Outer headers of 20 and 8 bytes.
  const inner = packet.slice(56);
  const hex = (address: Address) => Buffer.from(address.split('.').map(Number)).toString('hex');
  // Version and length, 84 bytes in all; the TTL of 64 less the host's hop and the forwarder's (62), and ICMP.
  expect(inner).toMatch(/^45000054.{8}3e01/);
  expect(inner.slice(24, 40)).toBe(hex(target(1)) + hex(target(2)));
  expect(inner).toHaveLength(2 * 84);
  expect(inner).toContain(MARK.repeat(8));
  // Two hops later, 60.
  expect(packetsIn(await arrived.stop())).toEqual([expect.stringMatching(/^45000054.{8}3c01/)]);
});

test('an address without a host is answered with ICMP', async () => {
  const [subnet = ''] = (await leaseOf(mesh.lab, one.address)).subnets;
  const packets = await capture(one, one.link, `net ${NETWORK} or udp port 8285`);
  for (const from of [workload(1), one]) {
    const { stdout } = await from.exec('ping', ['-c1', '-W2', '10.5.255.254']);
    const own = subnet.replace('/24', '');
    expect(stdout).toContain(`From ${own} icmp_seq=1 Destination Net Unreachable`);
  }
  expect((await packets.stop()).filter((line) => line.includes('10.5.255.254'))).toEqual([]);
});

test('weftd killed and started anew loses no packet, and touches nothing', async () => {
  const [index, programs] = [await indexOf(one), await forwardersOf(one)];
  const pings = await Promise.all([
    startPing(workload(1), target(2)),
    startPing(workload(3), target(1)),
  ]);
  await mesh.daemons[0]!.kill('SIGKILL');
  mesh.daemons[0] = await one.startWeftd(['--ip-masq']).waitReady();
  for (const { sent, lost } of await Promise.all(pings.map((each) => each.stop()))) {
    expect(sent).toBeGreaterThan(100);
    expect(lost).toBe(0);
  }
  expect([await indexOf(one), await forwardersOf(one)]).toEqual([index, programs]);
  expect(mesh.daemons[0].log().filter(({ msg }) => msg === 'repaired')).toEqual([]);
});

test('a program that dies, and a device that is removed, are made anew', async () => {
  for (const destroy of [
    async () => one.output('kill', ['-9', ...(await forwardersOf(one))]),
    async () => one.ip(`link delete ${DEVICE}`),
  ]) {
    const index = await indexOf(one);
    await destroy();
    const isAnew = async (): Promise<boolean> =>
      ![undefined, index].includes(await indexOf(one)) &&
      (await one.weft('plan')).stdout.includes('none: the kernel is as desired');
    await eventually(isAnew, { within: SOON, what: 'another device stands, and its routes' });
    await Promise.all([reaches(1, 2), reaches(3, 1)]);
    expect(await forwardersOf(one)).toHaveLength(1);
  }
});

test('it gives way to vxlan while workloads talk, and nothing stays', async () => {
  const going = await startPing(workload(1), target(2));
  await mesh.lab.configureNetwork({ Network: NETWORK, Backend: { Type: 'vxlan' } });
  await eventually(
    async () =>
      (await Promise.all(mesh.lab.hosts.map(indexOf))).every((each) => each === undefined),
    { within: 30_000, what: 'no host has the former device' },
  );
  const { sent, lost } = await going.stop();
  expect(sent).toBeGreaterThan(1000);
  // One may be in flight, in the hands of the program, at the moment of the change.
  expect(lost).toBeLessThanOrEqual(1);
  await eventually(async () => (await forwardersOf(two)).length === 0, {
    within: SOON,
    what: 'its program has ended',
  });
});

/** Each packet as tcpdump prints it with -x, in hexadecimal without gaps. */
function packetsIn(lines: readonly string[]): string[] {
  const packets: string[] = [];
  for (const line of lines) {
    const row = /^\s+0x[0-9a-f]+:(.*)/.exec(line)?.[1];
    if (row === undefined) packets.push('');
    else packets.push((packets.pop() ?? '') + row.replaceAll(/\s/g, ''));
  }
  return packets;
}
