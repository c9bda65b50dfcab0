/** ipip and gre, for which this machine's kernel may have no driver, on machines with Debian's kernel. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Address, Family } from '../../agent/ip/address.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { addressOf, startMesh, type Mesh, type MeshOptions } from '../lab/mesh.ts';
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
import { ping, startPing, type PingResult } from '../lab/probes.ts';
import { capture } from '../lab/watching.ts';

const NETWORK = '10.5.0.0/16';
/** Emulated, and with others on the same cores. */
const LIMIT_MS = 300_000;
const SOON = 60_000;

const started = (options: Pick<MeshOptions, 'network' | 'nodes'>): Promise<Mesh> =>
  startMesh({ ...options, machines: 'all', flags: ['--ip-masq'] });

/** Routes by way of the peers themselves, through the device: `onlink`, as flanneld has them. */
function ipipTo(leases: readonly LeaseEntry[]): Entries {
  const routes = leases.map(
    ({ subnets: [subnet = ''], value }) =>
      `${subnet} via ${value.PublicIP} dev flannel.ipip onlink`,
  );
  return { routes: routes.sort(), neighbours: [], fdb: [] };
}

/** Every workload to every other, in both directions. */
async function allReach({ workloads }: Mesh, families: readonly Family[]): Promise<void> {
  for (const family of families)
    for (const from of workloads)
      for (const to of workloads)
        if (from !== to)
          await eventually(
            async () => (await ping(from, addressOf(to, family), { count: 1 })).lost === 0,
            { within: SOON, what: `${from.name} reaches ${to.name} by IPv${family}` },
          );
}

/**
 * Between pings, in ms. More would take the time from a machine that starts Node; where nothing else runs, also
 * `WEFT_RESTART_PING_MS=1` is fine, and takes a minute longer.
 */
const PACE = { change: 1, restart: Number(process.env['WEFT_RESTART_PING_MS'] ?? 20) };

/** Pings from the first workload to the last while `work` goes on. */
async function underPing(
  { workloads }: Mesh,
  family: Family,
  during: keyof typeof PACE,
  work: () => Promise<unknown>,
): Promise<PingResult> {
  const pace = { intervalMs: PACE[during] };
  const running = await startPing(workloads[0]!, addressOf(workloads.at(-1)!, family), pace);
  await work();
  return running.stop();
}

function expectNoneLost({ sent, lost }: PingResult): void {
  expect(sent).toBeGreaterThan(100);
  expect(lost).toBe(0);
}

/** Messages that say that something in the kernel was changed. */
const CHANGE = /"msg":"(added|changed|removed|repaired|programmed the kernel)"/;

async function restart(
  mesh: Mesh,
  meanwhile: (host: Host) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const host = mesh.lab.host(1);
  await mesh.daemons[0]!.kill('SIGKILL');
  await meanwhile(host);
  mesh.daemons[0] = await host.startWeftd(['--ip-masq']).waitReady();
}

async function changeTo(mesh: Mesh, type: string, entries: typeof tunnelsTo): Promise<void> {
  await mesh.lab.configureNetwork({ Network: NETWORK, Backend: { Type: type } });
  await untilProgrammed(mesh.lab, { within: SOON, entries });
}

async function indexOf(host: Host, device: string): Promise<number> {
  const [link] = await host.ipJson<{ ifindex: number }>(`link show ${device}`);
  return link?.ifindex ?? 0;
}

describe('ipip', { timeout: LIMIT_MS }, () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await started({ nodes: 2, network: { Network: NETWORK, Backend: { Type: 'vxlan' } } });
    await untilProgrammed(mesh.lab, { within: SOON });
  }, LIMIT_MS);
  afterAll(() => mesh?.close(), LIMIT_MS);

  test('vxlan gives way to it while workloads talk', async () => {
    const results = await underPing(mesh, 4, 'change', () => changeTo(mesh, 'ipip', ipipTo));
    expectNoneLost(results);
  });

  test('device, lease, MTU and what is on the wire are those of flanneld', async () => {
    const [one, two] = mesh.lab.hosts as [Host, Host];
    const own = await leaseOf(mesh.lab, one.address);
    expect(own.text).toContain(
      `{"PublicIP":"${one.address}","PublicIPv6":null,"BackendType":"ipip","Weft":`,
    );
    const link = await one.ip('-d link show flannel.ipip');
    expect(link).toContain(' mtu 1480 ');
    expect(link).toMatch(
      new RegExp(`ipip (ipip )?remote any local ${one.address} ttl inherit nopmtudisc `),
    );
    expect(await one.ip('-4 address show flannel.ipip')).toContain(
      ` ${own.subnets[0]?.replace('/24', '/32')} `,
    );
    expect(await readFile(one.subnetFile, 'utf8')).toContain('\nFLANNEL_MTU=1480\n');
    await allReach(mesh, [4]);
    const packets = await capture(one, one.link, 'ip proto 4');
    // From the host itself: its workload came while the MTU was that of VXLAN.
    const whole = { count: 3, size: 1480 - 28, wholePackets: true };
    const base = (await leaseOf(mesh.lab, two.address)).subnets[0]?.replace('/24', '') as Address;
    expect(await ping(one, base, whole)).toMatchObject({ lost: 0 });
    for (const line of await packets.stop())
      expect(line).toMatch(
        new RegExp(
          `IP (${one.address} > ${two.address}|${two.address} > ${one.address}): IP 10\\.5`,
        ),
      );
  });

  test('weftd killed and started anew loses no packet and touches nothing', async () => {
    await eventually(
      async () => !(await mesh.lab.host(1).ip('link show')).includes(' flannel.1:'),
      {
        // The former mesh stands for ten seconds; a start would sweep it.
        within: SOON,
        what: 'the former mesh is gone',
      },
    );
    const index = await indexOf(mesh.lab.host(1), 'flannel.ipip');
    expectNoneLost(await underPing(mesh, 4, 'restart', () => restart(mesh)));
    expect(mesh.daemons[0]!.logLines().filter((line) => CHANGE.test(line))).toEqual([]);
    expect(await indexOf(mesh.lab.host(1), 'flannel.ipip')).toBe(index);
  });

  test('what flanneld left is taken over as it stands', async () => {
    const host = mesh.lab.host(1);
    const index = await indexOf(host, 'flannel.ipip');
    const peers = othersOf(await leasesIn(mesh.lab), host.address);
    const results = await underPing(mesh, 4, 'restart', () =>
      restart(mesh, () =>
        // As flanneld makes them: without our alias, and with protocol boot.
        host.ipBatch([
          'link set flannel.ipip alias ""',
          ...peers.map(
            ({ subnets: [subnet], value }) =>
              `route replace ${subnet} via ${value.PublicIP} dev flannel.ipip proto boot onlink`,
          ),
        ]),
      ),
    );
    expectNoneLost(results);
    expect(await indexOf(host, 'flannel.ipip')).toBe(index);
    await eventually(async () => (expect(await entriesOf(host)).toEqual(ipipTo(peers)), true), {
      within: SOON,
      what: "the routes are weft's",
    });
    expect(await host.ip('route show proto boot')).not.toContain('flannel.ipip');
  });

  test('it gives way to host-gw and that to vxlan, and nothing stays behind', async () => {
    const toGateways = await underPing(mesh, 4, 'change', () =>
      changeTo(mesh, 'host-gw', gatewaysTo),
    );
    const toVxlan = await underPing(mesh, 4, 'change', () => changeTo(mesh, 'vxlan', tunnelsTo));
    expectNoneLost(toGateways);
    expectNoneLost(toVxlan);
    for (const host of mesh.lab.hosts)
      await eventually(
        async () => !(await host.ip('link show')).includes(' flannel.ipip@'),
        // The former mesh stands for ten seconds.
        { within: SOON, what: `${host.name} has no flannel.ipip` },
      );
    await untilProgrammed(mesh.lab, { within: SOON });
  });
});

describe('gre', { timeout: LIMIT_MS }, () => {
  let mesh: Mesh;
  beforeAll(async () => {
    const network = {
      EnableIPv6: true,
      Network: NETWORK,
      IPv6Network: 'fd00:5::/48',
      Backend: { Type: 'gre' },
    };
    mesh = await started({ nodes: 2, network });
  }, LIMIT_MS);
  afterAll(() => mesh?.close(), LIMIT_MS);

  test('workloads of both families reach each other over an IPv4 underlay', async () => {
    await allReach(mesh, [4, 6]);
    const [one, two] = mesh.lab.hosts as [Host, Host];
    const [from, to] = mesh.workloads as [never, never];
    const packets = await capture(one, one.link, 'ip proto 47');
    for (const [family, header] of [
      [4, 28],
      [6, 48],
    ] as const) {
      const whole = { count: 3, size: 1476 - header, wholePackets: true };
      expect(await ping(from, addressOf(to, family), whole)).toMatchObject({ lost: 0 });
    }
    const lines = await packets.stop();
    expect(lines.length).toBeGreaterThanOrEqual(12);
    for (const line of lines)
      expect(line).toMatch(
        new RegExp(`IP (${one.address} > ${two.address}|${two.address} > ${one.address}): GREv0`),
      );
    expect(await readFile(one.subnetFile, 'utf8')).toContain('\nFLANNEL_MTU=1476\n');
    const neighbours = (await entriesOf(one)).neighbours;
    expect(neighbours).toHaveLength(2);
    for (const line of neighbours) expect(line).toContain(`dev weft.gre lladdr ${two.address} `);
  });

  test('weftd killed and started anew loses no packet of IPv6 and touches nothing', async () => {
    const index = await indexOf(mesh.lab.host(1), 'weft.gre');
    expectNoneLost(await underPing(mesh, 6, 'restart', () => restart(mesh)));
    expect(mesh.daemons[0]!.logLines().filter((line) => CHANGE.test(line))).toEqual([]);
    expect(await indexOf(mesh.lab.host(1), 'weft.gre')).toBe(index);
  });
});
