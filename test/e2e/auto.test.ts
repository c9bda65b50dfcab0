/** One network over a link, a private network and a public one: what each two hosts reach each other by. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { KernelDump } from '../lab/kernel-dump.ts';
import { kernelState } from '../lab/kernel-state.ts';
import type { Lab } from '../lab/lab.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { leaseOf } from '../lab/overlay.ts';
import { ping, startPing, type PingResult } from '../lab/probes.ts';
import { bytesIn, capture } from '../lab/watching.ts';

/** Hosts 1 and 2 are on one link, host 3 behind a router, host 4 in the world, as far as addresses tell. */
const LINKS = {
  nodes: 4,
  segments: [0, 0, 1, 2],
  underlay: { v4: '192.168.77.0/24', v6: 'fd77::/64' },
  elsewhere: { 2: { v4: '198.51.100.0/24', v6: '2001:db8:2::/64' } },
};
const network = (Type: string, options = {}) => ({
  Network: '10.5.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:5::/48',
  Backend: { Type, ...options },
});

/** Of each host, to the others. */
const WAYS: readonly Ways[] = [
  { h2: 'host-gw', h3: 'vxlan', h4: 'wireguard' },
  { h1: 'host-gw', h3: 'vxlan', h4: 'wireguard' },
  { h1: 'vxlan', h2: 'vxlan', h4: 'wireguard' },
  { h1: 'wireguard', h2: 'wireguard', h3: 'wireguard' },
];
type Ways = Readonly<Record<string, string | undefined>>;

/** A handshake that was lost is sent again after five seconds. */
const SOON = 60_000;
/** Four bytes, again and again: `weft`. */
const MARK = '77656674';

describe('auto', { timeout: 240_000 }, () => {
  let mesh: Mesh;
  let lab: Lab;
  let one: Host;
  let first: readonly KernelDump[];
  beforeAll(async () => {
    mesh = await startMesh({ ...LINKS, userspaceWireguard: true, network: network('vxlan') });
    ({ lab } = mesh);
    one = lab.host(1);
    await allReach(mesh);
    first = await Promise.all(lab.hosts.map(kernelState));
  });
  afterAll(() => mesh?.close());
  const workload = (number: number): Namespace => mesh.workloads[number - 1]!;

  test('vxlan gives way to it while workloads talk', async () => {
    const results = await underPings(mesh, () => changeTo(mesh, 'vxlan', network('auto')));
    expectNoneLost(results);
  });

  test('every workload reaches every other, over IPv4 and IPv6, and so do the hosts', async () => {
    await allReach(mesh);
    await allReach(mesh, lab.hosts);
  });

  test('what each is reached by, and why, is told', async () => {
    await untilReachedBy(lab, WAYS);
    const { stdout } = await one.weft('peers');
    expect(stdout).toContain('on the same link, 192.168.77.0/24');
    expect(stdout).toContain('both have private addresses, on different links');
    expect(stdout).toContain('198.51.100.4 is a public address');
    expect((await one.weft('plan')).stdout).toContain('none: the kernel is as desired');
  });

  test('weftd killed and started anew loses no packet', async () => {
    const results = await underPings(mesh, async () => {
      await mesh.daemons[0]!.kill('SIGKILL');
      mesh.daemons[0] = await one.startWeftd([]).waitReady();
    });
    expectNoneLost(results, { atLeast: 100 });
  });

  test('who is reached by WireGuard cannot be pretended in the clear or through VXLAN, and others can send', async () => {
    const [subnet = ''] = (await leaseOf(lab, lab.host(4).address)).subnets;
    const forged = subnet.replace('.0/24', '.77');
    const target = addressOf(workload(1), 4);
    const arrived = await capture(workload(1), 'eth0', `icmp and src host ${forged}`);
    const before = await droppedBy(one);
    for (const number of [2, 3]) {
      const liar = lab.host(number);
      await liar.ip(`address add ${forged}/32 dev lo`);
      const forgery = await liar.exec('ping', ['-c3', '-i0.2', '-W1', `-I${forged}`, target]);
      expect(forgery.stdout).toContain(' 0 received');
      await liar.ip(`address delete ${forged}/32 dev lo`);
    }
    expect(await arrived.stop()).toEqual([]);
    expect(await droppedBy(one)).toBe(before + 6);
    await allReach(mesh);
  });

  test('with everything encrypted no byte is in the clear, on the same link either', async () => {
    await lab.configureNetwork(network('auto', { Encrypt: 'all' }));
    await untilReachedBy(lab, WAYS.map(allEncrypted));
    await allReach(mesh);
    const outside = await capture(one, one.link, '', ['-x']);
    for (const number of [2, 3, 4]) {
      const marked = ['-c3', '-i0.2', '-W2', '-s64', `-p${MARK}`];
      await workload(1).output('ping', [...marked, addressOf(workload(number), 4)]);
      await workload(1).output('ping', [...marked, addressOf(workload(number), 6)]);
    }
    const bytes = bytesIn(await outside.stop());
    expect(bytes.length).toBeGreaterThan(1000);
    expect(bytes).not.toContain(MARK.repeat(2));
    expect(await one.ip('link show')).not.toContain('flannel.1');
    await lab.configureNetwork(network('auto'));
    await untilReachedBy(lab, WAYS);
    await allReach(mesh);
  });

  test('it gives way to vxlan while workloads talk, and nothing stays behind', async () => {
    const results = await underPings(mesh, () => changeTo(mesh, 'auto', network('vxlan')));
    expectNoneLost(results, { inFlight: 1 });
    await eventually(
      async () => {
        expect(await Promise.all(lab.hosts.map(kernelState))).toEqual(first);
        return true;
      },
      { within: SOON, what: 'every kernel is as at first' },
    );
  });
});

/** Resolves when the former mesh is gone everywhere. */
async function changeTo({ lab, daemons }: Mesh, former: string, to: object): Promise<void> {
  await lab.configureNetwork(to);
  const gone = new RegExp(`"${former}".*no peer is left`);
  await Promise.all(daemons.map((daemon) => daemon.waitForLog(gone, SOON)));
}

async function allReach(
  { workloads }: Mesh,
  places: readonly Namespace[] = workloads,
): Promise<void> {
  for (const family of [4, 6] as const)
    for (const from of places)
      for (const to of workloads)
        if (from !== to)
          await eventually(
            async () => (await ping(from, addressOf(to, family), { count: 1 })).lost === 0,
            { within: SOON, what: `${from.name} reaches ${to.name} by IPv${family}` },
          );
}

/** Of each kind of way, 1 ms apart, while `work` goes on. */
async function underPings(
  { workloads }: Mesh,
  work: () => Promise<unknown>,
): Promise<PingResult[]> {
  const ways = [
    [1, 2, 4],
    [3, 1, 4],
    [1, 4, 4],
    [4, 3, 6],
  ] as const;
  const going = await Promise.all(
    ways.map(([from, to, family]) =>
      startPing(workloads[from - 1]!, addressOf(workloads[to - 1]!, family)),
    ),
  );
  await work();
  return Promise.all(going.map((each) => each.stop()));
}

/** `inFlight`: so many each may have been under way at the very moment of a change. */
function expectNoneLost(
  results: readonly PingResult[],
  { atLeast = 1000, inFlight = 0 } = {},
): void {
  for (const { sent, lost } of results) {
    expect(sent).toBeGreaterThan(atLeast);
    expect(lost).toBeLessThanOrEqual(inFlight);
  }
}

interface PeerTold {
  readonly host?: string;
  readonly backend?: string;
  readonly subnets: readonly string[];
}

function allEncrypted(ways: Ways): Ways {
  return Object.fromEntries(Object.keys(ways).map((name) => [name, 'wireguard']));
}

async function untilReachedBy(lab: Lab, ways: readonly Ways[]): Promise<void> {
  const check = async () => {
    expect(await Promise.all(lab.hosts.map((host) => waysOf(lab, host)))).toEqual(ways);
    return true;
  };
  await eventually(check, { within: SOON, what: 'every peer is reached as it should be' });
}

/** By the peer's name. */
async function waysOf(lab: Lab, host: Host): Promise<Ways> {
  const peers = JSON.parse((await host.weft('peers', '--json')).stdout) as PeerTold[];
  const names = await Promise.all(
    lab.hosts.map(async ({ name, address }) => [(await leaseOf(lab, address)).subnets[0], name]),
  );
  const nameOf = new Map(names as [string, string][]);
  const ways = peers.map(
    ({ subnets, backend }) => [nameOf.get(subnets[0] ?? '') ?? '', backend] as const,
  );
  return Object.fromEntries(ways.toSorted(([one], [other]) => one.localeCompare(other)));
}

async function droppedBy(host: Host): Promise<number> {
  const rules = await host.output('nft', ['list', 'chain', 'inet', 'weft', 'cleartext']);
  const counts = rules.matchAll(/packets (\d+) bytes \d+ drop comment "in the clear from behind/g);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
