/** Another backend while workloads talk: nothing is lost on the way, and nothing stays behind. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { kernelState } from '../lab/kernel-state.ts';
import type { KernelDump } from '../lab/kernel-dump.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { deleteLease, leasesIn, putLease } from '../lab/overlay.ts';
import { ping, startPing, type PingResult } from '../lab/probes.ts';

const NETWORK = '10.5.0.0/16';
/** A mesh that is given up stands for ten seconds after its last peer has left it. */
const DROPPED = 60_000;

const network = (Type: string) => ({ Network: NETWORK, Backend: { Type } });

describe('a live mesh of three hosts', { timeout: 240_000 }, () => {
  let mesh: Mesh;
  let first: readonly KernelDump[];
  beforeAll(async () => {
    mesh = await startMesh({ nodes: 3, userspaceWireguard: true, network: network('vxlan') });
    for (const from of mesh.workloads)
      for (const to of mesh.workloads)
        if (from !== to) expect(await ping(from, addressOf(to, 4))).toMatchObject({ lost: 0 });
    first = await states(mesh);
  });
  afterAll(() => mesh?.close());

  test.each([
    ['vxlan', 'wireguard'],
    ['wireguard', 'host-gw'],
    ['host-gw', 'vxlan'],
  ])('changes from %s to %s without loss', async (former, type) => {
    const results = await underPings(mesh, async () => {
      await mesh.lab.configureNetwork(network(type));
      await untilAllPublish(mesh, type);
      await untilDropped(mesh, former);
    });
    for (const { sent, lost } of results) {
      expect(sent).toBeGreaterThan(1000);
      expect(lost).toBe(0);
    }
  });

  test('back where it began, no link, route, neighbour, forwarding entry or rule has stayed', async () => {
    await eventually(async () => (expect(await states(mesh)).toEqual(first), true), {
      within: DROPPED,
      what: 'every kernel is as at first',
    });
  });
});

describe('a host that stays behind', { timeout: 240_000 }, () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await startMesh({ nodes: 3, userspaceWireguard: true, network: network('vxlan') });
  });
  afterAll(() => mesh?.close());

  test('is reached by the former mesh while its weftd is away, and changes over when it starts', async () => {
    const { lab, daemons } = mesh;
    const results = await underPings(mesh, async () => {
      await daemons[2]!.kill('SIGKILL');
      await lab.configureNetwork(network('host-gw'));
      await daemons[0]!.waitForLog(/the vxlan mesh stands beside host-gw/, DROPPED);
      daemons[2] = await lab.host(3).startWeftd([]).waitReady();
      await untilAllPublish(mesh, 'host-gw');
      await untilDropped(mesh, 'vxlan');
    });
    expect(results.map(({ lost }) => lost)).toEqual([0, 0, 0]);
    for (const host of lab.hosts) expect((await host.weft('status')).stdout).not.toContain('vxlan');
  });

  test.each([
    ['host-gw', 'vxlan'],
    ['vxlan', 'wireguard'],
  ])(
    'is reached by a host whose weftd is killed in the middle of a change from %s to %s',
    async (former, type) => {
      const { lab, daemons } = mesh;
      const stands = new RegExp(`the ${former} mesh stands beside ${type}`);
      const results = await underPings(mesh, async () => {
        await daemons[2]!.kill('SIGKILL');
        await lab.configureNetwork(network(type));
        await daemons[0]!.waitForLog(stands, DROPPED);
        await daemons[0]!.kill('SIGKILL');
        daemons[0] = await lab.host(1).startWeftd([]).waitReady();
        // Longer than a mesh stands that has no peer.
        await daemons[0].waitForLog(stands, DROPPED);
        daemons[2] = await lab.host(3).startWeftd([]).waitReady();
        await untilAllPublish(mesh, type);
        await untilDropped(mesh, former);
      });
      expect(results.map(({ lost }) => lost)).toEqual([0, 0, 0]);
      const kept = await readFile(`${lab.host(1).stateDir}/network.json`, 'utf8');
      expect(JSON.parse(kept)).toEqual(network(type));
    },
  );
});

describe('hosts that flanneld runs', { timeout: 240_000 }, () => {
  const FLANNELD = '10.5.99.0-24';
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await startMesh({ nodes: 2, network: network('vxlan') });
    await putLease(mesh.lab, FLANNELD, {
      PublicIP: '192.168.77.99',
      PublicIPv6: null,
      BackendType: 'vxlan',
      BackendData: { VNI: 1, VtepMAC: '02:00:00:00:00:99' },
    });
  });
  afterAll(() => mesh?.close());
  const types = async () => (await leasesIn(mesh.lab)).map(({ value }) => value.BackendType);

  test('a plan shows a change and its refusal before it is made', async () => {
    const host = mesh.lab.host(1);
    const planned = async (type: string, more = {}) => {
      const config = JSON.stringify({ ...network(type), ...more });
      return (await host.runWeftd(['--plan', `--network-config=${config}`])).stdout;
    };
    expect(await planned('host-gw')).toMatch(/^Change from vxlan to host-gw: refused\n.*99\.0-24/);
    const forced = await planned('ipip', { Weft: { Force: true } });
    expect(forced).toMatch(/^Change from vxlan to ipip\n.* stands beside/);
    expect(forced).toMatch(/\+ link flannel\.ipip /);
    expect(forced).not.toMatch(/^ +- /m);
  });

  test('a change that cuts them off is refused, also by a host that starts anew', async () => {
    const { lab, daemons } = mesh;
    await lab.configureNetwork(network('host-gw'));
    for (const daemon of daemons)
      await daemon.waitForLog(/would cut off .* network stays/, DROPPED);
    await daemons[0]!.kill('SIGKILL');
    daemons[0] = await lab.host(1).startWeftd([]).waitReady();
    await daemons[0].waitForLog(/would cut off .* network stays/, DROPPED);
    const { stdout } = await lab.host(1).weft('status');
    expect(stdout).toContain(
      'a change from vxlan to host-gw would cut off the hosts that flanneld runs',
    );
    expect(stdout).toContain('(10.5.99.0-24)');
    expect(await types()).toEqual(['vxlan', 'vxlan', 'vxlan']);
    const [one, two] = mesh.workloads as [Namespace, Namespace];
    expect(await ping(one, addressOf(two, 4))).toMatchObject({ lost: 0 });
  });

  test('when they are gone it is taken up', async () => {
    await deleteLease(mesh.lab, FLANNELD);
    await untilAllPublish(mesh, 'host-gw');
    await untilDropped(mesh, 'vxlan');
  });

  test('one that is forced is taken up at once', async () => {
    const { lab } = mesh;
    await putLease(lab, FLANNELD, { PublicIP: '192.168.77.99', BackendType: 'host-gw' });
    await lab.configureNetwork({ ...network('vxlan'), Weft: { Force: true } });
    await eventually(
      async () => (expect(await types()).toEqual(['vxlan', 'vxlan', 'host-gw']), true),
      {
        within: DROPPED,
        what: "weft's hosts have changed over",
      },
    );
    const route = await lab.host(1).ip('route show 10.5.99.0/24');
    expect(route).toContain('via 192.168.77.99 dev eth0');
  });
});

const states = ({ lab }: Mesh): Promise<KernelDump[]> => Promise.all(lab.hosts.map(kernelState));

/** Pings between every two workloads, 1 ms apart, while `work` goes on. */
async function underPings(
  { workloads }: Mesh,
  work: () => Promise<unknown>,
): Promise<PingResult[]> {
  const pairs = workloads.map((from, i) => [from, workloads[(i + 1) % workloads.length]!] as const);
  const going = await Promise.all(pairs.map(([from, to]) => startPing(from, addressOf(to, 4))));
  await work();
  return Promise.all(going.map((each) => each.stop()));
}

const untilAllPublish = ({ lab }: Mesh, type: string): Promise<boolean> =>
  eventually(async () => (await leasesIn(lab)).every(({ value }) => value.BackendType === type), {
    within: DROPPED,
    what: `every lease is one of ${type}`,
  });

const untilDropped = ({ daemons }: Mesh, former: string): Promise<unknown> =>
  Promise.all(
    daemons.map((daemon) => daemon.waitForLog(new RegExp(`"${former}".*no peer is left`), DROPPED)),
  );
