/** Another backend while workloads talk: nothing is lost on the way, and nothing stays behind. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { kernelState } from '../lab/kernel-state.ts';
import type { KernelDump } from '../lab/kernel-dump.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import { leasesIn } from '../lab/overlay.ts';
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
