/** Two hosts with a router between them whose links become smaller, and larger again, while workloads talk. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Family } from '../../agent/ip/address.ts';
import type { Child } from '../lab/child.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { entriesOf, leasesIn } from '../lab/overlay.ts';
import { iperf, ping, startPing } from '../lab/probes.ts';

/** A period of six seconds, the search, and a busy machine. */
const SOON = 40_000;
/** What a transfer has to bring, in MB: of packets that are too large for the path nothing comes at all. */
const FLOWS = 4;
const WIDE = 1500;
const NARROW = 1400;

interface Peer {
  readonly pathMtu?: number;
  readonly mtu?: number;
  readonly roundTripMs?: number;
  readonly problems: readonly string[];
}

/** Of the only other host. */
async function peerOf(host: Host): Promise<Peer> {
  const { stdout } = await host.weft('peers', '--json');
  const [peer] = JSON.parse(stdout) as Peer[];
  assert.ok(peer, 'there is a peer');
  return peer;
}

/** Both hosts know what the path carries, and what that leaves to workloads. */
async function untilTold({ lab }: Mesh, pathMtu: number, mtu: number): Promise<void> {
  for (const host of lab.hosts)
    await eventually(
      async () => {
        const { problems, ...peer } = await peerOf(host);
        assert.deepEqual([peer.pathMtu, peer.mtu, problems], [pathMtu, mtu, []]);
        return true;
      },
      { within: SOON, every: 250, what: `${host.name} knows of a path of ${pathMtu} bytes` },
    );
}

/** The MTU in every route to the other host's subnets; undefined where there is none. */
async function mtusOf(host: Host, subnets: readonly string[]): Promise<(number | undefined)[]> {
  const families = await Promise.all(
    ['-4', '-6'].map((family) =>
      host.ipJson<{ dst: string; metrics?: { mtu?: number }[] }>(`${family} route show proto 119`),
    ),
  );
  return families
    .flat()
    .filter(({ dst }) => subnets.includes(dst))
    .map(({ metrics }) => metrics?.[0]?.mtu);
}

/** Nothing is said of what is too large, and no fragment comes through: as firewalls have it. */
const SILENCE = [
  'add table inet silence',
  'add chain inet silence said { type filter hook output priority 0; }',
  'add rule inet silence said icmp type destination-unreachable drop',
  'add rule inet silence said icmpv6 type packet-too-big drop',
].join('\n');
/** Before the kernel puts them together again (NF_IP_PRI_CONNTRACK_DEFRAG is -400). */
const NO_FRAGMENTS = [
  'add table inet silence',
  'add chain inet silence came { type filter hook prerouting priority -450; }',
  'add rule inet silence came iifname "eth0" ip frag-off & 0x3fff != 0 drop',
].join('\n');

async function silence({ outside, hosts }: Mesh['lab']): Promise<void> {
  await outside.ground.apply(...outside.inside('nft', ['-f', '-']), SILENCE);
  for (const host of hosts)
    await host.ground.apply(...host.inside('nft', ['-f', '-']), NO_FRAGMENTS);
}

async function unsilence({ outside, hosts }: Mesh['lab']): Promise<void> {
  // Made before it is deleted, as deleting what is not there fails.
  const gone = 'add table inet silence\ndelete table inet silence';
  for (const place of [outside, ...hosts])
    await place.ground.apply(...place.inside('nft', ['-f', '-']), gone);
}

async function makePath({ outside }: Mesh['lab'], mtu: number): Promise<void> {
  await outside.ipBatch([`link set br0 mtu ${mtu}`, `link set br1 mtu ${mtu}`]);
}

/** One that goes on until it is stopped, and how much has come, in MB. */
async function startFlow(
  from: Namespace,
  to: Namespace,
): Promise<{ come(): number; stop(): Promise<void> }> {
  const server: Child = to.spawn('iperf3', ['-s', '-1', '-f', 'm', '--forceflush']);
  await server.waitForLine(/^Server listening/);
  const client = from.spawn('iperf3', ['-c', to.address, '-t', '600', '-i', '1']);
  await server.waitForLine(/Mbits\/sec/);
  const come = () =>
    server.lines
      .flatMap((line) => / ([\d.]+) MBytes /.exec(line)?.[1] ?? [])
      .reduce((sum, each) => sum + Number(each), 0);
  const stop = async (): Promise<void> => {
    await Promise.all([client.stop(), server.stop()]);
  };
  return { come, stop };
}

const V6 = { EnableIPv6: true, IPv6Network: 'fd00:5::/48' };

/** What workloads may send over a wide path and over a narrow one. */
const BACKENDS: readonly (readonly [type: string, wide: number, narrow: number])[] = [
  ['vxlan', 1450, 1350],
  ['wireguard', 1420, 1312],
];

describe.each(BACKENDS)('%s', { timeout: 240_000 }, (type, wide, narrow) => {
  let mesh: Mesh;
  let one: Host;
  let two: Host;
  let subnets: readonly string[];
  beforeAll(async () => {
    const network = { Network: '10.5.0.0/16', ...V6, Backend: { Type: type } };
    const ground = { nodes: 2, segments: [0, 1], userspaceWireguard: true };
    mesh = await startMesh({ ...ground, network, flags: ['--ip-masq'] });
    [one, two] = [mesh.lab.host(1), mesh.lab.host(2)];
    subnets = (await leasesIn(mesh.lab)).flatMap((lease) => lease.subnets);
    await untilTold(mesh, WIDE, wide);
  }, 120_000);
  afterAll(() => mesh?.close());

  const [from, to] = [() => mesh.workloads[0]!, () => mesh.workloads[1]!];
  /** A packet that nobody may fragment; its payload is `headers` less. */
  const fits = async (family: Family, mtu: number): Promise<boolean> => {
    const size = mtu - (family === 4 ? 28 : 48);
    const options = { count: 1, size, wholePackets: true };
    return (await ping(from(), addressOf(to(), family), options)).received === 1;
  };

  test.each(['a router that says so', 'one that keeps silent, and fragments dropped'])(
    'a smaller link beyond %s is found, and forgotten when it is larger again',
    async (router) => {
      const isSilent = router.startsWith('one');
      const before = await Promise.all([one, two].map(entriesOf));
      onTestFinished(() => makePath(mesh.lab, WIDE));
      if (isSilent) await silence(mesh.lab);
      onTestFinished(() => unsilence(mesh.lab));
      const flow = await startFlow(from(), to());
      onTestFinished(() => flow.stop());
      await makePath(mesh.lab, NARROW);
      await untilTold(mesh, NARROW, narrow);
      for (const host of [one, two])
        expect(new Set(await mtusOf(host, subnets))).toEqual(new Set([narrow]));
      // The flow from before is not stuck.
      const seen = flow.come();
      await eventually(() => flow.come() >= seen + FLOWS, {
        within: SOON,
        what: 'the transfer goes on',
      });
      // And one that begins now, the other way.
      await iperf(to(), from(), { bytes: FLOWS * 1e6, port: 5300 });
      for (const family of [4, 6] as const) {
        await eventually(() => fits(family, narrow), { within: SOON, what: 'what fits passes' });
        // The workload is told, by its own host.
        const large = ['-n', '-c3', '-i0.2', '-W1', '-Mdo', `-s${wide - 48}`];
        const told = await from().exec('ping', [...large, addressOf(to(), family)]);
        expect(told.stdout + told.stderr).toMatch(new RegExp(`mtu ?[=:] ?${narrow}`, 'i'));
      }
      await flow.stop();
      const small = await startPing(from(), addressOf(to(), 4), { intervalMs: 10 });
      await makePath(mesh.lab, WIDE);
      await untilTold(mesh, WIDE, wide);
      expect((await small.stop()).lost).toBe(0);
      await unsilence(mesh.lab);
      expect(await Promise.all([one, two].map(entriesOf))).toEqual(before);
    },
  );

  test('the round trip over the tunnel is told', async () => {
    await eventually(async () => ((await peerOf(one)).roundTripMs ?? 0) > 0, {
      within: SOON,
      every: 250,
      what: 'a round trip',
    });
  });
});
