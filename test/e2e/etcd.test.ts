/** The subnet room against a real etcd. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { address, type Address } from '../../agent/ip/address.ts';
import type { Clock } from '../../agent/state/clock.ts';
import type { NetworkConfig } from '../../agent/state/facts.ts';
import { EtcdClient } from '../../agent/etcd/client.ts';
import type { EtcdOptions } from '../../agent/etcd/transport.ts';
import { parseNetworkConfig } from '../../agent/subnet/network-config.ts';
import { EtcdRegistry } from '../../agent/subnet/registry.ts';
import { SubnetService, type SubnetParts } from '../../agent/subnet/service.ts';
import { startEtcd, type Etcd, type EtcdOptions as ServerOptions } from '../lab/etcd.ts';

const PREFIX = '/coreos.com/network';
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'weft-etcd-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function etcdServer(options: Partial<ServerOptions> = {}): Promise<Etcd> {
  const etcd = await startEtcd({ dataDir: directory(), ...options });
  cleanups.push(() => etcd.kill());
  return etcd;
}

function clientOf(endpoint: string, options: Partial<EtcdOptions> = {}): EtcdClient {
  const client = new EtcdClient({ endpoints: [endpoint], ...options });
  cleanups.push(() => client.close());
  return client;
}

const clock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

function network(config: object = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } }) {
  const parsed = parseNetworkConfig(JSON.stringify(config), 'config');
  if ('reason' in parsed) throw new Error(parsed.reason);
  return parsed.value;
}

interface Host {
  readonly service: SubnetService;
  readonly lines: string[];
}

function host(
  registry: EtcdRegistry,
  number: number,
  parts: Partial<SubnetParts> & { network?: NetworkConfig } = {},
): Host {
  const lines: string[] = [];
  const write = (_: object, message: string): void => void lines.push(message);
  const publicAddress = `192.168.${number >> 8}.${number & 255}` as Address;
  const service = new SubnetService({
    registry,
    network: network(),
    identity: { node: `node-${number}`, publicAddresses: { 4: address(publicAddress) } },
    previous: {},
    attributes: () => ({
      backendType: 'vxlan',
      backendData: { VNI: 1, VtepMAC: '02:00:00:00:00:01' },
    }),
    renewMarginMs: 3_600_000,
    clock,
    random: Math.random,
    log: { info: write, warn: write },
    ...parts,
  });
  cleanups.push(() => service.stop());
  return { service, lines };
}

function begin({ service }: Host): Promise<void> {
  const synced = new Promise<void>((resolve) => service.once('synced', resolve));
  void service.start(new AbortController().signal);
  return synced;
}

/** Waits until `check` holds, looking often; fails after `limit` ms. */
async function eventually(check: () => boolean | Promise<boolean>, limit = 15_000): Promise<void> {
  const deadline = performance.now() + limit;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`not within ${limit} ms: ${String(check)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function etcdctl(etcd: Etcd, ...args: string[]): string {
  return execFileSync('etcdctl', ['--endpoints', etcd.endpoint, ...args], {
    env: { ...process.env, ETCDCTL_API: '3' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const put = (etcd: Etcd, key: string, value: string): string =>
  etcdctl(etcd, 'put', `${PREFIX}/subnets/${key}`, value);

test('a lease is written as flanneld writes it, and peers see each other', async () => {
  const etcd = await etcdServer();
  const registry = new EtcdRegistry(clientOf(etcd.endpoint), PREFIX);
  const [a, b] = [host(registry, 1), host(registry, 2)];
  await begin(a);
  await begin(b);
  await eventually(() => a.service.peers.size === 1 && b.service.peers.size === 1);
  const own = a.service.own;
  const [line] = etcdctl(etcd, 'get', '--print-value-only', `${PREFIX}/subnets/${own?.key}`).split(
    '\n',
  );
  expect(line).toBe(
    '{"PublicIP":"192.168.0.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"},"Weft":{"Node":"node-1"}}',
  );
  expect(own?.state).toBe('held');
  expect([...b.service.peers.keys()]).toEqual([own?.key]);
});

test('the configuration is read and watched', async () => {
  const etcd = await etcdServer();
  const registry = new EtcdRegistry(clientOf(etcd.endpoint), `${PREFIX}//`);
  const { revision, text } = await registry.readConfig();
  expect(text).toBeUndefined();
  etcdctl(etcd, 'put', `${PREFIX}/config`, '{"Network":"10.5.0.0/16"}');
  etcdctl(etcd, 'del', `${PREFIX}/config`);
  const seen: (string | undefined)[] = [];
  for await (const value of registry.watchConfig(revision + 1, new AbortController().signal)) {
    seen.push(value);
    if (seen.length === 2) break;
  }
  expect(seen).toEqual(['{"Network":"10.5.0.0/16"}', undefined]);
});

test('two that create one key: one does, the other is shown who', async () => {
  const etcd = await etcdServer();
  const registry = new EtcdRegistry(clientOf(etcd.endpoint), PREFIX);
  const create = (value: string) => registry.put({ key: '10.5.1.0-24', value, lease: '0' }, 0, 0);
  const answers = await Promise.all([create('a'), create('b')]);
  const loser = answers.find(({ done }) => !done);
  const winner = answers.find(({ done }) => done);
  expect(loser?.entry).toEqual(winner?.entry);
  expect(loser?.newcomers).toEqual([winner?.entry]);
});

test('a hundred hosts at once get a hundred subnets', async () => {
  const etcd = await etcdServer();
  const small = network({ Network: '10.5.0.0/20', SubnetLen: 27, Backend: { Type: 'vxlan' } });
  const hosts = Array.from({ length: 100 }, (_, i) =>
    host(new EtcdRegistry(clientOf(etcd.endpoint), PREFIX), i + 1, { network: small }),
  );
  await Promise.all(hosts.map(begin));
  const subnets = new Set(hosts.map(({ service }) => service.own?.subnets[4]));
  expect(subnets.size).toBe(100);
  await eventually(() => hosts.every(({ service }) => service.peers.size === 99));
});

test('a deleted key is put back in place; a foreign owner is yielded to', async () => {
  const etcd = await etcdServer();
  const a = host(new EtcdRegistry(clientOf(etcd.endpoint), PREFIX), 1);
  const told: unknown[] = [];
  a.service.on('own', (subnets) => told.push(subnets[4]));
  await begin(a);
  const first = a.service.own;
  etcdctl(etcd, 'del', `${PREFIX}/subnets/${first?.key}`);
  await eventually(() => a.lines.includes('lease regaining') && a.service.own?.state === 'held');
  expect(a.service.own?.key).toBe(first?.key);
  expect(told).toEqual([first?.subnets[4]]);
  put(etcd, first?.key ?? '', '{"PublicIP":"192.168.9.9"}');
  await eventually(() => a.service.own !== undefined && a.service.own.key !== first?.key);
  expect(a.lines.join('\n')).toContain('192.168.9.9');
  expect([...a.service.peers.keys()]).toEqual([first?.key]);
});

test('a reservation stays one; the subnet is adopted after a restart', async () => {
  const etcd = await etcdServer();
  const registry = new EtcdRegistry(clientOf(etcd.endpoint), PREFIX);
  put(etcd, '10.5.77.0-24', '{"PublicIP":"192.168.0.1"}');
  const a = host(registry, 1);
  await begin(a);
  expect(a.service.own).toMatchObject({ key: '10.5.77.0-24', reserved: true });
  await a.service.stop();
  const again = host(registry, 1);
  await begin(again);
  expect(again.service.own).toMatchObject({ key: '10.5.77.0-24', reserved: true });
});

test('etcd killed and restarted, frozen, and compacted while away', async () => {
  const etcd = await etcdServer();
  const a = host(new EtcdRegistry(clientOf(etcd.endpoint), PREFIX), 1);
  await begin(a);
  put(etcd, '10.5.1.0-24', '{"PublicIP":"192.168.1.1"}');
  await eventually(() => a.service.peers.has('10.5.1.0-24'));
  const away = (): number => a.lines.filter((line) => line.includes('weft tries again')).length;

  await etcd.kill();
  await eventually(() => !a.service.etcd.connected);
  expect(a.service.own?.state).toBe('held');
  await etcd.restart();
  put(etcd, '10.5.2.0-24', '{"PublicIP":"192.168.1.2"}');
  await eventually(() => a.service.peers.has('10.5.2.0-24'));
  expect(away()).toBe(1);

  process.kill(etcd.pid, 'SIGSTOP');
  try {
    await eventually(() => !a.service.etcd.connected, 10_000);
  } finally {
    process.kill(etcd.pid, 'SIGCONT');
  }
  put(etcd, '10.5.3.0-24', '{"PublicIP":"192.168.1.3"}');
  await eventually(() => a.service.peers.has('10.5.3.0-24'));

  await etcd.kill();
  await eventually(() => !a.service.etcd.connected);
  // A client of its own brings the changes and the compaction about before the service is back.
  await etcd.restart();
  etcdctl(etcd, 'del', `${PREFIX}/subnets/10.5.1.0-24`);
  put(etcd, '10.5.2.0-24', '{"PublicIP":"192.168.1.22"}');
  const { revision } = await clientOf(etcd.endpoint).get('x');
  etcdctl(etcd, 'compact', String(revision));
  await eventually(() => a.service.peers.get('10.5.2.0-24')?.publicAddresses[4] === '192.168.1.22');
  await eventually(() => !a.service.peers.has('10.5.1.0-24'));
  expect(a.service.own?.state).toBe('held');
});

test('a watch from before the compaction says so', async () => {
  const etcd = await etcdServer();
  const registry = new EtcdRegistry(clientOf(etcd.endpoint), PREFIX);
  for (const value of ['a', 'b', 'c']) put(etcd, '10.5.1.0-24', value);
  const { revision } = await registry.list();
  etcdctl(etcd, 'compact', String(revision));
  const watch = registry.watch(1, new AbortController().signal)[Symbol.asyncIterator]();
  const read = async (): Promise<void> => {
    while (!(await watch.next()).done);
  };
  await expect(read()).rejects.toMatchObject({ code: 'ETCD_COMPACTED' });
});

test('garbage under the prefix disturbs nothing else', async () => {
  const etcd = await etcdServer();
  const client = clientOf(etcd.endpoint);
  const a = host(new EtcdRegistry(client, PREFIX), 1);
  await begin(a);
  put(etcd, '10.5.1.0-24', '{"PublicIP":"192.168.1.1"}');
  await eventually(() => a.service.peers.size === 1);
  put(etcd, 'foo', '{"PublicIP":"192.168.1.1"}');
  put(etcd, '10.5.2.0-24', 'not json');
  put(etcd, '10.5.3.0-24', '{"PublicIP":null}');
  put(etcd, '10.5.1.0-24', '{"PublicIP":7}');
  put(etcd, '10.5.1.0-24', '{"PublicIP":7}');
  put(etcd, '10.9.1.0-24', '{"PublicIP":"192.168.1.9"}');
  put(etcd, '10.5.8.0-24', '{"PublicIP":"192.168.0.1","Weft":{"Node":"other"}}');
  const big = 'x'.repeat(1024 * 1024);
  await client.txn(
    [],
    [{ type: 'put', key: `${PREFIX}/subnets/10.5.4.0-24`, value: big, lease: '0' }],
    [],
  );
  put(etcd, '10.5.5.0-24', '{"PublicIP":"192.168.1.5"}');
  await eventually(() => a.service.peers.has('10.5.5.0-24'));
  expect([...a.service.peers.keys()].sort()).toEqual(['10.5.1.0-24', '10.5.5.0-24', '10.9.1.0-24']);
  expect(a.service.peers.get('10.5.1.0-24')?.publicAddresses[4]).toBe('192.168.1.1');
  expect(a.service.own?.state).toBe('held');
  expect(a.service.refused.count).toBe(6);
  expect(a.service.problems.map(({ code }) => code)).toEqual(['ADDRESS_SHARED']);
  const odd = a.lines.filter((line) => line.includes('is odd'));
  expect(odd).toHaveLength(6);
});

test('user and password', async () => {
  const etcd = await etcdServer();
  for (const command of [
    'user add root:secret',
    'user grant-role root root',
    'user add weft:pass',
    'role add weft',
    `role grant-permission weft --prefix=true readwrite ${PREFIX}/`,
    'user grant-role weft weft',
    'auth enable',
  ])
    etcdctl(etcd, ...command.split(' '));
  const root = ['--user', 'root:secret'];
  const user = { username: 'weft', password: 'pass' };
  const a = host(new EtcdRegistry(clientOf(etcd.endpoint, user), PREFIX), 1);
  await begin(a);
  // Simple tokens are forgotten by a restarted etcd: the client gets a new one.
  await etcd.restart();
  await eventually(() => a.lines.includes('etcd is back'));
  etcdctl(etcd, ...root, 'role', 'revoke-permission', 'weft', '--prefix=true', `${PREFIX}/`);
  etcdctl(etcd, ...root, 'role', 'grant-permission', 'weft', '--prefix=true', 'read', `${PREFIX}/`);
  a.service.publish({ publicAddresses: { 4: address('192.168.0.8') } });
  await eventually(() => a.service.problems.some(({ code }) => code === 'LEASE_NOT_WRITTEN'));
  expect(a.lines.at(-1)).toContain("etcd's user weft may not do this");
  const read = (options: Partial<EtcdOptions>, prefix = PREFIX): Promise<unknown> =>
    new EtcdRegistry(clientOf(etcd.endpoint, options), prefix).readConfig();
  await expect(read({})).rejects.toMatchObject({ code: 'ETCD_AUTHENTICATION' });
  await expect(read({ ...user, password: 'no' })).rejects.toMatchObject({
    code: 'ETCD_AUTHENTICATION',
  });
  await expect(read(user, '/elsewhere')).rejects.toMatchObject({ code: 'ETCD_PERMISSION' });
});

test('client certificates', async () => {
  const dir = directory();
  const certs = certificates(dir);
  const etcd = await etcdServer({ clientCerts: certs.server });
  const pair = { certFile: certs.client.cert, keyFile: certs.client.key };
  const a = host(
    new EtcdRegistry(clientOf(etcd.endpoint, { caFile: certs.ca, ...pair }), PREFIX),
    1,
  );
  await begin(a);
  expect(a.service.own?.state).toBe('held');
  await expect(clientOf(etcd.endpoint, pair).get('x')).rejects.toMatchObject({ code: 'ETCD_TLS' });
  await expect(clientOf(etcd.endpoint, { caFile: certs.ca }).get('x')).rejects.toMatchObject({
    code: 'ETCD_TLS',
  });
  expect(() => clientOf(etcd.endpoint, { caFile: '/nowhere/ca.pem' })).toThrow(/nowhere/);
  expect(() => clientOf(etcd.endpoint, { certFile: pair.certFile })).toThrow(/both/);
});

test('nobody there, and a second endpoint that is', async () => {
  const etcd = await etcdServer();
  await expect(clientOf('http://127.0.0.1:1').get('x')).rejects.toMatchObject({
    code: 'ETCD_UNREACHABLE',
    message: expect.stringContaining('127.0.0.1:1'),
  });
  const client = clientOf('', { endpoints: ['http://127.0.0.1:1', etcd.endpoint] });
  expect((await client.get('x')).kv).toBeUndefined();
  expect(() => clientOf('127.0.0.1:2379')).toThrow(/not an etcd endpoint/);
});

function certificates(dir: string) {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
  };
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...ec,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=ca',
    '-days',
    '9',
  );
  writeFileSync(
    join(dir, 'ext'),
    'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  for (const name of ['server', 'client']) {
    openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const sign = `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext`;
    openssl(...sign.split(' '), '-out', `${name}.pem`, '-days', '9');
  }
  const file = (name: string): string => join(dir, name);
  const pair = (name: string) => ({ cert: file(`${name}.pem`), key: file(`${name}.key`) });
  const ca = file('ca.pem');
  return { ca, server: { ca, ...pair('server') }, client: pair('client') };
}

test('an etcd that comes back without its data is read anew: our lease is put again, and peers are followed', async () => {
  const etcd = await etcdServer();
  const a = host(new EtcdRegistry(clientOf(etcd.endpoint), PREFIX), 1);
  for (let i = 0; i < 50; i++) put(etcd, '10.5.66.0-24', `{"PublicIP":"192.168.9.${i + 1}"}`);
  await begin(a);
  const own = a.service.own?.key ?? '';
  await etcd.kill();
  const empty = await etcdServer({ port: Number(new URL(etcd.endpoint).port) });
  await eventually(() => etcdctl(empty, 'get', `${PREFIX}/subnets/${own}`).includes('192.168.0.1'));
  put(empty, '10.5.77.0-24', '{"PublicIP":"192.168.9.77"}');
  await eventually(
    () => a.service.peers.has('10.5.77.0-24') && !a.service.peers.has('10.5.66.0-24'),
  );
  expect(a.service.own).toMatchObject({ key: own, state: 'held' });
  expect(a.lines.filter((line) => line.includes('was restored'))).toHaveLength(1);
});
