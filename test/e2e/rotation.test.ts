/** Another WireGuard key under traffic: on namespaces with wireguard-go in user space, and on machines with the kernel's. */
import { existsSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
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
  /** Whether to try all that differs in weftd alone, too. */
  readonly everything: boolean;
  /** Where an answer takes longer than the next question, one is always missing. */
  readonly intervalMs: number;
}

const GROUNDS: readonly (readonly [string, Ground])[] = [
  ['namespaces', { lab: { nodes: 3 }, rotations: 10, everything: true, intervalMs: 5 }],
  [
    'two machines and a namespace',
    { lab: { nodes: 3, machines: [1, 2] }, rotations: 2, everything: false, intervalMs: 100 },
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

  if (!ground.everything) return;

  const startAnew = async (number: number, flags: readonly string[] = []): Promise<void> => {
    await mesh.daemons[number - 1]!.stop();
    mesh.daemons[number - 1] = lab.host(number).startWeftd(flags);
    await mesh.daemons[number - 1]!.waitReady();
  };

  const detourRoutes = (host: Host) => host.ip(`route show dev ${DETOUR}`);
  const says = async (number: number, sentence: string) =>
    mesh.daemons[number - 1]!.logLines().some((line) => line.includes(sentence));
  // Before the new key is in force, a host that is killed keeps the one it has.
  const moments: readonly (readonly [string, number, boolean, () => Promise<boolean>])[] = [
    ['the host has told the new key', 1, false, () => says(1, 'traffic moves to the detour')],
    ['the host sends by it', 1, false, async () => (await detourRoutes(one)) !== ''],
    ['the old key is gone', 1, true, () => says(1, 'it goes, and traffic moves back')],
    ['a peer has made its second device', 2, true, () => hasDetour(lab.host(2))],
    ['a peer sends by it', 2, true, async () => (await detourRoutes(lab.host(2))) !== ''],
  ];

  test.each(moments)(
    'weftd killed when %s loses no packet and comes to an end',
    async (what, number, goesOn, isSo) => {
      await startAnew(1);
      const stop = await startPings();
      const before = await keyOf(one);
      const rotation = one.watchWeft('keys', 'rotate-wireguard');
      await eventually(isSo, { within: 20_000 * patience(), what, every: 5 });
      await mesh.daemons[number - 1]!.kill('SIGKILL');
      await startAnew(number);
      await rotation.ended;
      await eventually(() => !existsSync(`${one.stateDir}/wgkey.new`), {
        within: 60_000 * patience(),
        what: 'it is over',
      });
      await untilNoDetour();
      expect(await stop()).toEqual([0, 0, 0, 0]);
      expect((await keyOf(one)) !== before).toBe(goesOn);
      for (const host of lab.hosts) expect((await host.weft('plan')).stdout).toContain('none: ');
    },
  );

  test('a flanneld that would be cut off is named, and the key stays, also when it comes in the middle', async () => {
    const key = await keyOf(one);
    const flanneld = '/coreos.com/network/subnets/10.5.254.0-24';
    const data = { PublicKey: Buffer.alloc(32, 1).toString('base64'), Port: 51_820 };
    const lease = { PublicIP: '192.168.77.99', BackendType: 'wireguard', BackendData: data };
    const refusal = 'flanneld holds the lease 10.5.254.0-24, and would be cut off';
    // One that does not come along, so that there is a middle.
    await mesh.daemons[2]!.stop();
    const stop = await startPings();
    const rotation = one.weft('keys', 'rotate-wireguard');
    await eventually(() => hasDetour(one), { within: 10_000 * patience(), what: 'it has begun' });
    const again = await one.weft('keys', 'rotate-wireguard');
    expect([again.code, again.stderr]).toEqual([
      1,
      'weft: this host is changing its key already: wait until it is done\n',
    ]);
    await lab.etcdctl('put', flanneld, JSON.stringify(lease));
    const { code, stderr } = await rotation;
    expect([code, stderr]).toEqual([1, expect.stringContaining(refusal)]);
    await untilNoDetour();
    expect(await stop()).toEqual([0, 0, 0, 0]);
    expect(await keyOf(one)).toBe(key);
    const refused = await one.weft('keys', 'rotate-wireguard');
    expect([refused.code, refused.stdout, refused.stderr]).toEqual([
      1,
      '',
      expect.stringContaining(refusal),
    ]);
    await lab.etcdctl('del', flanneld);
    await startAnew(3);
  });

  test('hosts that do it at once take turns', async () => {
    const before = await Promise.all(lab.hosts.map(keyOf));
    const stop = await startPings();
    const rotations = lab.hosts.map((host) => host.watchWeft('keys', 'rotate-wireguard'));
    const ends = await Promise.all(rotations.map(({ ended }) => ended));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    await untilNoDetour();
    expect(await stop()).toEqual([0, 0, 0, 0]);
    const after = await Promise.all(lab.hosts.map(keyOf));
    for (const key of after) expect(before).not.toContain(key);
  });

  test('a key that is old enough is changed without a word', async () => {
    const before = await keyOf(one);
    const longAgo = new Date('2001-01-01');
    await utimes(`${one.stateDir}/wgkey`, longAgo, longAgo);
    await startAnew(1, ['--wireguard-rotate-every=10m']);
    // It is put off by a tenth of the time, by chance.
    await eventually(async () => (await keyOf(one)) !== before, {
      within: 60_000 + 30_000 * patience(),
      what: 'the key is another one',
    });
    await startAnew(1);
    await untilNoDetour();
    await reaches(1, 2);
    await reaches(3, 1);
  });
});

test('with a device for each family, no packet of either is lost', async () => {
  const mesh = await startMesh({
    nodes: 2,
    userspaceWireguard: true,
    underlay: { v4: '192.168.77.0/24', v6: 'fd77::/64' },
    network: {
      Network: NETWORK,
      EnableIPv6: true,
      IPv6Network: 'fd00:5::/48',
      Backend: { Type: 'wireguard', PersistentKeepaliveInterval: 25 },
    },
  });
  try {
    const [one] = mesh.lab.hosts as [Host];
    const [here, there] = mesh.workloads as [Namespace, Namespace];
    const targets = [addressOf(here, 4), addressOf(here, 6)];
    for (const target of targets)
      await eventually(async () => (await ping(there, target, { count: 1 })).lost === 0, {
        within: HANDSHAKE,
        what: `${target} is reached`,
      });
    const pings = await Promise.all(
      targets.map((target) => startPing(there, target, { intervalMs: 5 })),
    );
    const keys = () =>
      Promise.all([DEVICE, `${DEVICE}-v6`].map((link) => one.wg(`show ${link} public-key`)));
    const [before] = await keys();
    const { code, stdout } = await one.weft('keys', 'rotate-wireguard', '--json');
    expect(code).toBe(0);
    const { publicKey } = JSON.parse(stdout) as { publicKey: string };
    expect(await keys()).toEqual([`${publicKey}\n`, `${publicKey}\n`]);
    expect(before).not.toBe(`${publicKey}\n`);
    const results = await Promise.all(pings.map((each) => each.stop()));
    for (const { lost, sent } of results) {
      expect(sent).toBeGreaterThan(100);
      expect(lost).toBe(0);
    }
  } finally {
    await mesh.close();
  }
});
