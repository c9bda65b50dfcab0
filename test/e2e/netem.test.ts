/** A bad network: every machine's link loses one packet in a hundred and delays all. Nobody takes anything for changed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import { leasesIn } from '../lab/overlay.ts';
import { ping } from '../lab/probes.ts';
import { monitor } from '../lab/watching.ts';

/** Emulated, and with others on the same cores. */
const LIMIT_MS = 300_000;
const SOON = 60_000;
const DELAY_MS = 50;
const NETEM = `root netem delay ${DELAY_MS}ms loss 1%`;
/** They say how long is looked on, 20 s: every member is probed twenty times, and one that is suspected given up. */
const PINGS = { count: 200, intervalMs: 100 } as const;
/** What the kernel tells of the workloads' bridge, which is the lab's. */
const OF_THE_LAB = /\[LINK\]\d+: (weft0|port\d+@)/;

const network = (Type: string): object => ({ Network: '10.5.0.0/16', Backend: { Type } });

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh({ nodes: 3, machines: 'all', network: network('vxlan') });
  await Promise.all(mesh.lab.hosts.map(untilAllAlive));
  await Promise.all(mesh.lab.hosts.map((host) => host.output('tc', tc(host))));
}, LIMIT_MS);
afterAll(() => mesh?.close(), LIMIT_MS);

function tc(host: Host): string[] {
  return `qdisc add dev ${host.link} ${NETEM}`.split(' ');
}

function untilAllAlive(host: Host): Promise<boolean> {
  const isSeen = async () => (await host.httpGet('/metrics')).includes(ALL_ALIVE);
  return eventually(isSeen, { within: SOON, what: `${host.name} sees all members`, every: 200 });
}
const ALL_ALIVE = 'weft_gossip_members{status="alive"} 3\n';

/** What must be the same before and after, but for the kernel's state, of which every change is seen. */
async function standing(): Promise<unknown> {
  const leases = await leasesIn(mesh.lab);
  const sessions = leases.map(({ key, leaseId, text }) => ({ key, leaseId, text }));
  return { sessions, hosts: await Promise.all(mesh.lab.hosts.map(stateOf)) };
}

/** WireGuard's peers, of which the kernel tells no change, and what weftd counts. */
async function stateOf(host: Host): Promise<unknown> {
  const peers = await host.wg('show all endpoints');
  const allowed = await host.wg('show all allowed-ips');
  const metrics = (await host.httpGet('/metrics')).split('\n');
  return { peers, allowed, metrics: metrics.filter((line) => COUNTED.test(line)) };
}
const COUNTED = /^weft_(operations_total|repairs_total|etcd_up|gossip_members)/;

/** Whatever weftd says of itself, the kernel of changes and the gossip of members, while all workloads talk. */
async function lookOn(): Promise<void> {
  const { lab, daemons, workloads } = mesh;
  const monitors = await Promise.all(lab.hosts.map(monitor));
  const watcher = lab.host(1).watchWeft('members', '--watch', '--json');
  await watcher.waitForLine(/"complete"/, SOON);
  const before = await standing();
  const said = daemons.map((daemon) => daemon.logLines().length);
  const results = await Promise.all(
    workloads.map((from, at) => {
      const to = workloads[(at + 1) % workloads.length]!;
      return ping(from, addressOf(to, 4), PINGS);
    }),
  );
  for (const { sent, lost, averageMs } of results) {
    expect(averageMs).toBeGreaterThan(2 * DELAY_MS);
    // One or two in a hundred get lost on one of two ways.
    expect(lost).toBeLessThan(sent / 10);
  }
  const changes = await Promise.all(monitors.map((each) => each.stop()));
  expect(changes.flat().filter((line) => !OF_THE_LAB.test(line))).toEqual([]);
  expect(daemons.map((daemon, at) => daemon.logLines().slice(said[at]))).toEqual([[], [], []]);
  expect(await standing()).toEqual(before);
  await watcher.stop();
  for (const line of watcher.lines) expect(line).not.toMatch(/"status":"(failed|left|leaving)"/);
}

test('vxlan: nothing flaps', lookOn, LIMIT_MS);

test(
  'wireguard: it is changed to, and nothing flaps',
  async () => {
    await mesh.lab.configureNetwork(network('wireguard'));
    const hasChanged = async () => {
      const links = await Promise.all(mesh.lab.hosts.map((host) => host.ip('-br link')));
      return links.every((each) => each.includes('flannel-wg') && !each.includes('flannel.1'));
    };
    await eventually(hasChanged, { within: 2 * SOON, what: 'only WireGuard stands', every: 500 });
    await lookOn();
    const dropped = await Promise.all(mesh.lab.hosts.map(droppedBy));
    expect(dropped.reduce((sum, each) => sum + each)).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

/** Packets that the emulated network has lost on the host's link. */
async function droppedBy(host: Host): Promise<number> {
  const text = await host.output('tc', ['-s', 'qdisc', 'show', 'dev', host.link]);
  return Number(/\(dropped (\d+)/.exec(text)?.[1]);
}
