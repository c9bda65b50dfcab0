/** Another WireGuard key under traffic: on namespaces with wireguard-go in user space, and on machines with the kernel's. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { Lab, LabOptions } from '../lab/lab.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { leaseOf } from '../lab/overlay.ts';
import { ping, startPing } from '../lab/probes.ts';

const NETWORK = '10.5.0.0/16';
const DEVICE = 'flannel-wg';
const DETOUR = 'weft-detour';
/** A handshake that was lost is sent again after five seconds; a session that went is missed after fifteen. */
const HANDSHAKE = 30_000;

interface Ground {
  readonly lab: LabOptions;
  readonly rotations: number;
  /** Where an answer takes longer than the next question, one is always missing. */
  readonly intervalMs: number;
}

const GROUNDS: readonly (readonly [string, Ground])[] = [
  ['namespaces', { lab: { nodes: 3 }, rotations: 10, intervalMs: 5 }],
  [
    'two machines and a namespace',
    { lab: { nodes: 3, machines: [1, 2] }, rotations: 2, intervalMs: 100 },
  ],
];

describe.each(GROUNDS)('another key on %s', { timeout: 300_000 }, (_name, ground) => {
  let mesh: Mesh;
  let lab: Lab;
  let one: Host;
  beforeAll(async () => {
    const network = { Network: NETWORK, Backend: { Type: 'wireguard' } };
    mesh = await startMesh({ ...ground.lab, userspaceWireguard: true, network });
    ({ lab } = mesh);
    one = lab.host(1);
    for (const from of [1, 2, 3])
      for (const to of [1, 2, 3]) if (from !== to) await reaches(from, to);
  }, 300_000);
  afterAll(() => mesh?.close());

  const patience = () => one.ground.patience;
  const workload = (number: number): Namespace => mesh.workloads[number - 1]!;
  const target = (number: number) => addressOf(workload(number), 4);
  const reaches = (from: number, to: number): Promise<boolean> =>
    eventually(async () => (await ping(workload(from), target(to), { count: 1 })).lost === 0, {
      within: HANDSHAKE * patience(),
      what: `the workload of host ${from} reaches that of host ${to}`,
    });
  /** Both ways between the host and another, and between two that only look on. */
  const startPings = async () => {
    const pace = { intervalMs: ground.intervalMs };
    const pings = await Promise.all([
      startPing(workload(1), target(2), pace),
      startPing(workload(2), target(1), pace),
      startPing(workload(3), target(1), pace),
      startPing(workload(2), target(3), pace),
    ]);
    return async () => {
      const results = await Promise.all(pings.map((each) => each.stop()));
      return results.map(({ lost }) => lost);
    };
  };
  const keyOf = async (host: Host) => (await host.wg(`show ${DEVICE} public-key`)).trim();
  const hasDetour = async (host: Host) =>
    (await host.exec('ip', ['link', 'show', DETOUR])).code === 0;
  const untilNoDetour = () =>
    eventually(async () => !(await Promise.all(lab.hosts.map(hasDetour))).includes(true), {
      within: 10_000 * patience(),
      what: 'no host has a detour',
    });

  test(`no packet is lost over ${ground.rotations} rotations`, async () => {
    const stop = await startPings();
    for (let rotation = 1; rotation <= ground.rotations; rotation++) {
      const host = lab.host(((rotation - 1) % 3) + 1);
      const before = await keyOf(host);
      const { code, stdout, stderr } = await host.weft('keys', 'rotate-wireguard');
      expect([code, stderr]).toEqual([0, '']);
      const after = await keyOf(host);
      expect(after).not.toBe(before);
      expect(stdout).toContain(`the key of this host is now ${after}\n`);
      expect((await leaseOf(lab, host.address)).text).toContain(`{"PublicKey":"${after}",`);
    }
    await untilNoDetour();
    expect(await stop()).toEqual([0, 0, 0, 0]);
    for (const host of lab.hosts) {
      expect((await leaseOf(lab, host.address)).text).not.toContain('Detour');
      expect(existsSync(`${host.stateDir}/wgkey.new`)).toBe(false);
      expect((await host.wg(`show ${DEVICE} peers`)).trim().split('\n')).toHaveLength(2);
      expect((await host.weft('plan')).stdout).toContain('none: ');
    }
  });
});
