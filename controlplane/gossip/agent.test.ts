import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GossipError, LAN, startGossip, type GossipAgent, type GossipOptions } from './index.ts';
import { loopback, until } from './net/testing.ts';
import type { Settings } from './swim/settings.ts';

/** LAN, ten times as fast. */
const FAST: Settings = {
  ...LAN,
  probeInterval: 100,
  probeTimeout: 50,
  gossipInterval: 20,
  pushPullInterval: 1_000,
};
const KEY = new Uint8Array(16).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(9);

let folder: string;
const agents: GossipAgent[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-gossip-'));
});

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  rmSync(folder, { recursive: true });
});

function begin(name: string, options: Partial<GossipOptions> = {}): GossipAgent {
  const agent = startGossip({ name, bind: loopback(), port: 0, settings: FAST, ...options });
  agents.push(agent);
  return agent;
}

async function started(name: string, options: Partial<GossipOptions> = {}): Promise<GossipAgent> {
  const agent = begin(name, options);
  await agent.ready();
  return agent;
}

function place(agent: GossipAgent): string {
  return agent.address ?? '';
}

/** `name status` of all, in order. */
function seen(agent: GossipAgent): string {
  return agent
    .members()
    .map(({ name, status }) => `${name} ${status}`)
    .sort()
    .join(', ');
}

async function sees(agent: GossipAgent, members: string): Promise<void> {
  await until(() => seen(agent) === members);
}

/** Three that know each other, each joined at the first one. */
async function three(options: Partial<GossipOptions> = {}): Promise<GossipAgent[]> {
  const a = await started('a', options);
  const others = { ...options, join: [place(a)] };
  const all = [a, await started('b', others), await started('c', others)];
  for (const agent of all) await sees(agent, 'a alive, b alive, c alive');
  return all;
}

test.each([
  ['plain', {}],
  ['encrypted and labelled', { keyring: [KEY], label: 'prod' }],
])('join, tags, events, queries, records and leave, %s', async (_name, options) => {
  const [a, b, c] = (await three(options)) as [GossipAgent, GossipAgent, GossipAgent];
  expect(a.isEncrypted).toBe('keyring' in options);
  b.setTags(new Map([['role', 'db']]));
  await until(
    () =>
      a
        .members()
        .find(({ name }) => name === 'b')
        ?.tags.get('role') === 'db',
  );
  const heard: string[] = [];
  for (const agent of [a, b, c])
    agent.watch((event) => {
      if (event.kind === 'event') heard.push(`${agent.name} ${event.name}`);
      if (event.kind === 'query') event.respond(new Uint8Array(Buffer.from(`of ${agent.name}`)));
    });
  a.userEvent('deploy', new Uint8Array(Buffer.from('now')));
  await until(() => heard.length === 3);
  expect(heard.sort()).toEqual(['a deploy', 'b deploy', 'c deploy']);
  const answers: string[] = [];
  c.query(
    'who',
    {},
    { answered: (from, text) => answers.push(`${from} ${Buffer.from(text).toString()}`) },
  );
  await until(() => answers.length === 3);
  expect(answers.sort()).toEqual(['a of a', 'b of b', 'c of c']);
  b.put('name', 'web', KEY);
  await until(() => [...(c.records?.list('name') ?? [])][0]?.owner === 'b');
  expect(b.remove('name', 'web')).toBe(true);
  await until(() => [...(c.records?.list('name') ?? [])].length === 0);
  await c.stop({ leave: true });
  await sees(a, 'a alive, b alive, c left');
  await sees(b, 'a alive, b alive, c left');
  for (const agent of [a, b]) expect(agent.problems()).toEqual([]);
});

test('who goes without a word has failed', async () => {
  const [a, b, c] = (await three()) as [GossipAgent, GossipAgent, GossipAgent];
  await c.stop();
  await sees(a, 'a alive, b alive, c failed');
  await sees(b, 'a alive, b alive, c failed');
});

test('IPv6', async () => {
  const a = await started('a', { bind: '::1' });
  const b = await started('b', { bind: '::1', join: [place(a)] });
  expect(place(a)).toMatch(/^\[::1\]:\d+$/);
  await sees(a, 'a alive, b alive');
  await sees(b, 'a alive, b alive');
});

test('listening on all addresses, another one is advertised', async () => {
  const a = await started('a', { bind: '0.0.0.0', advertise: { address: '127.0.0.1' } });
  expect(place(a)).toMatch(/^127\.0\.0\.1:/);
  const b = await started('b', { join: [place(a)] });
  await sees(b, 'a alive, b alive');
});

test('what is put before it listens is said then', async () => {
  const a = begin('a');
  a.put('name', 'web', KEY);
  a.put('name', 'gone', KEY);
  expect(a.remove('name', 'gone')).toBe(true);
  expect(a.members()).toEqual([]);
  expect(() => a.userEvent('early', KEY)).toThrow(GossipError);
  await a.ready();
  expect([...(a.records?.list('name') ?? [])].map(({ key }) => key)).toEqual(['web']);
});

test('a list of places that holds ourselves, nobody, and somebody later', async () => {
  const host = loopback();
  const a = await started('a', { bind: host });
  const port = Number(place(a).split(':')[1]);
  await a.stop();
  const nobody = place(a);
  const b = await started('b', { join: [nobody] });
  const problem = await until(() => b.problems()[0]);
  expect(problem).toMatchObject({ code: 'join' });
  expect(problem.message).toContain('nobody listens there');
  const again = await started('a', { bind: host, port, join: [nobody] });
  await sees(again, 'a alive, b alive');
  await until(() => b.problems().length === 0);
  expect(again.problems()).toEqual([]);
});

test('a port in use is told, and listened on once it is free', async () => {
  const host = loopback();
  const other = createServer().listen(0, host);
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const told: string[] = [];
  const a = begin('a', { bind: host, port, log: (level, text) => told.push(`${level} ${text}`) });
  const problem = await until(() => a.problems()[0]);
  expect(problem.message).toContain('another program listens there');
  other.close();
  await a.ready();
  expect(a.problems()).toEqual([]);
  expect(told).toEqual([`warn ${problem.message}`, `info gossip listens as a on ${host}:${port}`]);
});

test('stopped before it could listen, nothing is left', async () => {
  const a = begin('a', { bind: 'weft-no-such-link' });
  const problem = await until(() => a.problems()[0]);
  expect(problem.message).toContain('weft-no-such-link');
  const ready = a.ready();
  await a.stop({ leave: true });
  await expect(ready).rejects.toThrow(GossipError);
});

test('another key is told once for each sender, and neither joins nor breaks anything', async () => {
  const told: string[] = [];
  const a = await started('a', { keyring: [KEY], log: (_level, text) => told.push(text) });
  const b = await started('b', { keyring: [OTHER_KEY], join: [place(a)] });
  await until(() => b.problems().find(({ code }) => code === 'join'));
  const stranger = createSocket('udp4').bind(0, loopback());
  await once(stranger, 'listening');
  const [host, port] = place(a).split(':') as [string, string];
  for (let i = 0; i < 20; i++) stranger.send(Uint8Array.of(i), Number(port), host);
  await until(() => a.counts.net.packetsReceived === 20);
  await until(() => a.problems().length === 2);
  stranger.close();
  expect(told.filter((text) => text.includes('another key'))).toHaveLength(2);
  expect(seen(a)).toBe('a alive');
  expect(seen(b)).toBe('b alive');
});

test('keys are rotated everywhere and kept in the files', async () => {
  const files = ['a', 'b'].map((name) => join(folder, name, 'keys.json'));
  const a = await started('a', { keyring: [KEY], keyFile: files[0] ?? '' });
  const b = await started('b', { keyring: [KEY], keyFile: files[1] ?? '', join: [place(a)] });
  await sees(a, 'a alive, b alive');
  await sees(b, 'a alive, b alive');
  expect((await b.keys('install', OTHER_KEY)).ok).toBe(true);
  expect((await b.keys('use', OTHER_KEY)).ok).toBe(true);
  expect((await b.keys('remove', KEY)).ok).toBe(true);
  const list = await a.keys('list');
  const primary = Buffer.from(OTHER_KEY).toString('base64');
  expect(list.answers.map(({ keys }) => keys)).toEqual([[primary], [primary]]);
  await Promise.all([a.stop(), b.stop()]);
  for (const file of files) {
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([primary]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  const again = await started('a', { keyFile: files[0] ?? '' });
  expect(again.isEncrypted).toBe(true);
});

test('after a restart it finds whom it knew, without being told where', async () => {
  const snapshotFile = join(folder, 'snapshot.json');
  const host = loopback();
  const a = await started('a');
  const b = await started('b', { bind: host, join: [place(a)], snapshotFile });
  await sees(b, 'a alive, b alive');
  await b.stop();
  const again = await started('b', {
    bind: host,
    port: Number(place(b).split(':')[1]),
    snapshotFile,
  });
  await sees(again, 'a alive, b alive');
  await sees(a, 'a alive, b alive');
});

test.each(['{"version":', '{"version":1,"left":false}', '[]'])(
  'a damaged snapshot (%s) is set aside and told',
  async (content) => {
    const snapshotFile = join(folder, 'snapshot.json');
    writeFileSync(snapshotFile, content);
    const a = await started('a', { snapshotFile });
    expect(a.problems()).toMatchObject([{ code: 'snapshot' }]);
    await a.stop();
    expect(readdirSync(folder).sort()).toEqual(['snapshot.json', 'snapshot.json.damaged']);
    expect(readFileSync(`${snapshotFile}.damaged`, 'utf8')).toBe(content);
  },
);

test('what cannot be is refused at the door', () => {
  const bad: [Partial<GossipOptions>, string][] = [
    [{ name: 'a b' }, 'name'],
    [{ name: '' }, 'name'],
    [{ port: 70_000 }, 'bind'],
    [{ bind: '0.0.0.0' }, 'advertise'],
    [{ bind: '::' }, 'advertise'],
    [{ advertise: { address: 'host' } }, 'advertise'],
    [{ advertise: { address: '::' } }, 'advertise'],
    [{ advertise: { port: 0 } }, 'advertise'],
    [{ join: ['host:0'] }, 'join'],
    [{ join: ['[192.0.2.1]:1'] }, 'join'],
    [{ join: ['1.2.3'] }, 'join'],
    [{ label: 'x'.repeat(256) }, 'label'],
    [{ tags: new Map([['role', 'x'.repeat(600)]]) }, 'tags'],
    [{ keyFile: join(folder, 'none') }, 'key-file'],
    [{ keyFile: folder }, 'key-file'],
  ];
  for (const [options, code] of bad)
    expect(() => startGossip({ name: 'a', bind: '127.0.0.1', port: 0, ...options })).toThrow(
      expect.objectContaining({ name: 'GossipError', code }),
    );
});
