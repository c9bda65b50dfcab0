/** Hosts that are machines with Debian's kernel: what the lab offers of namespaces holds for them too. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Address } from '../../agent/ip/address.ts';
import { run } from '../lab/command.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab, type LabOptions } from '../lab/lab.ts';
import { addressOf, startMesh } from '../lab/mesh.ts';
import type { Namespace } from '../lab/namespace.ts';
import { untilProgrammed } from '../lab/overlay.ts';
import { ping } from '../lab/probes.ts';
import { bridgeNetwork } from '../lab/subnet-env.ts';
import { labDirectory, namespacesOf, processesOf, sweepStale } from '../lab/traces.ts';
import { openEntrances } from '../lab/vm/entrance.ts';
import { encodeFrame, FrameReader, KINDS, type Frame } from '../lab/vm/frames.ts';
import { capture } from '../lab/watching.ts';

/** Emulated, and with others on the same cores. */
const LIMIT_MS = 300_000;
const SOON = 60_000;

const MODULES = [
  'wireguard',
  'ip_vs',
  'ipvlan',
  'ip_gre',
  'ipip',
  'dummy',
  '8021q',
  'sch_netem',
] as const;

/** An answer may take longer than ping waits for it. */
function reaches(from: Namespace, to: Address): Promise<boolean> {
  return eventually(async () => (await ping(from, to, { count: 1 })).lost === 0, {
    within: SOON,
    what: `${from.name} reaches ${to}`,
  });
}

function expectNothingOf(name: string): void {
  expect(namespacesOf(name)).toEqual([]);
  expect(processesOf(name)).toEqual([]);
  expect(existsSync(labDirectory(name))).toBe(false);
}

test('frames survive whatever cuts the line makes', () => {
  const kinds = fc.constantFrom(...Object.values(KINDS));
  const frame = fc.tuple(kinds, fc.nat(2 ** 32 - 1), fc.uint8Array({ maxLength: 300 }));
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
      const line = Buffer.concat(frames.map(([...parts]) => encodeFrame(...parts)));
      const reader = new FrameReader();
      const read: Frame[] = [];
      let at = 0;
      for (const length of [...cuts, line.length])
        read.push(...reader.push(line.subarray(at, (at += length))));
      expect(read.map(({ kind, program, payload }) => [kind, program, [...payload]])).toEqual(
        frames.map(([kind, program, payload]) => [kind, program, [...payload]]),
      );
    }),
  );
  expect(() => new FrameReader().push(Buffer.alloc(9))).toThrow('not a frame');
});

test('two machines and a namespace on one link', { timeout: LIMIT_MS }, async (evidence) => {
  const underlay = { v4: '192.168.77.0/24', v6: 'fd77::/64' };
  const lab = await createLab({ nodes: 3, machines: [1, 2], underlay, evidence });
  try {
    const [one, two, space] = lab.hosts as [Host, Host, Host];
    await isDebian(one);
    for (const [from, to] of [
      [one, two],
      [two, space],
      [space, one],
    ] as const) {
      await reaches(from, addressOf(to, 4));
      await reaches(from, addressOf(to, 6));
    }
    await programsRun(one);
    await othersEnter(lab);
    await filesAreShared(two);
    await faultsShow(lab, one, space);
    await workloadsTalk(one);
    await endsAreTold(one, two);
  } finally {
    await lab.close();
  }
  expectNothingOf(lab.name);
});

async function isDebian(host: Host): Promise<void> {
  expect(await host.output('uname', ['-r'])).not.toBe(`${release()}\n`);
  expect(await host.output('hostname')).toBe(`${host.name}\n`);
  await host.output('modprobe', ['-a', ...MODULES]);
  const loaded = (await host.output('lsmod')).split('\n').map((line) => line.split(' ')[0]);
  expect(loaded).toEqual(expect.arrayContaining([...MODULES]));
  expect(await host.output('stat', ['-fc', '%T', '/sys/fs/cgroup'])).toBe('cgroup2fs\n');
}

async function programsRun(host: Host): Promise<void> {
  const codes = [0, 1, 2, 77];
  const ended = await Promise.all(
    codes.map((code) => host.exec('sh', ['-c', `echo out${code}; echo err >&2; exit ${code}`])),
  );
  expect(ended).toEqual(codes.map((code) => ({ code, stdout: `out${code}\n`, stderr: 'err\n' })));
  expect(await host.exec('no-such-program')).toMatchObject({ code: 127 });
  const input = 'weft'.repeat(250_000);
  expect(await host.exec('cat', [], { input })).toEqual({ code: 0, stdout: input, stderr: '' });
  expect(await host.exec('cat')).toMatchObject({ code: 0, stdout: '' });
  expect(await host.exec('env', [], { env: { WEFT_TEST: 'a b' } })).toMatchObject({
    stdout: expect.stringContaining('\nWEFT_TEST=a b\n') as string,
  });
  const polite = host.spawn('sh', [
    '-c',
    'trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.1; done',
  ]);
  await polite.waitForLine(/^up$/, SOON);
  expect(await host.output('cat', [`/proc/${polite.pid}/comm`])).toBe('sh\n');
  expect(await polite.stop()).toEqual({ code: 7, signal: null });
  expect(polite.lines).toEqual(['up', 'bye']);
  expect(await host.spawn('sleep', ['600']).stop('SIGKILL')).toEqual({
    code: null,
    signal: 'SIGKILL',
  });
}

async function othersEnter(lab: Lab): Promise<void> {
  const program = await openEntrances(lab);
  const enter = (args: readonly string[], input = '') =>
    run(process.execPath, [program, ...args], { input, timeoutMs: SOON });
  expect(await enter(['h2', 'sh', '-c', 'hostname; cat; exit 3'], 'input')).toEqual({
    code: 3,
    stdout: 'h2\ninput',
    stderr: '',
  });
  expect(await enter(['h1'], 'hostname\n')).toMatchObject({ code: 0, stdout: 'h1\n' });
  expect(await enter(['h3', 'true'])).toMatchObject({ code: 1 });
}

async function filesAreShared(host: Host): Promise<void> {
  await host.output('sh', ['-c', `echo there >${host.directory}/a; echo private >/etc/weft-vm`]);
  expect(await readFile(`${host.directory}/a`, 'utf8')).toBe('there\n');
  expect(existsSync('/etc/weft-vm')).toBe(false);
  await writeFile(`${host.directory}/b`, 'here\n');
  expect(await host.output('cat', [`${host.directory}/b`])).toBe('here\n');
}

async function faultsShow(lab: Lab, machine: Host, peer: Host): Promise<void> {
  const lost = () => ping(machine, peer.address, { count: 2 });
  const packets = await capture(machine, machine.link, 'icmp');
  await machine.output('tc', ['qdisc', 'add', 'dev', 'eth0', 'root', 'netem', 'loss', '100%']);
  expect(await lost()).toMatchObject({ received: 0 });
  await machine.output('tc', ['qdisc', 'delete', 'dev', 'eth0', 'root']);
  await reaches(machine, peer.address);
  expect((await packets.stop()).join('\n')).toContain('ICMP echo reply');
  const port = (state: string) => lab.outside.ip(`link set ${machine.name} ${state}`);
  await port('down');
  expect(await lost()).toMatchObject({ received: 0 });
  await port('up');
  await reaches(machine, peer.address);
}

async function workloadsTalk(host: Host): Promise<void> {
  const network = bridgeNetwork({ 4: '10.5.1.1/24', 6: 'fd00:5:0:1::1/64', mtu: 1430 });
  const first = await host.attachWorkload('first', network);
  const second = await host.attachWorkload('second', network);
  await reaches(first, addressOf(second, 6));
  const [link] = await first.ipJson<{ mtu: number }>('link show eth0');
  expect(link?.mtu).toBe(1430);
}

async function endsAreTold(one: Host, two: Host): Promise<void> {
  const child = one.spawn('sleep', ['600']);
  const panicked = one.exec('sh', ['-c', 'echo c >/proc/sysrq-trigger; sleep 600']);
  await expect(panicked).rejects.toThrow(/^the machine h1 is gone: .*Kernel panic/s);
  expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' });
  expect(child.text).toContain('the machine h1 is gone');
  await two.machine?.cutPower();
  await expect(two.exec('true')).rejects.toThrow('the machine h2 is gone: its power was cut');
}

test.for<{ what: string; machines: NonNullable<LabOptions['machines']> }>([
  { what: 'namespaces', machines: [] },
  { what: 'machines', machines: 'all' },
])(
  'three $what with weftd: every workload reaches every other',
  { timeout: LIMIT_MS },
  async ({ machines }, evidence) => {
    const network = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
    const flags = ['--ip-masq'];
    const mesh = await startMesh({ nodes: 3, machines, network, flags, evidence });
    try {
      await untilProgrammed(mesh.lab, { within: SOON });
      for (const from of mesh.workloads)
        for (const to of mesh.workloads) if (from !== to) await reaches(from, addressOf(to, 4));
      const { code, stdout } = await mesh.lab.host(1).weft('status');
      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/nothing is wrong/) as string,
      });
    } finally {
      await mesh.close();
    }
    expectNothingOf(mesh.lab.name);
  },
);

test('a machine that cannot boot says why, and nothing stays', { timeout: LIMIT_MS }, async () => {
  const lab = createLab({ nodes: 2, machines: [1], machineMemory: 2 ** 30 });
  await expect(lab).rejects.toThrow(/^the machine h1 is gone: QEMU ended with code 1\nqemu-/);
  const ours = `weft-${process.pid}`;
  expect(namespacesOf(ours)).toEqual([]);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`${ours}-`))).toEqual([]);
});

test('a machine ends with the process that made it', { timeout: LIMIT_MS }, async () => {
  const script = fileURLToPath(new URL('../lab/interrupted.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, 'machine'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  });
  const [name] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  expect(processesOf(name)).not.toEqual([]);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  await eventually(() => processesOf(name).length === 0, { within: SOON, what: 'QEMU has ended' });
  sweepStale();
  expectNothingOf(name);
});
