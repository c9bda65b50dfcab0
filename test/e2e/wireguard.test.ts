/** Encrypted tunnels: on namespaces with wireguard-go in user space, and on machines with the kernel's WireGuard. */
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Family } from '../../agent/ip/address.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { Lab, LabOptions } from '../lab/lab.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { leaseOf } from '../lab/overlay.ts';
import { ping, startPing } from '../lab/probes.ts';
import { bytesIn, capture } from '../lab/watching.ts';

const NETWORK = '10.5.0.0/16';
const PSK = Buffer.alloc(32, 7).toString('base64');
const DEVICE = 'flannel-wg';
/** What weftd does at once, and what it finds within two seconds of looking. */
const SOON = 5_000;
/** A handshake that was lost is sent again after five seconds; a session that went is missed after fifteen. */
const HANDSHAKE = 30_000;
/** Four bytes, again and again: `weft`. */
const MARK = '77656674';

/** One of each kind, and both kinds in one mesh. */
const GROUNDS: readonly (readonly [string, LabOptions])[] = [
  ['namespaces', { nodes: 3 }],
  ['two machines and a namespace', { nodes: 3, machines: [1, 2] }],
];

describe.each(GROUNDS)('WireGuard on %s', { timeout: 300_000 }, (_name, ground) => {
  let mesh: Mesh;
  let lab: Lab;
  let one: Host;
  let two: Host;
  beforeAll(async () => {
    const network = { Network: NETWORK, Backend: { Type: 'wireguard', PSK } };
    mesh = await startMesh({ ...ground, userspaceWireguard: true, network, flags: ['--ip-masq'] });
    ({ lab } = mesh);
    [one, two] = [lab.host(1), lab.host(2)];
  }, 300_000);
  afterAll(() => mesh?.close());

  const soon = () => SOON * one.ground.patience;
  const handshake = () => HANDSHAKE * one.ground.patience;
  const workload = (number: number): Namespace => mesh.workloads[number - 1]!;
  const target = (number: number) => addressOf(workload(number), 4);
  const restart = async (number: number): Promise<void> => {
    mesh.daemons[number - 1] = lab.host(number).startWeftd(['--ip-masq']);
    await mesh.daemons[number - 1]!.waitReady();
  };
  const reaches = (from: number, to: number): Promise<boolean> =>
    eventually(async () => (await ping(workload(from), target(to), { count: 1 })).lost === 0, {
      within: handshake(),
      what: `the workload of host ${from} reaches that of host ${to}`,
    });

  test('every workload reaches every other', async () => {
    for (const from of [1, 2, 3])
      for (const to of [1, 2, 3]) if (from !== to) await reaches(from, to);
  });

  test('the device, the lease and the key file are as flanneld has them', async () => {
    const { text, subnets } = await leaseOf(lab, one.address);
    const key = (await one.wg(`show ${DEVICE} public-key`)).trim();
    expect(text).toContain(
      `{"PublicIP":"${one.address}","PublicIPv6":null,"BackendType":"wireguard",` +
        `"BackendData":{"PublicKey":"${key}","Port":51820},"Weft":`,
    );
    expect(await one.wg(`show ${DEVICE} listen-port`)).toBe('51820\n');
    expect((await stat(`${one.stateDir}/wgkey`)).mode & 0o777).toBe(0o600);
    expect(await readFile(one.subnetFile, 'utf8')).toContain('\nFLANNEL_MTU=1420\n');
    expect(await one.ip(`link show ${DEVICE}`)).toContain(' mtu 1420 ');
    expect(await one.ip(`-4 address show ${DEVICE}`)).toContain(
      ` ${subnets[0]?.replace('/24', '/32')} `,
    );
    const routes = await one.ip(`route show dev ${DEVICE}`);
    expect(routes).toContain(`${NETWORK} proto 119 scope link `);
    expect(routes.trim().split('\n')).toHaveLength(3);
    const plan = await one.weft('plan', '--json');
    expect(JSON.parse(plan.stdout)).toMatchObject({ operations: [] });
  });

  test('weft peers tells of both tunnels', async () => {
    await Promise.all([reaches(1, 2), reaches(1, 3)]);
    const peers = async () =>
      JSON.parse((await one.weft('peers', '--json')).stdout) as Record<string, unknown>[];
    // The device is looked at every two seconds.
    await eventually(async () => (await peers()).every(({ sentBytes }) => Number(sentBytes) > 0), {
      within: soon(),
      what: 'the bytes of both tunnels are told',
    });
    const told = await peers();
    expect(new Set(told.map(({ host }) => host))).toEqual(new Set(['h2', 'h3']));
    for (const peer of told) {
      const { address } = lab.hosts.find(({ name }) => name === peer['host'])!;
      expect(peer).toMatchObject({
        backend: 'wireguard',
        endpoint: `${address}:51820`,
        lastHandshake: expect.stringMatching(/^20/),
        problems: [],
      });
    }
  });

  test('no secret is in a log or a plan', async () => {
    const secrets = [PSK, (await readFile(`${one.stateDir}/wgkey`, 'utf8')).trim()];
    const said = [
      mesh.daemons[0]!.logLines().join('\n'),
      (await one.weft('plan', '--json')).stdout,
    ];
    for (const secret of secrets) for (const text of said) expect(text).not.toContain(secret);
  });

  test('nothing of the payload shows on the underlay', async () => {
    const outside = await capture(one, one.link, '', ['-x']);
    const inside = await capture(one, DEVICE, 'icmp', ['-x']);
    const marked = ['-c3', '-i0.2', '-W2', '-s64', `-p${MARK}`, target(2)];
    await workload(1).output('ping', marked);
    expect(bytesIn(await inside.stop())).toContain(MARK.repeat(8));
    const bytes = bytesIn(await outside.stop());
    expect(bytes.length).toBeGreaterThan(1000);
    expect(bytes).not.toContain(MARK.repeat(2));
  });

  test('a packet of the overlay that arrives in the clear is dropped and counted', async () => {
    const [forged = ''] = (await leaseOf(lab, two.address)).subnets;
    const from = forged.replace('.0/24', '.77');
    await lab.outside.ipBatch([
      `address add ${from}/32 dev lo`,
      `route add ${target(1)}/32 via ${one.address}`,
    ]);
    const arrived = await capture(workload(1), 'eth0', 'icmp');
    const before = await droppedBy(one);
    const forgery = await lab.outside.exec('ping', ['-c3', '-i0.2', '-W1', `-I${from}`, target(1)]);
    expect(forgery.stdout).toContain(' 0 received');
    await lab.outside.exec('ping', ['-c2', '-i0.2', '-W1', target(1)]);
    const after = await droppedBy(one);
    expect([after.from - before.from, after.to - before.to]).toEqual([3, 2]);
    expect(await arrived.stop()).toEqual([]);
    await lab.outside.ipBatch([
      `address delete ${from}/32 dev lo`,
      `route delete ${target(1)}/32 via ${one.address}`,
    ]);
  });

  test('an address without a tunnel is not reached over the underlay', async () => {
    const packets = await capture(one, one.link, 'net 10.5.0.0/16');
    expect(await ping(workload(1), '10.5.255.254' as never, { count: 2 })).toMatchObject({
      received: 0,
    });
    expect(await packets.stop()).toEqual([]);
  });

  test('while there is no device, nothing follows the default route in the clear', async () => {
    await reaches(1, 2);
    await mesh.daemons[0]!.kill('SIGKILL');
    await removeDevice(one);
    await eventually(async () => (await indexOf(one)) === undefined, {
      within: soon(),
      what: 'the device has gone',
    });
    const leaked = async (): Promise<number> => {
      const outside = await capture(one, one.link, '', ['-x']);
      const marked = ['-c3', '-i0.2', '-W1', '-s64', `-p${MARK}`, target(2)];
      const sent = await workload(1).exec('ping', marked);
      expect(sent.stdout).toContain('3 packets transmitted');
      return bytesIn(await outside.stop()).split(MARK.repeat(8)).length - 1;
    };
    expect(await leaked()).toBe(0);
    await one.ip(`route delete blackhole ${NETWORK}`);
    expect(await leaked()).toBeGreaterThan(0);
    await restart(1);
    await Promise.all([reaches(1, 2), reaches(3, 1)]);
    expect(await one.ip('route show type blackhole')).toContain(`${NETWORK} proto 119 `);
  });

  test('weftd killed and started anew loses no packet', async () => {
    await Promise.all([reaches(1, 2), reaches(3, 1)]);
    const index = await indexOf(one);
    // More would take the time from a machine that starts Node.
    const pace = { intervalMs: one.machine === undefined ? 1 : 20 };
    const pings = await Promise.all([
      startPing(workload(1), target(2), pace),
      startPing(workload(3), target(1), pace),
    ]);
    await mesh.daemons[0]!.kill('SIGKILL');
    await restart(1);
    // Whatever it finds to be done within its first looks.
    await eventually(async () => (await one.weft('plan')).stdout.includes('none: '), {
      within: soon(),
      what: 'nothing is left to be done',
    });
    for (const { sent, lost } of await Promise.all(pings.map((each) => each.stop()))) {
      expect(sent).toBeGreaterThan(50);
      expect(lost).toBe(0);
    }
    expect(await indexOf(one)).toBe(index);
    expect(mesh.daemons[0]!.log().filter(({ msg }) => msg === 'repaired')).toEqual([]);
  });

  test('a device that goes is made anew, and its sessions too', async () => {
    await reaches(3, 1);
    const index = await indexOf(one);
    const going = await startPing(workload(3), target(1), { intervalMs: 10 });
    await removeDevice(one);
    await eventually(async () => (await indexOf(one)) !== index, {
      within: soon(),
      what: 'there is another device',
    });
    await reaches(3, 1);
    const { lost } = await going.stop();
    // A hundred a second.
    if (one.machine === undefined) expect(lost).toBeLessThan(200);
  });

  test('a peer removed by hand comes back', async () => {
    const key = (await two.wg(`show ${DEVICE} public-key`)).trim();
    await one.wg(`set ${DEVICE} peer ${key} remove`);
    await eventually(async () => (await one.wg(`show ${DEVICE} peers`)).includes(key), {
      within: soon(),
      what: 'the peer is there again',
    });
    await reaches(1, 2);
  });

  test('a peer that moved is answered there, and not fought over', async () => {
    const key = (await two.wg(`show ${DEVICE} public-key`)).trim();
    const endpoint = async () =>
      (await one.wg(`show ${DEVICE} endpoints`))
        .split('\n')
        .find((line) => line.startsWith(key))
        ?.split('\t')[1];
    await mesh.daemons[1]!.stop();
    await two.wg(`set ${DEVICE} listen-port 7777`);
    await reaches(2, 1);
    expect(await endpoint()).toBe(`${two.address}:7777`);
    const changes = mesh.daemons[0]!.logLines().length;
    const { lost } = await ping(workload(1), target(2), { count: 300, intervalMs: 10 });
    expect(lost).toBe(0);
    expect(await endpoint()).toBe(`${two.address}:7777`);
    expect(mesh.daemons[0]!.logLines().slice(changes).join('\n')).not.toMatch(/contested|WG/);
    await restart(2);
    expect(await two.wg(`show ${DEVICE} listen-port`)).toBe('51820\n');
    await reaches(2, 1);
    expect(await endpoint()).toBe(`${two.address}:51820`);
  });

  test('a wrong preshared key, and a wrong key, pass nothing', async () => {
    await reaches(2, 1);
    await mesh.daemons[1]!.stop();
    const file = `${two.directory}/wrong`;
    await writeFile(file, Buffer.alloc(32, 9).toString('base64'), { mode: 0o600 });
    const key = (await one.wg(`show ${DEVICE} public-key`)).trim();
    const [subnet] = (await leaseOf(lab, one.address)).subnets;
    const peer = `set ${DEVICE} peer ${key}`;
    const rest = `endpoint ${one.address}:51820 allowed-ips ${subnet}`;
    const passesNothing = async (): Promise<void> => {
      const arrived = await capture(workload(1), 'eth0', `icmp and src host ${target(2)}`);
      const there = ping(workload(2), target(1), { count: 100, intervalMs: 10 });
      expect(await there).toMatchObject({ received: 0 });
      expect(await arrived.stop()).toEqual([]);
    };
    await two.wg(`${peer} remove`);
    await two.wg(`${peer} preshared-key ${file} ${rest}`);
    await passesNothing();
    const right = `${two.directory}/right`;
    await writeFile(right, PSK, { mode: 0o600 });
    await two.wg(`${peer} remove`);
    await two.wg(`${peer} preshared-key ${right} ${rest}`);
    await reaches(2, 1);
    await two.wg(`set ${DEVICE} private-key ${file}`);
    await passesNothing();
    await restart(2);
    await reaches(2, 1);
    await reaches(1, 2);
  });
});

test('a wireguard-go that hangs is killed, and traffic goes on', async () => {
  const network = { Network: NETWORK, Backend: { Type: 'wireguard' } };
  const mesh = await startMesh({ nodes: 2, userspaceWireguard: true, network });
  try {
    const [one] = mesh.lab.hosts as [Host];
    const [here, there] = mesh.workloads as [Namespace, Namespace];
    const reached = () => ping(there, addressOf(here, 4), { count: 1 });
    const untilReached = { within: HANDSHAKE, what: 'the workload is reached' };
    await eventually(async () => (await reached()).lost === 0, untilReached);
    const [hung = ''] = await wireguardGoes(one);
    await one.output('kill', ['-STOP', hung]);
    await mesh.daemons[0]!.waitForLog(/did not answer any more for flannel-wg/, HANDSHAKE);
    await eventually(async () => (await reached()).lost === 0, untilReached);
    expect(await wireguardGoes(one)).not.toContain(hung);
    expect(await wireguardGoes(one)).toHaveLength(1);
  } finally {
    await mesh.close();
  }
});

test('a clean-up leaves no device, no program and no key', async () => {
  const network = { Network: NETWORK, Backend: { Type: 'wireguard' } };
  const mesh = await startMesh({ nodes: 2, userspaceWireguard: true, network });
  try {
    const [one] = mesh.lab.hosts as [Host];
    await mesh.daemons[0]!.stop();
    const { code, stdout } = await one.runWeftd(['cleanup', '--yes']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`link ${DEVICE} wireguard`)]);
    expect(await indexOf(one)).toBeUndefined();
    expect(existsSync(`${one.stateDir}/wgkey`)).toBe(false);
    await eventually(async () => (await wireguardGoes(one)).length === 0, {
      within: SOON,
      what: 'wireguard-go has ended',
    });
  } finally {
    await mesh.close();
  }
});

async function droppedBy(host: Host): Promise<{ readonly from: number; readonly to: number }> {
  const rules = await host.output('nft', ['list', 'chain', 'inet', 'weft', 'cleartext']);
  const count = (comment: string): number =>
    Number(new RegExp(`packets (\\d+) bytes \\d+ drop comment "${comment}"`).exec(rules)?.[1]);
  return {
    from: count('in the clear from the overlay'),
    to: count('in the clear to the overlay'),
  };
}

/** As when wireguard-go dies, where it runs in user space. */
async function removeDevice(host: Host): Promise<void> {
  if (host.machine === undefined) await host.output('kill', ['-9', ...(await wireguardGoes(host))]);
  else await host.ip(`link delete ${DEVICE}`);
}

async function indexOf(host: Host): Promise<number | undefined> {
  const { code, stdout } = await host.exec('ip', ['-j', 'link', 'show', DEVICE]);
  return code === 0 ? (JSON.parse(stdout) as { ifindex: number }[])[0]?.ifindex : undefined;
}

/** Ids of those in this host's network namespace: all have the same name. */
async function wireguardGoes(host: Host): Promise<string[]> {
  const script = `for p in $(pgrep -x wireguard-go); do
    [ "$(readlink /proc/$p/ns/net)" = "$(readlink /proc/$$/ns/net)" ] && echo $p; done; true`;
  return (await host.output('sh', ['-c', script])).split('\n').filter(Boolean);
}

const MODES = ['separate', 'auto', 'ipv4', 'ipv6'] as const;

test.each(MODES)('mode %s carries IPv4 and IPv6', async (Mode) => {
  const mesh = await startMesh({
    nodes: 2,
    userspaceWireguard: true,
    underlay: { v4: '192.168.77.0/24', v6: 'fd77::/64' },
    network: {
      Network: NETWORK,
      EnableIPv6: true,
      IPv6Network: 'fd00:5::/48',
      Backend: { Type: 'wireguard', Mode },
    },
  });
  try {
    const [one] = mesh.lab.hosts as [Host];
    const [here, there] = mesh.workloads as [Namespace, Namespace];
    const outer = await capture(one, one.link, 'udp and portrange 51820-51821');
    for (const family of [4, 6] as Family[])
      await eventually(async () => (await ping(here, addressOf(there, family), {})).lost === 0, {
        within: HANDSHAKE,
        what: `IPv${family} crosses`,
      });
    const packets = (await outer.stop()).join('\n');
    const kinds = [/ IP /, / IP6 /].map((kind) => kind.test(packets));
    const expected = {
      separate: [true, true],
      auto: [true, false],
      ipv4: [true, false],
      ipv6: [false, true],
    };
    expect(kinds).toEqual(expected[Mode]);
    const links = (await one.ip('-br link show type tun')).match(/^flannel-wg\S*/gm);
    expect(links).toEqual(Mode === 'separate' ? [DEVICE, `${DEVICE}-v6`] : [DEVICE]);
    expect((await one.weft('plan')).stdout).toContain('none: the kernel is as desired');
  } finally {
    await mesh.close();
  }
});
