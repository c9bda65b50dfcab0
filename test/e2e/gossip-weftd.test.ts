/** Gossip in weftd: hosts of one etcd know each other, with and without etcd, encrypted, and beside real Serf agents. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import { leaseOf, untilProgrammed } from '../lab/overlay.ts';
import { startPing } from '../lab/probes.ts';
import { SerfAgent } from '../lab/serf.ts';
import { capture } from '../lab/watching.ts';

const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };

/** To find each other, in ms. */
const SOON = 10_000;
/** To see that one has vanished: probe, suspicion, gossip. */
const FAILURE = 30_000;

interface Member {
  readonly name: string;
  readonly address: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly roundTripMs?: number;
  readonly mine: boolean;
}

async function membersOn(host: Host): Promise<Member[]> {
  const { code, stdout, stderr } = await host.weft('members', '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Member[];
}

/** As `name=status`, in the order of the names. */
async function statusesOn(host: Host): Promise<string> {
  return (await membersOn(host)).map(({ name, status }) => `${name}=${status}`).join(' ');
}

async function untilSeen(hosts: readonly Host[], wanted: string, within = SOON): Promise<void> {
  await Promise.all(
    hosts.map((host) =>
      eventually(async () => (expect(await statusesOn(host)).toBe(wanted), true), {
        within,
        what: `${host.name} sees ${wanted}`,
        every: 200,
      }),
    ),
  );
}

interface Problem {
  readonly code: string;
  readonly message: string;
}

async function problemsOn(host: Host): Promise<Problem[]> {
  const { stdout } = await host.weft('status', '--json');
  return (JSON.parse(stdout) as { problems: Problem[] }).problems;
}

describe('three hosts of one etcd', () => {
  let mesh: Mesh;
  let lab: Lab;
  const ALL = 'h1=alive h2=alive h3=alive';

  beforeAll(async () => {
    mesh = await startMesh({ nodes: 3, network: NETWORK });
    lab = mesh.lab;
  });
  afterAll(() => mesh?.close());

  test('find each other without --join, and know how far away they are', async () => {
    await untilSeen(lab.hosts, ALL);
    for (const host of lab.hosts) {
      expect((await leaseOf(lab, host.address)).value.Weft?.Gossip).toBe(`${host.address}:7946`);
      const check = async () => {
        const members = await membersOn(host);
        expect(members.map(({ address }) => address)).toEqual(
          lab.hosts.map(({ address }) => `${address}:7946`),
        );
        for (const { name, mine, roundTripMs, tags } of members) {
          expect(mine).toBe(name === host.name);
          expect(tags).toMatchObject({ weft: '1' });
          if (!mine) expect(roundTripMs).toBeGreaterThan(0);
        }
        return true;
      };
      await eventually(check, { within: FAILURE, what: `${host.name} has all estimates` });
    }
  });

  test('weft members and weft status tell it readably, and metrics count it', async () => {
    const here = lab.host(1);
    const { stdout } = await here.weft('members');
    expect(stdout).toMatch(
      /^NAME  ADDRESS +STATUS +TAGS +RTT +SINCE\nh1    192\.168\.77\.1:7946 +alive, this host +version=[^,]+,weft=1 +- +\d+ \w+\nh2 /,
    );
    expect(stdout).toMatch(/\n3 members\n$/);
    expect((await here.weft('status')).stdout).toMatch(
      /^gossip +h1 at 192\.168\.77\.1:7946, not encrypted, members: 3 alive$/m,
    );
    const metrics = await here.httpGet('/metrics');
    expect(metrics).toContain('weft_gossip_up 1\n');
    expect(metrics).toContain('weft_gossip_members{status="alive"} 3\n');
    expect(metrics).toMatch(/^weft_gossip_packets_total\{direction="in"\} [1-9]/m);
    expect(metrics).toMatch(/^weft_gossip_bytes_total\{direction="out"\} [1-9]/m);
  });

  test('keys without encryption are one sentence', async () => {
    const { code, stdout, stderr } = await lab.host(1).weft('keys', 'list');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^weft: gossip is not encrypted, so there are no keys: [^\n]+\n$/);
  });

  test('a restart loses no ping, and nobody sees it leave or fail', async () => {
    const [from, to] = [mesh.workloads[0]!, mesh.workloads[1]!];
    const watcher = lab.host(3).watchWeft('members', '--watch', '--json');
    await watcher.waitForLine(/"complete"/);
    const pings = await startPing(from, addressOf(to, 4));
    await mesh.daemons[1]!.stop();
    mesh.daemons[1] = await lab.host(2).startWeftd().waitReady();
    await untilSeen(lab.hosts, ALL);
    const { sent, lost } = await pings.stop();
    expect(sent).toBeGreaterThan(100);
    expect(lost).toBe(0);
    await watcher.stop();
    const statuses = watcher.lines
      .slice(watcher.lines.findIndex((line) => line.includes('"complete"')) + 1)
      .map((line) => (JSON.parse(line) as { member?: Member }).member?.status);
    for (const status of statuses) expect(status).toBe('alive');
  });

  test('etcd stopped: members are seen on; one that is killed fails, and is back when it is', async () => {
    const [one, two, three] = lab.hosts as [Host, Host, Host];
    await mesh.etcd.stop();
    await untilSeen(lab.hosts, ALL);
    await mesh.daemons[2]!.kill('SIGKILL');
    await untilSeen([one, two], 'h1=alive h2=alive h3=failed', FAILURE);
    expect((await one.weft('status')).stdout).toMatch(/members: 2 alive, 1 failed$/m);
    mesh.daemons[2] = three.startWeftd();
    await eventually(async () => (await three.weft('members')).code === 0, {
      within: SOON,
      what: 'weftd answers',
      every: 200,
    });
    await untilSeen([one, two, three], ALL);
    await mesh.etcd.restart();
    await mesh.daemons[2].waitReady();
    await untilProgrammed(lab, { within: SOON });
  });

  test('a host that gives its lease back says goodbye, and may return', async () => {
    const three = lab.host(3);
    await mesh.daemons[2]!.stop();
    const gone = await three.runWeftd(['cleanup', '--yes', '--release-lease']);
    expect(gone).toMatchObject({ code: 0, stderr: '' });
    expect(gone.stdout).toContain('the other members know that this host is gone for good\n');
    await untilSeen([lab.host(1), lab.host(2)], 'h1=alive h2=alive h3=left');
    mesh.daemons[2] = await three.startWeftd().waitReady();
    await untilSeen(lab.hosts, ALL);
  });

  test('another program on the port: a problem, and the mesh goes on; free again, gossip too', async () => {
    const [one, two, three] = lab.hosts as [Host, Host, Host];
    await mesh.daemons[1]!.stop();
    const script = `require('dgram').createSocket('udp4').bind(7946, '${two.address}', () => console.log('up'))`;
    const squatter = two.spawn(process.execPath, ['-e', script]);
    await squatter.waitForLine(/up/);
    mesh.daemons[1] = await two.startWeftd().waitReady();
    expect(await problemsOn(two)).toMatchObject([
      { message: expect.stringMatching(/192\.168\.77\.2 port 7946: another program/) as string },
    ]);
    expect((await two.weft('status')).stdout).toMatch(/^gossip +h2, not running$/m);
    const asked = await two.weft('members');
    expect([asked.code, asked.stderr.split('\n').length]).toEqual([1, 2]);
    await untilProgrammed(lab, { within: SOON });
    await squatter.stop();
    await untilSeen([one, two, three], ALL, 2 * FAILURE);
    expect(await problemsOn(two)).toEqual([]);
    expect((await leaseOf(lab, two.address)).value.Weft?.Gossip).toBe(`${two.address}:7946`);
  });

  test('--no-gossip: no port, no members, and a lease that names no place', async () => {
    const two = lab.host(2);
    await mesh.daemons[1]!.stop();
    mesh.daemons[1] = await two.startWeftd(['--no-gossip']).waitReady();
    await eventually(
      async () => (await leaseOf(lab, two.address)).value.Weft?.Gossip === undefined,
      { within: SOON, what: 'the lease is written anew' },
    );
    expect(await two.output('ss', ['-Hlun', 'sport', '=', ':7946'])).toBe('');
    const { code, stderr } = await two.weft('members');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^weft: gossip is switched off on this host: take --no-gossip .*\n$/);
    expect((await two.weft('status')).stdout).toMatch(/^gossip +switched off$/m);
    await untilProgrammed(lab, { within: SOON });
  });
});

test('without etcd, --join is enough, and a Serf agent takes part', async () => {
  await using lab = await createLab({ nodes: 3 });
  const [one, two, three] = lab.hosts as [Host, Host, Host];
  await (await lab.startEtcd()).stop();
  one.startWeftd();
  two.startWeftd([`--join=${one.address}`]);
  await eventually(async () => (await two.weft('members')).code === 0, {
    within: SOON,
    what: 'weftd answers',
    every: 200,
  });
  await untilSeen([one, two], 'h1=alive h2=alive');
  const serf = await new SerfAgent(three, { name: 'serf-3', tags: { role: 'web' } }).ready();
  await serf.join(one.address);
  await untilSeen([one, two], 'h1=alive h2=alive serf-3=alive');
  expect((await membersOn(two)).find(({ name }) => name === 'serf-3')).toMatchObject({
    tags: { role: 'web' },
    address: `${three.address}:7946`,
  });
  const check = async () => {
    const seen = await serf.members();
    expect([...seen.keys()].toSorted()).toEqual(['h1', 'h2', 'serf-3']);
    expect(seen.get('h1')).toMatchObject({ status: 'alive', tags: { weft: '1' } });
    return true;
  };
  await eventually(check, { within: SOON, what: 'the Serf agent sees both with their tags' });
});

test('over IPv6 alone', async () => {
  const network = { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00:5::/48' };
  const underlay = { v6: 'fd77::/64' };
  await using lab = await createLab({ nodes: 2, underlay });
  await lab.startEtcd();
  await lab.configureNetwork({ ...network, Backend: { Type: 'vxlan' } });
  await Promise.all(lab.hosts.map((host) => host.startWeftd().waitReady()));
  await untilSeen(lab.hosts, 'h1=alive h2=alive');
  expect((await membersOn(lab.host(1))).map(({ address }) => address)).toEqual([
    '[fd77::1]:7946',
    '[fd77::2]:7946',
  ]);
});

describe('encrypted', () => {
  const oldKey = randomBytes(32).toString('base64');
  const newKey = randomBytes(16).toString('base64');
  const keyFile = (host: Host) => join(host.stateDir, 'gossip-keys.json');
  let mesh: Mesh;

  beforeAll(async () => {
    mesh = await startMesh({
      nodes: 3,
      network: NETWORK,
      prepare: async (hosts) => {
        for (const host of hosts) {
          await mkdir(host.stateDir, { recursive: true });
          await writeFile(keyFile(host), `${oldKey}\n`, { mode: 0o600 });
        }
      },
      flagsOf: (host) => [`--gossip-key-file=${keyFile(host)}`],
    });
  });
  afterAll(() => mesh?.close());

  test('nothing of it is readable on the wire', async () => {
    const { hosts } = mesh.lab;
    const packets = await capture(hosts[0]!, 'eth0', 'port 7946', ['-A', '-s0']);
    await untilSeen(hosts, 'h1=alive h2=alive h3=alive');
    expect((await hosts[0]!.weft('status')).stdout).toMatch(/7946, encrypted, members: 3 alive$/m);
    await packets.waitFor(/7946/);
    // A compound, an ack's payload and a push/pull would all show these names of fields.
    const text = (await packets.stop()).join('\n');
    expect(text).not.toMatch(/SeqNo|Payload|Incarnation/);
  });

  test('the key is changed on all of them, step by step, and kept', async () => {
    const { hosts } = mesh.lab;
    const [one, two] = hosts as [Host, Host];
    const output = async (host: Host, ...args: string[]) => {
      const { code, stdout, stderr } = await host.weft('keys', ...args);
      expect([code, stderr]).toEqual([0, '']);
      return stdout;
    };
    expect(await output(one, 'list')).toContain(`${oldKey}  3        3`);
    expect(await output(one, 'install', newKey)).toBe(
      'MEMBER  RESULT\nh1      installed\nh2      installed\nh3      installed\n',
    );
    await output(two, 'use', newKey);
    expect(await output(one, 'list')).toMatch(/ 3 +0\n(.*\n)*.* 3 +3\n| 3 +3\n(.*\n)*.* 3 +0\n/);
    const refused = await one.weft('keys', 'remove', newKey);
    expect([refused.code, refused.stdout]).toEqual([
      1,
      expect.stringMatching(/^h3 +failed: .+$/m) as string,
    ]);
    await output(two, 'remove', oldKey);
    expect(await output(one, 'list')).toBe(
      `KEY                       MEMBERS  IN USE\n${newKey}  3        3\n1 key on 3 members\n`,
    );
    for (const host of hosts) {
      const check = async () =>
        (await readFile(keyFile(host), 'utf8')).includes(newKey) &&
        !(await readFile(keyFile(host), 'utf8')).includes(oldKey);
      await eventually(check, { within: SOON, what: `${host.name} keeps the new key alone` });
    }
    expect(await one.weft('keys', 'use', 'nonsense')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^weft: this is no key: [^\n]+\n$/) as string,
    });
    await untilSeen(hosts, 'h1=alive h2=alive h3=alive');
  });

  test('a key file that others can read is warned of; one that makes no sense keeps gossip off', async () => {
    const host = mesh.lab.host(3);
    await mesh.daemons[2]!.stop();
    await chmod(keyFile(host), 0o644);
    const flags = [`--gossip-key-file=${keyFile(host)}`];
    const open = await host.startWeftd(flags).waitReady();
    await open.waitForLog(/gossip-keys\.json can be read by others/);
    await open.stop();
    await writeFile(keyFile(host), '["c2hvcnQ="]');
    mesh.daemons[2] = await host.startWeftd(flags).waitReady();
    expect(await problemsOn(host)).toMatchObject([
      { message: expect.stringContaining('gossip-keys.json') as string },
    ]);
    await writeFile(keyFile(host), JSON.stringify([newKey]));
    await untilSeen(mesh.lab.hosts, 'h1=alive h2=alive h3=alive', 2 * FAILURE);
    expect(await problemsOn(host)).toEqual([]);
  });
});
