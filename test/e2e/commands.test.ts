/** weftd's own commands, and what it tells the machine it runs on: systemd, probes, Prometheus. */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Child } from '../lab/child.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { kernelState } from '../lab/kernel-state.ts';
import { createLab, type Lab } from '../lab/lab.ts';

const NETWORK = { Network: '10.5.0.0/16' };
/** Every kind of thing that weft owns is there with these. */
const ALL = ['--ip-masq', '--ip-blackhole-route'];

let lab: Lab;
/** Never ran weftd before the tests that clean it up. */
let host: Host;
/** Runs it all the time. */
let peer: Host;

beforeAll(async () => {
  lab = await createLab({ nodes: 2 });
  [host, peer] = [lab.host(1), lab.host(2)];
  await lab.startEtcd();
  await lab.configureNetwork({ ...NETWORK, Backend: { Type: 'vxlan' } });
  await peer.startWeftd().waitReady();
});

afterAll(() => lab?.close());

/** Files below the directory, with their modification times. */
function filesOf(directory: string): Record<string, number> {
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(paths.map((path) => [path, statSync(join(directory, path)).mtimeMs]));
}

function keys(): Promise<string> {
  return lab.etcdctl('get', '--prefix', '/', '--write-out=json');
}

/** Everything that a command could have changed. `revision` stands in what etcdctl prints. */
async function everything(): Promise<object> {
  return { kernel: await kernelState(host), etcd: await keys(), files: filesOf(host.directory) };
}

describe('weftd config', () => {
  interface Row {
    readonly name: string;
    readonly value: unknown;
    readonly source: string;
  }
  const file = (): string => join(lab.directory, 'weftd.toml');
  const arguments_ = (): string[] => ['config', `--config=${file()}`, '--public-ip=192.0.2.1'];
  const env = {
    WEFT_ETCD_PREFIX: '/overlay',
    FLANNELD_ETCD_PREFIX: '/flannel',
    FLANNELD_IFACE: 'eth0',
    FLANNELD_PUBLIC_IP: '192.0.2.2',
    FLANNELD_IP_MASQ: '',
  };

  beforeAll(() => {
    const lines = ['etcd-username = "u"', 'etcd-password = "top-secret"', 'iface = ["eth7"]'];
    writeFileSync(file(), `${lines.join('\n')}\nip-masq = true\n`);
  });

  test('tells each value and where it came from, and masks secrets', async () => {
    const { code, stdout, stderr } = await host.runWeftd([...arguments_(), '--json'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const rows = JSON.parse(stdout) as Row[];
    const row = (name: string): unknown => {
      const { value, source } = rows.find((one) => one.name === name) ?? {};
      return [value, source];
    };
    expect(row('public-ip')).toEqual(['192.0.2.1', 'flag']);
    expect(row('etcd-prefix')).toEqual(['/overlay', 'environment WEFT_ETCD_PREFIX']);
    expect(row('iface')).toEqual([['eth0'], 'environment FLANNELD_IFACE']);
    expect(row('ip-masq')).toEqual([true, `file ${file()}`]);
    expect(row('etcd-password')).toEqual(['********', `file ${file()}`]);
    expect(row('subnet-lease-renew-margin')).toEqual([60, 'default']);
    expect(stdout).not.toContain('top-secret');
  });

  test('prints the same for people', async () => {
    const { stdout } = await host.runWeftd(arguments_(), { env });
    expect(stdout).toMatch(/^etcd-prefix +\/overlay +environment WEFT_ETCD_PREFIX$/m);
    expect(stdout).toMatch(/^etcd-password +\*{8} +file /m);
    expect(stdout).not.toContain('top-secret');
  });
});

interface Plan {
  readonly operations: readonly { readonly action: string; readonly kind: string }[];
  readonly desired: readonly { readonly key: string; readonly text: string }[];
  readonly actual: readonly { readonly key: string; readonly text: string }[];
}

async function planOf(flags: readonly string[]): Promise<Plan> {
  const { code, stdout, stderr } = await host.runWeftd(['--plan', '--json', ...flags]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return JSON.parse(stdout) as Plan;
}

describe('weftd --plan', () => {
  test('on a fresh host shows what a start would make, and changes nothing anywhere', async () => {
    const before = await everything();
    const plan = await planOf(ALL);
    expect(plan.actual).toEqual([]);
    expect(new Set(plan.operations.map(({ action }) => action))).toEqual(new Set(['create']));
    const kinds = new Set(plan.operations.map(({ kind }) => kind));
    const expected = ['link', 'sysctl', 'address', 'nftables', 'neighbour', 'fdb', 'route'];
    expect(kinds).toEqual(new Set(expected));
    const { stdout, stderr } = await host.runWeftd(['plan', ...ALL]);
    expect(stdout).toMatch(
      /^Operations \(\d+\)\n(?: {2}\+ route blackhole [^\n]+\n)+ {2}\+ link flannel\.1 vxlan /,
    );
    expect(stdout).toMatch(/\nActual \(0\)\n$/);
    expect(stderr).toMatch(/^weftd: this host has no identity before its first start, [^\n]+\n$/);
    expect(await everything()).toEqual(before);
  });

  test('on a running host has nothing to do, and shows what another flag would change', async () => {
    const weftd = await host.startWeftd(ALL).waitReady();
    const before = await everything();
    const plan = await planOf(ALL);
    expect(plan.operations).toEqual([]);
    const text = (resources: Plan['desired']): unknown =>
      new Set(resources.map(({ text }) => text));
    expect(text(plan.actual)).toEqual(text(plan.desired));
    const daemons = JSON.parse((await host.weft('plan', '--json')).stdout) as Plan;
    expect(text(plan.desired)).toEqual(text(daemons.desired));
    const { stdout, stderr } = await host.runWeftd(['--plan', '--ip-masq']);
    expect(stdout).toMatch(/^Operations \(1\)\n {2}- (route )?blackhole .*\nDesired/);
    expect(stderr).toBe('');
    expect(await everything()).toEqual(before);
    await weftd.stop();
    await host.runWeftd(['cleanup', '--yes']);
  });
});

describe('weftd cleanup', () => {
  /** Somebody else's, where weft might mistake it for its own. */
  const FOREIGN = [
    'link add flannel.7 type vxlan id 7 dev eth0 dstport 4789',
    'link set flannel.7 up',
    'address add 10.9.0.1/32 dev flannel.7',
    'route add 10.9.1.0/24 via 10.9.1.0 dev flannel.7 onlink',
    'route add blackhole 10.9.2.0/24',
    'neighbour add 10.9.1.0 lladdr 02:00:00:00:00:01 nud permanent dev flannel.7',
  ];

  beforeAll(async () => {
    for (const command of FOREIGN) await host.ip(command);
    await host.output('iptables', ['-A', 'FORWARD', '-d', '10.9.0.0/16', '-j', 'ACCEPT']);
  });

  test('on a host without weft finds nothing, and leaves a subnet.env that is not its own', async () => {
    writeFileSync(host.subnetFile, 'FLANNEL_NETWORK=10.9.0.0/16\nFLANNEL_SUBNET=10.9.0.1/24\n');
    const before = await everything();
    const { code, stdout } = await host.runWeftd(['cleanup', '--yes']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'weft owns nothing on this host\n' });
    expect(await everything()).toEqual(before);
  });

  test.each(['vxlan', 'host-gw'])('%s: removes all of it and nothing else', async (backend) => {
    await lab.configureNetwork({ ...NETWORK, Backend: { Type: backend } });
    await eventually(
      async () => (await peer.weft('status')).stdout.includes(`backend      ${backend}`),
      {
        within: 10_000,
        what: 'the peer changed over',
      },
    );
    const before = await kernelState(host);
    const weftd = await host.startWeftd(ALL).waitReady();
    await eventually(async () => /10\.5\.\d+\.0\/24 via/.test(await host.ip('route show')), {
      within: 5000,
      what: 'the peer is routed',
    });
    const running = await host.runWeftd(['cleanup', '--yes']);
    expect(running).toMatchObject({ code: 1, stderr: expect.stringContaining('stop it first') });
    await weftd.kill('SIGKILL');

    const asked = await everything();
    const unsure = await host.runWeftd(['cleanup']);
    expect(unsure).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/give --yes to remove/),
    });
    for (const entry of [
      / {2}.*blackhole /,
      / {2}nftables table inet weft/,
      / {2}iptables FORWARD/,
    ])
      expect(unsure.stdout).toMatch(entry);
    expect(unsure.stdout).toContain(`  file ${host.subnetFile}\n`);
    expect(await everything()).toEqual(asked);

    const removed = await host.runWeftd(['cleanup', '--yes']);
    expect(removed).toMatchObject({ code: 0, stderr: '' });
    expect(removed.stdout).toContain(
      "what stays: this host's lease under /coreos.com/network/subnets",
    );
    expect(removed.stdout).toContain(
      `what stays: the identity of this host, ${host.stateDir}/node-id`,
    );
    expect(await kernelState(host)).toEqual(before);
    expect([host.subnetFile, host.socket, host.runDir].filter(existsSync)).toEqual([]);
    const second = await host.runWeftd(['cleanup', '--yes']);
    expect(second).toMatchObject({ code: 0, stdout: 'weft owns nothing on this host\n' });
  });

  test('at a terminal it asks first', async () => {
    const weftd = await host.startWeftd(ALL).waitReady();
    await weftd.stop();
    const before = await kernelState(host);
    const answered = async (answer: string): Promise<string> => {
      const command = host.weftdCommand(['cleanup']).join(' ');
      const script = `printf '${answer}\\n' | script -qec '${command}' /dev/null`;
      return host.output('sh', ['-c', `${script} || true`]);
    };
    expect(await answered('n')).toMatch(/\[y\/N\] [^]*weftd: nothing was removed\s*$/);
    expect(await kernelState(host)).toEqual(before);
    expect(await answered('y')).toContain('\r\nremoved\r\n');
    expect((await host.runWeftd(['cleanup'])).stdout).toBe('weft owns nothing on this host\n');
  });

  test('the lease is given back when that is asked for, and nobody else loses one', async () => {
    const keys = async (): Promise<number> =>
      (await lab.etcdctl('get', '--prefix', '--keys-only', '/coreos.com/network/subnets/'))
        .split('\n')
        .filter((line) => line !== '').length;
    expect(await keys()).toBe(2);
    const gone = await host.runWeftd(['cleanup', '--yes', '--release-lease']);
    expect(gone.stdout).toMatch(/^given back: 10\.5\.\d+\.0-24$/m);
    expect(await keys()).toBe(1);
    const again = await host.runWeftd(['cleanup', '--yes', '--release-lease']);
    expect(again).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no lease of this host'),
    });
  });
});

describe('what weftd tells the machine', () => {
  const WATCHDOG_MS = 400;

  /** Rejects until weftd listens; the status is part of what is told. */
  async function page(path: string): Promise<string> {
    const script = `exec 3<>/dev/tcp/127.0.0.1/9401; printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
    const answer = await host.output('bash', ['-c', script]);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    return `${head.split(' ')[1]} ${body}`;
  }

  async function systemd(): Promise<{ readonly child: Child; readonly path: string }> {
    const path = join(lab.directory, 'notify.sock');
    const program = fileURLToPath(new URL('programs/systemd.ts', import.meta.url));
    const child = host.spawn(process.execPath, ['--import', 'tsx', program, path]);
    await child.waitForLine(/^listening$/);
    return { child, path };
  }

  test('ready only when the peers are programmed, and alive from the start', async () => {
    const { child, path } = await systemd();
    // Until then nothing can be ready.
    await lab.etcdctl('del', '/coreos.com/network/config');
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: `${WATCHDOG_MS * 1000}` };
    const weftd = host.startWeftd([], { env });
    await weftd.waitForLog(/there is no network configuration/);
    expect(await page('/healthz')).toBe('200 weftd is running');
    expect(await page('/readyz')).toMatch(
      /^503 weftd is not ready yet: waiting for the network conf/,
    );
    expect(await page('/metrics')).toMatch(/\nweft_etcd_up 0\n/);
    await child.waitForLine(/^STATUS=waiting for the network configuration/);
    expect(child.text).not.toContain('READY=1');

    await lab.configureNetwork({ ...NETWORK, Backend: { Type: 'vxlan' } });
    await child.waitForLine(/^READY=1$/);
    const own = JSON.parse((await peer.weft('status', '--json')).stdout) as {
      lease: { subnets: string[] };
    };
    expect(await host.ip('route show')).toContain(`${own.lease.subnets[0]} via`);
    expect(await page('/readyz')).toBe('200 weftd is ready');
    await child.waitForLine(/^STATUS=1 peers?$/);

    const beats = (): number => child.lines.filter((line) => line === 'WATCHDOG=1').length;
    const seen = beats();
    expect(seen).toBeGreaterThan(0);
    await eventually(() => beats() >= seen + 3, {
      within: 3 * WATCHDOG_MS,
      what: 'the watchdog hears of it twice in its time',
    });
    await weftd.stop();
    await child.waitForLine(/^STOPPING=1$/);
    expect(child.lines.filter((line) => line === 'READY=1')).toHaveLength(1);
    await child.stop();
  });

  test('/metrics has every metric that docs/metrics.md lists, in the format of Prometheus', async () => {
    const weftd = await host.startWeftd().waitReady();
    const text = await host.httpGet('/metrics');
    const sample = /^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (NaN|-?[\d.]+(e[+-]?\d+)?)$/;
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(samples.filter((line) => !sample.test(line))).toEqual([]);
    const docs = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const listed = [...docs.matchAll(/^## `(\w+)`$/gm)].map(([, name = '']) => name);
    const described = [...text.matchAll(/^# TYPE (\w+) \w+$/gm)].map(([, name = '']) => name);
    expect(new Set(described)).toEqual(new Set(listed));
    expect(text).toMatch(/^weft_leases 2$/m);
    expect(text).toMatch(/^weft_peers 1$/m);
    expect(text).toMatch(/^weft_etcd_up 1$/m);
    expect(text).toMatch(/^weft_build_info\{version="[^"]+",node="v\d[^"]*"\} 1$/m);
    expect(text).toMatch(/^weft_seconds_since_last_sync [\d.]+$/m);
    await weftd.stop();
  });
});
