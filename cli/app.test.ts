import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Status } from '../controlplane/api/model.ts';
import {
  HEALTHY,
  leaseNumber,
  memberNumber,
  peerNumber,
  SINCE,
  Stage,
} from '../controlplane/api/testing.ts';
import { run } from './app.ts';
import { NOUNS } from './nouns.ts';
import { fullName, resolve } from './resolve.ts';
import { isNoun } from './spec.ts';
import { ask, Recorder } from './testing.ts';

test('status of a healthy host', async () => {
  await using stage = await Stage.open();
  const { out, err, code } = await ask(stage, 'status');
  expect([code, err]).toEqual([0, '']);
  expect(out).toBe(
    [
      'host-1: nothing is wrong',
      'node         a1b2c3d4, weftd 0.1.0, running for 3 h',
      'lease        10.5.52.0/24, fd00:5:0:17::/64, held until 2026-11-22 03:00:00 UTC',
      'network      10.5.0.0/16 in /24, fd00:5::/48 in /64, at /coreos.com/network',
      'backend      vxlan on flannel.1, flannel-v6.1, MTU 1430',
      'underlay     eth0, MTU 1500, known to peers as 192.0.2.1, 2001:db8::1',
      'peers        2',
      'etcd         connected, http://192.0.2.9:2379, in sync 3 h ago',
      'gossip       host-1 at 192.0.2.1:7946, encrypted, members: 3 alive',
      'since start  3 repaired, 1 refused',
      '',
    ].join('\n'),
  );
});

const { network: _n, underlay: _u, backend: _b, gossip: _g, ...BARE } = HEALTHY;
const TROUBLED: Status = {
  ...BARE,
  ready: false,
  notReadyReason: 'the first set of peers is not in the kernel yet',
  problems: [{ code: 'ENODEV', message: 'link eth7 is missing: plug it in', since: SINCE }],
  problemCount: 4,
  lease: { state: 'doubtful', subnets: ['10.5.52.0/24'] },
  etcd: {
    connected: false,
    unreachableSince: SINCE,
    lastError: 'connection refused\u001b[2J',
    endpoints: ['http://192.0.2.9:2379'],
  },
};

test('status says first what is wrong', async () => {
  await using stage = await Stage.open();
  stage.daemon.current = TROUBLED;
  const { out, code } = await ask(stage, 'status');
  expect(code).toBe(0);
  expect(out).toBe(
    [
      'host-1: not ready',
      '  ! not ready: the first set of peers is not in the kernel yet',
      '  ! etcd: unreachable for 3 h (connection refused\\u001b[2J); forwarding goes on with what is known',
      '  ! the lease could not be renewed, and etcd may have given it up',
      '  ! link eth7 is missing: plug it in (ENODEV, for 3 h)',
      '  ! and 3 more problems: see the log of weftd',
      '',
      'node         a1b2c3d4, weftd 0.1.0, running for 3 h',
      'lease        10.5.52.0/24, doubtful',
      'network      not known yet',
      'backend      none yet',
      'underlay     not found yet',
      'peers        2',
      'etcd         unreachable, http://192.0.2.9:2379, never in sync yet',
      'gossip       switched off',
      'since start  3 repaired, 1 refused',
      '',
    ].join('\n'),
  );
});

test.each([
  [{ failed: 2 }, 'host-1 at 192.0.2.1:7946, encrypted, members: 3 alive, 2 failed'],
  [{ encrypted: false }, 'host-1 at 192.0.2.1:7946, not encrypted, members: 3 alive'],
  [{ address: undefined }, 'host-1, not running'],
])('status of a gossip with %j', async (changes, text) => {
  await using stage = await Stage.open();
  stage.daemon.current = { ...HEALTHY, gossip: { ...HEALTHY.gossip, ...changes } } as Status;
  expect((await ask(stage, 'status')).out).toContain(`\ngossip       ${text}\n`);
});

test('status as JSON is the documented value', async () => {
  await using stage = await Stage.open();
  stage.daemon.current = TROUBLED;
  const { out } = await ask(stage, 'status', '--json');
  expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(TROUBLED)));
  expect(JSON.parse(out)).toMatchObject({ runningSince: '2026-11-21T03:00:00.000Z' });
});

test('status --watch shows each change until the daemon ends', async () => {
  await using stage = await Stage.open();
  const io = new Recorder();
  const ended = run(['status', '--watch', '--json', '--socket', stage.socketPath], io);
  await vi.waitFor(() => expect(io.out.split('\n')).toHaveLength(2));
  stage.daemon.setStatus({ ...HEALTHY, peers: 9 });
  await vi.waitFor(() => expect(io.out.split('\n')).toHaveLength(3));
  await stage.stop();
  expect(await ended).toBe(3);
  const seen = io.out.trim().split('\n');
  expect(seen.map((line) => (JSON.parse(line) as Status).peers)).toEqual([2, 9]);
  expect(io.err).toBe('weft: weftd is stopping\n');
});

test('leases: a table, this host and refusals told', async () => {
  await using stage = await Stage.open();
  stage.daemon.put({ ...leaseNumber(10), inForce: false, refusal: 'it overlaps 10.0.2.0/24' });
  stage.daemon.put({
    ...leaseNumber(0),
    reserved: true,
  });
  const { node: _node, backendType: _type, ...anonymous } = leaseNumber(2);
  stage.daemon.put({ ...anonymous, publicAddresses: [] });
  const { out, code } = await ask(stage, 'leases');
  expect(code).toBe(0);
  expect(out).toBe(
    [
      'SUBNET        PUBLIC ADDRESS  BACKEND  NODE     STATE',
      '10.0.0.0/24   192.0.0.0       vxlan    node-0   this host, reserved',
      '10.0.2.0/24   -               -        -        in force',
      '10.0.10.0/24  192.0.0.10      vxlan    node-10  not in force: it overlaps 10.0.2.0/24',
      '3 leases, 1 of them not in force',
      '',
    ].join('\n'),
  );
});

test('leases fit the terminal, in colour unless told otherwise', async () => {
  await using stage = await Stage.open();
  stage.daemon.put({ ...leaseNumber(1), inForce: false, refusal: 'long '.repeat(50) });
  const argv = ['leases', '--socket', stage.socketPath];
  const terminal = new Recorder(60);
  await run(argv, terminal);
  expect(terminal.out).toContain('\u001b[31m10.0.1.0/24');
  for (const [flags, env] of [
    [['--no-color'], {}],
    [[], { NO_COLOR: '1' }],
  ] as const) {
    const plain = new Recorder(60, env);
    await run([...argv, ...flags], plain);
    expect(plain.out).not.toContain('\u001b');
    for (const line of plain.out.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
  }
});

test('leases as JSON, none and many', async () => {
  await using stage = await Stage.open();
  expect((await ask(stage, 'leases')).out).toBe('0 leases\n');
  expect((await ask(stage, 'leases', '--json')).out).toBe('[]\n');
  for (let n = 0; n < 1001; n++) stage.daemon.put(leaseNumber(n));
  const { out } = await ask(stage, 'leases', '--json');
  expect(JSON.parse(out)).toEqual([...stage.daemon.table.values()]);
});

test('leases by a template: a line for each, and none for none', async () => {
  await using stage = await Stage.open();
  const argv = ['leases', '--format', '{{subnets}} {{expires}} {{mine}}'];
  expect(await ask(stage, ...argv)).toMatchObject({ out: '', code: 0 });
  for (const n of [10, 2]) stage.daemon.put(leaseNumber(n));
  expect((await ask(stage, ...argv)).out).toBe('10.0.2.0/24 - false\n10.0.10.0/24 - false\n');
});

test('every spelling of a list is the same list', async () => {
  await using stage = await Stage.open();
  stage.daemon.put(leaseNumber(1));
  const { out } = await ask(stage, 'lease', 'ls');
  for (const argv of [['lease'], ['leases'], ['l'], ['leases', 'list']])
    expect((await ask(stage, ...argv)).out).toBe(out);
});

test('leases by name: key or subnet, and an unknown one is told', async () => {
  await using stage = await Stage.open();
  for (const n of [1, 2, 3]) stage.daemon.put(leaseNumber(n));
  const { out } = await ask(stage, 'lease', 'ls', '10.0.1.0-24', '10.0.3.0/24');
  expect(out.split('\n').map((line) => line.split(' ')[0])).toEqual([
    'SUBNET',
    '10.0.1.0/24',
    '10.0.3.0/24',
    '2',
    '',
  ]);
  expect(await ask(stage, 'lease', 'ls', '10.0.1.0-24', 'x')).toMatchObject({
    out: '',
    err: 'weft: there is no lease "x": see weft lease ls\n',
    code: 1,
  });
});

test('leases --watch of one: the others are not told', async () => {
  await using stage = await Stage.open();
  for (const n of [1, 2]) stage.daemon.put(leaseNumber(n));
  const io = new Recorder();
  const argv = ['lease', 'ls', '10.0.2.0/24', '--watch', '--socket', stage.socketPath];
  const ended = run(argv, io);
  await vi.waitFor(() => expect(io.out).toContain('1 lease\n'));
  const before = io.out;
  stage.daemon.remove(leaseNumber(1).key);
  stage.daemon.remove(leaseNumber(2).key);
  await vi.waitFor(() => expect(io.out).toBe(`${before}- 10.0.2.0-24\n`));
  await stage.stop();
  await ended;
});

test('leases --watch by a template: what is there, is new or has changed', async () => {
  await using stage = await Stage.open();
  stage.daemon.put(leaseNumber(1));
  const io = new Recorder();
  const argv = ['leases', '--watch', '--format', '{{node}}', '--socket', stage.socketPath];
  const ended = run(argv, io);
  await vi.waitFor(() => expect(io.out).toBe('node-1\n'));
  stage.daemon.remove(leaseNumber(1).key);
  stage.daemon.put(leaseNumber(2));
  await vi.waitFor(() => expect(io.out).toBe('node-1\nnode-2\n'));
  await stage.stop();
  await ended;
});

test('leases --watch: the table, then a line for each change', async () => {
  await using stage = await Stage.open();
  stage.daemon.put(leaseNumber(1));
  const io = new Recorder();
  const ended = run(['leases', '--watch', '--socket', stage.socketPath], io);
  await vi.waitFor(() => expect(io.out).toContain('1 lease\n'));
  stage.daemon.put(leaseNumber(2));
  stage.daemon.remove(leaseNumber(1).key);
  await vi.waitFor(() => expect(io.out).toContain('- 10.0.1.0-24\n'));
  await stage.stop();
  expect(await ended).toBe(3);
  expect(io.out).toContain('+ 10.0.2.0/24  192.0.0.2  vxlan  node-2  in force\n');
});

test('leases --watch --json: an event on each line', async () => {
  await using stage = await Stage.open();
  stage.daemon.put(leaseNumber(1));
  const io = new Recorder();
  const ended = run(['leases', '--watch', '--json', '--socket', stage.socketPath], io);
  await vi.waitFor(() => expect(io.out).toContain('complete'));
  stage.daemon.remove(leaseNumber(1).key);
  await vi.waitFor(() => expect(io.out).toContain('removed'));
  await stage.stop();
  await ended;
  const events = io.out.trim().split('\n');
  expect(events.map((line) => JSON.parse(line) as unknown)).toEqual([
    { type: 'present', lease: leaseNumber(1) },
    { type: 'complete' },
    { type: 'removed', key: leaseNumber(1).key },
  ]);
});

test('plan: operations, then what should be and what is', async () => {
  await using stage = await Stage.open();
  const route = { kind: 'route', key: 'route 10.5.2.0/24 metric 0', text: 'route 10.5.2.0/24' };
  const link = { kind: 'link', key: 'link flannel.1', text: 'link flannel.1 vxlan id 1' };
  stage.daemon.planned = {
    desired: [link, route],
    actual: [link],
    operations: [
      { action: 'create', ...route },
      { action: 'change', ...link },
      { action: 'remove', ...link },
    ],
  };
  expect((await ask(stage, 'plan')).out).toBe(
    [
      'Operations (3)',
      '  + route 10.5.2.0/24',
      '  ~ link flannel.1 vxlan id 1',
      '  - link flannel.1 vxlan id 1',
      'Desired (2)',
      '  link flannel.1 vxlan id 1',
      '  route 10.5.2.0/24',
      'Actual (1)',
      '  link flannel.1 vxlan id 1',
      '',
    ].join('\n'),
  );
  expect(JSON.parse((await ask(stage, 'plan', '--json')).out)).toEqual(stage.daemon.planned);
});

test('plan with nothing to do says so', async () => {
  await using stage = await Stage.open();
  expect((await ask(stage, 'plan')).out).toContain('none: the kernel is as desired\n');
});

test('all that JSON has is among the documented fields', async () => {
  await using stage = await Stage.open();
  stage.daemon.put(leaseNumber(1));
  stage.daemon.putMember(memberNumber(1));
  stage.daemon.putPeer(peerNumber(1));
  for (const name of ['status', 'lease', 'member', 'peer', 'plan', 'version']) {
    const value = JSON.parse((await ask(stage, name, '--json')).out) as object;
    const entry = (Array.isArray(value) ? value[0] : value) as object;
    const { command, noun } = resolve([name], NOUNS);
    const fields = Object.keys((command ?? noun?.verbs[0])?.answer?.fields ?? {});
    const known = new Set(fields.map((field) => field.split(/[.[]/)[0]));
    for (const field of Object.keys(entry)) expect(known).toContain(field);
  }
});

test('version needs no daemon', async () => {
  await using stage = new Stage();
  expect(await ask(stage, 'version')).toMatchObject({ out: 'dev\n', code: 0 });
  expect(await ask(stage, 'version', '--json')).toMatchObject({
    out: '{\n  "version": "dev"\n}\n',
  });
  expect(await ask(stage, '--version')).toMatchObject({ out: 'dev\n', code: 0 });
});

/** What needs no daemon. */
const ALONE = ['key generate', 'docker-opts', 'completion', 'complete', 'version'];
const ASKING = NOUNS.flatMap((entry) =>
  isNoun(entry) ? entry.verbs.map((command) => ({ noun: entry, command })) : [{ command: entry }],
).filter((place) => !ALONE.includes(fullName(place)));

test.each(ASKING)('$noun.name $command.name without a daemon is one sentence', async (place) => {
  await using stage = new Stage();
  const needed = (place.command.arguments ?? []).filter(({ optional }) => optional !== true);
  const line = [...fullName(place).split(' '), ...needed.map(({ name }) => name)];
  for (const flags of [[], ['--json']]) {
    const { out, err, code } = await ask(stage, ...line, ...flags);
    expect([out, code]).toEqual(['', 3]);
    expect(err).toBe(
      `weft: weftd does not answer on ${stage.socketPath}: start it with systemctl start weftd, or name its socket with --socket\n`,
    );
  }
});

test('a fault in the daemon is one sentence too', async () => {
  await using stage = await Stage.open();
  stage.daemon.failure = new TypeError('x is not a function');
  const { err, code } = await ask(stage, 'status');
  expect(code).toBe(1);
  expect(err).toMatch(/^weft: weftd failed at this request \(x is not a function\): [^\n]*\n$/);
});

test('the socket may come from the environment, and a flag wins over it', async () => {
  await using stage = await Stage.open();
  const io = new Recorder(undefined, { WEFT_SOCKET: stage.socketPath });
  expect(await run(['status'], io)).toBe(0);
  expect(await run(['--socket', '/nowhere.sock', 'status'], io)).toBe(3);
});

test.each([
  [['frobnicate'], "unknown command 'frobnicate'"],
  [['stats'], "unknown command 'stats' (did you mean status?)"],
  [['status', '--frob'], "unknown option '--frob'"],
  [['plan', '--watch'], "unknown option '--watch'"],
  [['keys', 'forge'], "unknown command 'forge'"],
  [['keys', 'install'], "'key install' needs KEY"],
  [['keys', 'use', 'a', 'b'], "too many arguments: 'key use' takes 1 argument, and got 2"],
  [['status', 'twice'], "too many arguments: 'status' takes no argument, and got 1"],
  [['status', '--socket'], "option '--socket PATH': its value is missing"],
  [['status', '--socket', ''], '--socket is empty'],
  [['leases', 'lsit'], "unknown command 'lsit' (did you mean list?)"],
  [['help', 'lease', 'lz'], "unknown command 'lz'"],
  [['status', '--json=yes'], "option '--json' takes no value"],
  [['status', '--format', '--json'], "option '--format TEMPLATE': its value is missing"],
  [['status', '--format', '{{x}}', '--json'], '--json and --format are two forms of one answer'],
  [['leases', '--format', '{{subnet}}'], '--format cannot be used: it has no field "subnet"'],
  [['--json', 'docker-opts'], 'docker-opts takes no flags of weft'],
])('%j is wrong usage', async (argv, sentence) => {
  const io = new Recorder();
  expect(await run(argv, io)).toBe(2);
  expect(io.out).toBe('');
  expect(io.err).toMatch(/^weft: [^\n]*: [^\n]*\n$/);
  expect(io.err).toContain(`weft: ${sentence}: `);
});

test.each([
  [['--help']],
  [['-h']],
  [['help']],
  [['status', '--help']],
  [['help', 'leases']],
  [['keys', '--help']],
  [['keys', 'use', '--help']],
])('%j prints help', async (argv) => {
  const io = new Recorder();
  expect(await run(argv, io)).toBe(0);
  expect(io.out).toContain('Usage: weft');
  expect(io.err).toBe('');
});

test('no command at all: help on stderr, wrong usage', async () => {
  const io = new Recorder();
  expect(await run([], io)).toBe(2);
  expect(io.out).toBe('');
  expect(io.err).toContain('Usage: weft');
});

test('docker-opts gets its flags untouched, and needs no daemon', async () => {
  await using stage = new Stage();
  const input = join(stage.folder, 'subnet.env');
  const output = join(stage.folder, 'docker.env');
  writeFileSync(input, 'FLANNEL_MTU=1450\n');
  const io = new Recorder();
  expect(await run(['docker-opts', '-f', input, '-d', output, '-i'], io)).toBe(0);
  expect(await run(['docker-opts', '-h'], io)).toBe(1);
  expect(io.err).toContain('Usage: weft docker-opts');
});

test('a reader that has seen enough ends it without a word', async () => {
  await using stage = await Stage.open();
  for (let n = 0; n < 5000; n++) stage.daemon.put(leaseNumber(n));
  const main = new URL('main.ts', import.meta.url).pathname;
  const argv = ['--import', 'tsx', main, 'leases', '--json', '--socket', stage.socketPath];
  const weft = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  weft.stderr.on('data', (chunk) => (said += String(chunk)));
  await once(weft.stdout, 'readable');
  weft.stdout.destroy();
  expect(await once(weft, 'exit')).toEqual([0, null]);
  expect(said).toBe('');
});
