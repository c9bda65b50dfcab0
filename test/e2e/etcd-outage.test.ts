/** etcd away: the mesh forwards on, says so once, is still repaired, and catches up when etcd is back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { kernelState } from '../lab/kernel-state.ts';
import { createLab } from '../lab/lab.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import { startPing } from '../lab/probes.ts';

const MINUTE = 60_000;
/** From etcd's return to the last entry, in ms. */
const SECONDS = 10_000;
const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };

interface Status {
  readonly ready: boolean;
  readonly etcd: { readonly connected: boolean; readonly unreachableSince?: string };
  readonly problems: readonly { readonly code: string }[];
}

async function statusOf(host: Host): Promise<Status> {
  const { code, stdout, stderr } = await host.weft('status', '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Status;
}

async function connected(host: Host, wanted: boolean): Promise<void> {
  const check = async () => (await statusOf(host)).etcd.connected === wanted;
  await eventually(check, {
    within: 2 * SECONDS,
    what: `${host.name} is ${wanted ? '' : 'not '}connected`,
    every: 200,
  });
}

const LEASE = (third: number) => `/coreos.com/network/subnets/10.5.${third}.0-24`;

function peerValue(third: number, remote = third): string {
  return JSON.stringify({
    PublicIP: `192.168.77.${remote}`,
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: `02:00:00:00:00:${third}` },
  });
}

/** Where the peer's VTEP is by the host's FDB; empty when there is none. */
async function remoteOn(host: Host, third: number): Promise<string> {
  const fdb = (await kernelState(host))['fdb'] ?? '';
  return new RegExp(`02:00:00:00:00:${third} dev flannel.1 dst (\\S+)`).exec(fdb)?.[1] ?? '';
}

async function expectRemote(host: Host, third: number, remote: string, within = SECONDS) {
  const check = async () => (await remoteOn(host, third)) === remote;
  await eventually(check, { within, what: `${host.name} knows 10.5.${third} at "${remote}"` });
}

let mesh: Mesh;

beforeAll(async () => {
  mesh = await startMesh({ nodes: 3, network: NETWORK });
});
afterAll(() => mesh?.close());

const put = (third: number, remote?: number) =>
  mesh.lab.etcdctl('put', LEASE(third), peerValue(third, remote));
const del = (third: number) => mesh.lab.etcdctl('del', LEASE(third));

/** All that should hold while etcd is away; `work` is done meanwhile. */
async function whileAway(ms: number, work: () => Promise<void>): Promise<void> {
  const [first, second] = mesh.workloads;
  const logged = mesh.daemons.map((daemon) => daemon.logLines().length);
  const ping = await startPing(first!, addressOf(second!, 4), { intervalMs: 10 });
  const until = performance.now() + ms;
  await work();
  await sleep(Math.max(0, until - performance.now()));
  expect((await ping.stop()).lost).toBe(0);
  for (const [i, daemon] of mesh.daemons.entries()) {
    expect(daemon.result).toBeUndefined();
    expect(daemon.logLines().slice(logged[i]).length).toBeLessThan(8);
  }
}

/** A route deleted by hand is back, etcd or no etcd: the one to the third host, which the ping does not take. */
async function expectRepair(host: Host): Promise<void> {
  const before = await kernelState(host);
  const [base = ''] = addressOf(mesh.workloads[2]!, 4).split(/\.\d+$/);
  await host.ip(`route delete ${base}.0/24`);
  const check = async () => expect(await kernelState(host)).toEqual(before);
  await eventually(() => check().then(() => true), { within: 1000, what: 'drift is repaired' });
}

test('etcd frozen for a minute: forwarding, status and repair go on; a restart waits; then all catch up', async () => {
  const [first, second, third] = mesh.lab.hosts as [Host, Host, Host];
  process.kill(mesh.etcd.pid, 'SIGSTOP');
  const kept = await kernelState(third);
  await whileAway(MINUTE, async () => {
    await mesh.daemons[2]!.kill('SIGKILL');
    mesh.daemons[2] = third.startWeftd();
    await Promise.all([first, second].map((host) => connected(host, false)));
    const { etcd, problems } = await statusOf(first);
    expect(Date.parse(etcd.unreachableSince!)).toBeLessThan(Date.now());
    expect(problems.map(({ code }) => code)).toContain('ETCD');
    expect((await first.weft('status')).stdout).toMatch(/etcd does not answer/);
    await expectRepair(first);
    expect(await kernelState(third)).toEqual(kept);
    expect((await statusOf(third)).ready).toBe(false);
  }).finally(() => process.kill(mesh.etcd.pid, 'SIGCONT'));
  await put(31);
  await mesh.daemons[2]!.waitReady();
  for (const host of mesh.lab.hosts) {
    await expectRemote(host, 31, '192.168.77.31');
    await connected(host, true);
  }
  await del(31);
  for (const host of mesh.lab.hosts) await expectRemote(host, 31, '');
  for (const host of mesh.lab.hosts) expect((await statusOf(host)).problems).toEqual([]);
});

test('etcd killed for a minute: the same, and what is put right after its return arrives', async () => {
  await put(32);
  await put(33);
  for (const host of mesh.lab.hosts) await expectRemote(host, 33, '192.168.77.33');
  await mesh.etcd.kill();
  await whileAway(MINUTE, async () => {
    for (const host of mesh.lab.hosts) await connected(host, false);
    await expectRepair(mesh.lab.host(2));
  });
  await mesh.etcd.restart();
  await del(32);
  await put(33, 99);
  await put(34);
  for (const host of mesh.lab.hosts) {
    await expectRemote(host, 32, '');
    await expectRemote(host, 33, '192.168.77.99');
    await expectRemote(host, 34, '192.168.77.34');
  }
  for (const third of [33, 34]) await del(third);
  for (const host of mesh.lab.hosts) await expectRemote(host, 34, '');
});

test('the history compacted while one host was cut off: it lists anew, changes and removals included', async () => {
  const [cut, other] = mesh.lab.hosts as [Host, Host];
  for (const third of [35, 36]) await put(third);
  await expectRemote(cut, 36, '192.168.77.36');
  const block = (action: string) =>
    cut.output('iptables', [`-${action}`, 'OUTPUT', '-p', 'tcp', '--dport', '2379', '-j', 'DROP']);
  await block('I');
  await connected(cut, false);
  await del(35);
  await put(36, 98);
  await put(37);
  const { stdout } = await mesh.lab.etcdPlace.exec('sh', [
    '-c',
    `ETCDCTL_API=3 etcdctl --endpoints=${mesh.lab.etcdEndpoint} get x -w json`,
  ]);
  const { revision } = (JSON.parse(stdout) as { header: { revision: number } }).header;
  await mesh.lab.etcdctl('compact', String(revision));
  await expectRemote(other, 37, '192.168.77.37');
  expect([await remoteOn(cut, 35), await remoteOn(cut, 37)]).toEqual(['192.168.77.35', '']);
  await block('D');
  await expectRemote(cut, 35, '', 2 * SECONDS);
  await expectRemote(cut, 36, '192.168.77.98');
  await expectRemote(cut, 37, '192.168.77.37');
  await connected(cut, true);
  for (const third of [36, 37]) await del(third);
  await expectRemote(cut, 37, '');
});

test('etcd unreachable at the first start: one line that names the endpoints, and it goes on trying', async () => {
  await using lab = await createLab({ nodes: 1 });
  const host = lab.host(1);
  const etcd = await lab.startEtcd();
  await lab.configureNetwork(NETWORK);
  await etcd.kill();
  const daemon = host.startWeftd();
  await daemon.waitForLog(new RegExp(`etcd does not answer at ${etcd.endpoint}`), SECONDS);
  await sleep(4000);
  const about = daemon.logLines().filter((line) => line.includes('etcd does not answer'));
  expect(about).toHaveLength(1);
  expect((await statusOf(host)).ready).toBe(false);
  await etcd.restart();
  await daemon.waitReady();
});
