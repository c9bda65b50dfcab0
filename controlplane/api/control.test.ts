import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { connectControl } from './client.ts';
import { WeftError } from './errors.ts';
import type {
  KeyAction,
  Lease,
  LeaseEvent,
  Member,
  MemberEvent,
  Peer,
  PeerEvent,
  Status,
} from './model.ts';
import { serveControl } from './server.ts';
import { HEALTHY, leaseNumber, memberNumber, peerNumber, Stage } from './testing.ts';

async function next<T>(iterator: AsyncIterator<T>): Promise<T> {
  const result = await iterator.next();
  if (result.done === true) throw new Error('the stream ended');
  return result.value;
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
}

async function failureOf(promise: Promise<unknown>): Promise<WeftError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(WeftError);
  return thrown as WeftError;
}

test('the status comes as it was given', async () => {
  await using stage = await Stage.open();
  const client = await stage.connect();
  expect(await client.status()).toEqual(HEALTHY);
});

test('of many problems a hundred are told, and how many there are', async () => {
  await using stage = await Stage.open();
  const problem = { code: 'ENODEV', message: 'no link', since: HEALTHY.runningSince };
  stage.daemon.current = {
    ...HEALTHY,
    problems: Array.from({ length: 30_000 }, () => problem),
    problemCount: 30_000,
  };
  const status = await (await stage.connect()).status();
  expect(status.problems).toHaveLength(100);
  expect(status.problemCount).toBe(30_000);
});

test('a status watcher gets the present one, then the changes, and leaves nothing behind', async () => {
  await using stage = await Stage.open();
  const watch = (await stage.connect()).watchStatus()[Symbol.asyncIterator]();
  expect((await next(watch)).peers).toBe(2);
  for (const peers of [3, 4, 5]) {
    stage.daemon.setStatus({ ...HEALTHY, peers });
    expect((await next(watch)).peers).toBe(peers);
  }
  await watch.return?.();
  await vi.waitFor(() => expect(stage.daemon.watchers).toBe(0));
});

test('a slow status watcher skips what is no longer so', async () => {
  await using stage = await Stage.open();
  const watch = (await stage.connect()).watchStatus()[Symbol.asyncIterator]();
  await next(watch);
  for (let peers = 0; peers <= 10_000; peers++) stage.daemon.setStatus({ ...HEALTHY, peers });
  const seen: number[] = [];
  while (seen.at(-1) !== 10_000) seen.push((await next(watch)).peers);
  expect(seen.length).toBeLessThan(10);
});

test('ten thousand leases arrive, each once', async () => {
  await using stage = await Stage.open();
  for (let n = 0; n < 10_000; n++) stage.daemon.put(leaseNumber(n));
  const got: Lease[] = [];
  for await (const lease of (await stage.connect()).leases()) got.push(lease);
  expect(got).toEqual([...stage.daemon.table.values()]);
});

test('a lease watcher gets all there is, the mark, then every change', async () => {
  await using stage = await Stage.open();
  for (let n = 0; n < 1200; n++) stage.daemon.put(leaseNumber(n));
  const watch = (await stage.connect()).watchLeases()[Symbol.asyncIterator]();
  const first: LeaseEvent[] = [];
  while (first.at(-1)?.type !== 'complete') first.push(await next(watch));
  expect(first).toHaveLength(1201);
  stage.daemon.remove(leaseNumber(7).key);
  expect(await next(watch)).toEqual({ type: 'removed', key: leaseNumber(7).key });
  const moved = { ...leaseNumber(8), publicAddresses: ['198.51.100.8'] };
  stage.daemon.put(moved);
  expect(await next(watch)).toEqual({ type: 'present', lease: moved });
});

test('members: all there are, then every change', async () => {
  await using stage = await Stage.open();
  for (let n = 0; n < 1200; n++) stage.daemon.putMember(memberNumber(n));
  const client = await stage.connect();
  const got: Member[] = [];
  for await (const member of client.members()) got.push(member);
  expect(got).toEqual([...stage.daemon.memberTable.values()]);
  const watch = client.watchMembers()[Symbol.asyncIterator]();
  const first: MemberEvent[] = [];
  while (first.at(-1)?.type !== 'complete') first.push(await next(watch));
  expect(first).toHaveLength(1201);
  const failed = { ...memberNumber(8), status: 'failed' as const };
  stage.daemon.putMember(failed);
  expect(await next(watch)).toEqual({ type: 'present', member: failed });
  stage.daemon.removeMember('h8');
  expect(await next(watch)).toEqual({ type: 'removed', name: 'h8' });
});

test('peers: all there are, then every change', async () => {
  await using stage = await Stage.open();
  for (let n = 0; n < 1200; n++) stage.daemon.putPeer(peerNumber(n));
  const client = await stage.connect();
  const got: Peer[] = [];
  for await (const peer of client.peers()) got.push(peer);
  expect(got).toEqual([...stage.daemon.peerTable.values()]);
  const watch = client.watchPeers()[Symbol.asyncIterator]();
  const first: PeerEvent[] = [];
  while (first.at(-1)?.type !== 'complete') first.push(await next(watch));
  expect(first).toHaveLength(1201);
  const smaller = { ...peerNumber(8), pathMtu: 1400, receivedBytes: 2 ** 40, problems: ['slow'] };
  stage.daemon.putPeer(smaller);
  expect(await next(watch)).toEqual({ type: 'present', peer: smaller });
  stage.daemon.removePeer(smaller.key);
  expect(await next(watch)).toEqual({ type: 'removed', key: smaller.key });
});

test('keys: what is asked arrives, and the answer of every member', async () => {
  await using stage = await Stage.open();
  const client = await stage.connect();
  const answers = Array.from({ length: 1001 }, (_, n) => ({ member: `h${n}`, ok: n > 0 }));
  stage.daemon.keyReport = { keys: [{ key: 'AA==', members: 2, primary: 1 }], answers };
  expect(await client.keys()).toEqual(stage.daemon.keyReport);
  expect(await client.changeKey('use', 'AA==')).toEqual(stage.daemon.keyReport);
  expect(stage.daemon.keyChanges).toEqual([['use', 'AA==']]);
  expect(stage.told).toEqual([{ call: 'changeKey', by: 'somebody' }]);
  const error = await failureOf(client.changeKey('forge' as KeyAction, 'AA=='));
  expect([error.code, stage.daemon.keyChanges.length]).toEqual(['WEFT_USAGE', 1]);
});

test('another WireGuard key: each step arrives, and why it stays if it does', async () => {
  await using stage = await Stage.open();
  const client = await stage.connect();
  const steps = [
    { step: 'out', text: 'it begins' },
    { step: 'done', text: 'it is done', publicKey: 'AA==' },
  ];
  stage.daemon.rotation = steps;
  expect(await all(client.rotateWireguardKey(''))).toEqual(steps);
  stage.daemon.failure = new WeftError('WEFT_ROTATION_GIVEN_UP', 'a peer does not come along');
  const failed = all(client.rotateWireguardKey(''));
  expect((await failureOf(failed)).code).toBe('WEFT_ROTATION_GIVEN_UP');
});

test('a rotation asked for again by its id is the same one, and tells all its steps', async () => {
  await using stage = await Stage.open();
  const client = await stage.connect();
  const first = [{ step: 'done', text: 'it is done', publicKey: 'AA==' }];
  stage.daemon.rotation = first;
  expect(await all(client.rotateWireguardKey('mine'))).toEqual(first);
  stage.daemon.rotation = [{ step: 'done', text: 'it is done', publicKey: 'BB==' }];
  expect(await all(client.rotateWireguardKey('mine'))).toEqual(first);
  expect(await all(client.rotateWireguardKey('other'))).toEqual(stage.daemon.rotation);
  stage.daemon.failure = new WeftError('WEFT_ROTATION_GIVEN_UP', 'a peer does not come along');
  const failed = all(client.rotateWireguardKey('third'));
  expect((await failureOf(failed)).code).toBe('WEFT_ROTATION_GIVEN_UP');
  stage.daemon.failure = undefined;
  expect(await all(client.rotateWireguardKey('third'))).toEqual(stage.daemon.rotation);
});

test('without gossip, members and keys say so', async () => {
  await using stage = await Stage.open();
  const client = await stage.connect();
  stage.daemon.failure = new WeftError('WEFT_GOSSIP_OFF', 'off', { fix: 'switch it on' });
  const asked = [
    next(client.members()[Symbol.asyncIterator]()),
    next(client.watchMembers()[Symbol.asyncIterator]()),
  ];
  for (const call of [...asked, client.keys(), client.changeKey('use', 'AA==')])
    expect((await failureOf(call)).code).toBe('WEFT_GOSSIP_OFF');
});

test('a watcher that stops reading is dropped with a reason, and others go on', async () => {
  await using stage = await Stage.open();
  for (let n = 0; n < 60_000; n++) stage.daemon.put(leaseNumber(n));
  const slow = (await stage.connect()).watchLeases()[Symbol.asyncIterator]();
  await next(slow);
  for (let n = 0; n < 60_000; n++) stage.daemon.put({ ...leaseNumber(n), reserved: true });
  const reading = (async () => {
    for (;;) await next(slow);
  })();
  const error = await failureOf(reading);
  expect(error.code).toBe('WEFT_SLOW_READER');
  expect((await (await stage.connect()).status()).ready).toBe(true);
});

test('a plan larger than one message arrives in order', async () => {
  await using stage = await Stage.open();
  const resource = (n: number) => ({ kind: 'route', key: `route ${n}`, text: `route ${n} dev x` });
  const many = Array.from({ length: 30_001 }, (_, n) => resource(n));
  stage.daemon.planned = {
    desired: many,
    actual: many.slice(0, 2),
    operations: many.slice(2).map((entry) => ({ action: 'create' as const, ...entry })),
  };
  expect(await (await stage.connect()).plan()).toEqual(stage.daemon.planned);
});

test('an error of ours keeps its code and fix; a fault is told, and logged by the daemon', async () => {
  await using stage = await Stage.open();
  const client = await stage.connect();
  stage.daemon.failure = new WeftError('WEFT_USAGE', 'no “x” here ✓', { fix: 'say 100 % so' });
  for (const call of [client.status(), client.plan()]) {
    const error = await failureOf(call);
    expect(error.code).toBe('WEFT_USAGE');
    expect(error.sentence).toBe('no “x” here ✓: say 100 % so');
  }
  expect(stage.logged).toEqual([]);
  stage.daemon.failure = new Error('half a pair \ud800');
  for (const call of [client.status(), client.plan()]) {
    expect((await failureOf(call)).code).toBe('WEFT_INTERNAL');
  }
  expect(stage.logged).toHaveLength(2);
});

test('no daemon: one sentence that says what to do', async () => {
  await using stage = new Stage();
  const error = await failureOf(connectControl(stage.socketPath));
  expect(error.code).toBe('WEFT_UNREACHABLE');
  expect(error.sentence).toBe(
    `weftd does not answer on ${stage.socketPath}: start it with systemctl start weftd, or name its socket with --socket`,
  );
});

test('a daemon that takes the connection and says nothing runs into the deadline', async () => {
  await using stage = new Stage();
  const silent = createServer().listen(join(stage.folder, 'silent.sock'));
  await once(silent, 'listening');
  const client = await connectControl(join(stage.folder, 'silent.sock'), { callLimitMs: 100 });
  expect((await failureOf(client.status())).code).toBe('WEFT_TIMEOUT');
  client.close();
  silent.close();
});

test('a daemon that stops tells its watchers so, and takes its socket away', async () => {
  await using stage = await Stage.open();
  const watch = (await stage.connect()).watchStatus()[Symbol.asyncIterator]();
  await next(watch);
  const ended = failureOf(next(watch));
  await stage.stop();
  expect((await ended).code).toBe('WEFT_STOPPED');
  expect(existsSync(stage.socketPath)).toBe(false);
});

test('a second daemon on the socket is refused, and the first goes on', async () => {
  await using stage = await Stage.open();
  const { socketPath, daemon: handlers, log } = stage;
  const error = await failureOf(serveControl({ socketPath, handlers, log }));
  expect(error.code).toBe('WEFT_SOCKET_IN_USE');
  expect(error.message).toBe(`weftd is already running on the socket ${socketPath}`);
  expect((await (await stage.connect()).status()).ready).toBe(true);
});

test('the socket of a daemon that was killed is taken over', async () => {
  await using stage = new Stage();
  mkdirSync(join(stage.folder, 'run'));
  const script = `require('net').createServer().listen(process.argv[1], () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script, stage.socketPath]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(existsSync(stage.socketPath)).toBe(true);
  await stage.serve();
  expect((await (await stage.connect()).status()).ready).toBe(true);
});

test('what is not a socket is left alone', async () => {
  await using stage = new Stage();
  mkdirSync(join(stage.folder, 'run'));
  writeFileSync(stage.socketPath, 'precious');
  const error = await failureOf(stage.serve());
  expect(error.code).toBe('WEFT_SOCKET_PATH');
  expect(statSync(stage.socketPath).size).toBe(8);
});

test.each([
  ['a folder that cannot be made', 'file/weft.sock'],
  ['a path longer than a socket may have', `${'x'.repeat(120)}.sock`],
])('%s is one sentence', async (_what, name) => {
  await using stage = new Stage();
  writeFileSync(join(stage.folder, 'file'), '');
  const socketPath = join(stage.folder, name);
  const error = await failureOf(
    serveControl({ socketPath, handlers: stage.daemon, log: stage.log }),
  );
  expect(error.code).toBe('WEFT_SOCKET_PATH');
  expect(error.sentence).not.toContain('\n');
});

test('the socket is for its owner and the group weft', async () => {
  await using stage = new Stage();
  const groupFile = join(stage.folder, 'group');
  const gid = process.getgid?.() ?? 0;
  writeFileSync(groupFile, `root:x:0:\nweft:x:${gid}:alice\n`);
  await stage.serve(groupFile);
  const stats = statSync(stage.socketPath);
  expect(stats.mode & 0o777).toBe(0o660);
  expect(stats.gid).toBe(gid);
});

test('the sixty-fifth watcher is refused until another leaves', async () => {
  await using stage = await Stage.open();
  const client = await stage.connect();
  const watch = () => client.watchStatus()[Symbol.asyncIterator]();
  const watches: AsyncIterator<Status>[] = Array.from({ length: 64 }, watch);
  await Promise.all(watches.map(next));
  expect((await failureOf(next(watch()))).code).toBe('WEFT_BUSY');
  await watches[0]?.return?.();
  await vi.waitFor(async () => expect((await next(watch())).ready).toBe(true));
});
