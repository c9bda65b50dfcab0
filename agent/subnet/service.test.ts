import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { SimulatedEtcd, SimulatedRegistry } from '../../test/sim/etcd.ts';
import { address } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import { EtcdError } from '../etcd/errors.ts';
import { parseNetworkConfig } from './network-config.ts';
import { releaseLeases } from './release.ts';
import { SubnetService, type SubnetParts } from './service.ts';

const HOUR = 3_600_000;
const DOWN = new EtcdError('ETCD_UNREACHABLE', 'etcd does not answer');

function world() {
  const clock = new ManualClock();
  const etcd = new SimulatedEtcd(clock);
  const registry = new SimulatedRegistry(etcd);
  const lines: string[] = [];
  const told: string[] = [];
  const write = (_: object, message: string): void => void lines.push(message);
  const parsed = parseNetworkConfig('{"Network":"10.5.0.0/16"}', 'config');
  if ('reason' in parsed) throw new Error(parsed.reason);
  const network = parsed.value;
  const open = (parts: Partial<SubnetParts> = {}): SubnetService => {
    const service = new SubnetService({
      registry,
      network,
      identity: { node: 'me', publicAddresses: { 4: address('192.168.0.1') } },
      previous: { 4: prefix('10.5.9.0/24') },
      attributes: (reused) => ({ backendType: 'vxlan', backendData: reused?.backendData ?? 'new' }),
      renewMarginMs: HOUR,
      clock,
      random: () => 0.5,
      log: { info: write, warn: write },
      ...parts,
    });
    service.on('own', (own) => told.push(`own ${own[4] ?? 'none'}`));
    service.on('peers', (changes) => changes.forEach(({ type, id }) => told.push(`${type} ${id}`)));
    service.on('synced', () => told.push('synced'));
    onTestFinished(() => service.stop());
    return service;
  };
  /** What the machine would do in the time, in steps, so that every answer is heard before the next timer. */
  const pass = async (ms: number, steps = 20): Promise<void> => {
    for (let i = 0; i < steps; i++) {
      clock.advance(ms / steps);
      registry.wake();
      await settle();
    }
  };
  const put = (key: string, value: string): void => etcd.write({ key, value, lease: '0' });
  const entry = (key: string) => etcd.list().entries.find((other) => other.key === key);
  return { clock, etcd, registry, lines, told, open, pass, put, entry };
}

/** Lets everything that waits for nothing but its turn run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

function begin(service: SubnetService): Promise<void> {
  void service.start(new AbortController().signal);
  return settle();
}

test('own subnets first, then the peers, then synced; the last subnets are taken again', async () => {
  const { open, told, put } = world();
  put('10.5.1.0-24', '{"PublicIP":"192.168.0.2"}');
  await begin(open());
  expect(told).toEqual(['own 10.5.9.0/24', 'put 10.5.1.0-24', 'synced']);
});

test('the value is put again every hour, and the lease lives on', async () => {
  const { open, pass, entry } = world();
  const service = open();
  await begin(service);
  const before = entry('10.5.9.0-24');
  await pass(40 * HOUR, 400);
  const after = entry('10.5.9.0-24');
  expect(after?.createRevision).toBe(before?.createRevision);
  expect((after?.modRevision ?? 0) - (before?.modRevision ?? 0)).toBeGreaterThanOrEqual(38);
  expect(service.own?.state).toBe('held');
});

test('etcd away: one line; past the time to live doubtful; back: the same subnet, if nobody took it', async () => {
  const { open, pass, registry, lines, told } = world();
  const service = open();
  await begin(service);
  registry.down = DOWN;
  await pass(23 * HOUR, 300);
  expect(service.own?.state).toBe('held');
  expect(service.etcd).toMatchObject({ connected: false, error: DOWN.message });
  await pass(2 * HOUR, 100);
  expect(service.own?.state).toBe('doubtful');
  expect(told).toEqual(['own 10.5.9.0/24', 'synced']);
  registry.down = undefined;
  await pass(60_000, 60);
  expect(service.own).toMatchObject({ state: 'held', key: '10.5.9.0-24' });
  expect(told).toEqual(['own 10.5.9.0/24', 'synced']);
  expect(lines.filter((line) => line.includes('tries again'))).toHaveLength(1);
  expect(lines.filter((line) => line === 'etcd is back')).toHaveLength(1);
});

test('back after the time to live, and somebody else has the subnet: another is taken', async () => {
  const { open, pass, registry, etcd, lines, told, put } = world();
  const service = open();
  await begin(service);
  registry.down = DOWN;
  await pass(25 * HOUR, 300);
  expect(etcd.list().entries).toEqual([]);
  put('10.5.9.0-24', '{"PublicIP":"192.168.0.7"}');
  registry.down = undefined;
  await pass(60_000, 60);
  expect(told.slice(0, 3)).toEqual(['own 10.5.9.0/24', 'synced', 'own none']);
  expect(told).toContain('put 10.5.9.0-24');
  expect(service.own?.state).toBe('held');
  expect(lines.join('\n')).toContain('192.168.0.7 has it');
});

test('changed attributes are put at once, and again after three minutes', async () => {
  const { open, pass, entry } = world();
  const service = open();
  await begin(service);
  const revision = (): number => entry('10.5.9.0-24')?.modRevision ?? 0;
  const before = revision();
  service.publish({ publicAddresses: { 4: address('192.168.0.3') } });
  await settle();
  expect(revision()).toBe(before + 1);
  expect(entry('10.5.9.0-24')?.value).toContain('192.168.0.3');
  await pass(200_000);
  expect(revision()).toBe(before + 2);
  await pass(200_000);
  expect(revision()).toBe(before + 2);
});

test('a seeded lease is adopted with its data; our stale ones go; a twin is no peer, but a problem', async () => {
  const { open, told, put, etcd, lines } = world();
  put('10.5.9.0-24', '{"PublicIP":"192.168.0.1","BackendData":"kept","Weft":{"Node":"me"}}');
  put('10.5.10.0-24', '{"PublicIP":"192.168.0.1","Weft":{"Node":"me"}}');
  put('10.5.11.0-24', '{"PublicIP":"192.168.0.1","Weft":{"Node":"twin"}}');
  const service = open();
  await begin(service);
  expect(told).toEqual(['own 10.5.9.0/24', 'synced']);
  expect(etcd.list().entries.map(({ key }) => key)).toEqual(['10.5.9.0-24', '10.5.11.0-24']);
  expect(etcd.list().entries[0]?.value).toContain('"BackendData":"kept"');
  expect(service.problems.map(({ code, subject }) => `${code} ${subject}`)).toEqual([
    'ADDRESS_SHARED 10.5.11.0-24',
  ]);
  expect(lines.filter((line) => line.includes('publishes our address'))).toHaveLength(1);
});

test('a lease of another configuration is replaced: the new one first', async () => {
  const { open, put, etcd } = world();
  put('10.5.9.0-25', '{"PublicIP":"192.168.0.1"}');
  const service = open({ previous: {} });
  await begin(service);
  expect(etcd.list().entries.map(({ key }) => key)).toEqual([service.own?.key]);
});

test('out of subnets: said in words, and mended when one is free', async () => {
  const { open, put, pass, etcd, lines } = world();
  put('10.5.0.0-16', '{"PublicIP":"192.168.0.9"}');
  const service = open();
  await begin(service);
  expect(service.own).toBeUndefined();
  expect(lines.join('\n')).toContain('10.5.0.0/16 has 255, and none is free');
  etcd.delete('10.5.0.0-16');
  await pass(120_000, 60);
  expect(service.own?.state).toBe('held');
  expect(service.problems).toEqual([]);
});

test('compacted while away: what went is told as gone, what changed as changed', async () => {
  const { open, pass, registry, etcd, told, put } = world();
  put('10.5.1.0-24', '{"PublicIP":"192.168.0.2"}');
  put('10.5.2.0-24', '{"PublicIP":"192.168.0.3"}');
  await begin(open());
  registry.down = DOWN;
  await pass(1_000);
  etcd.delete('10.5.1.0-24');
  put('10.5.2.0-24', '{"PublicIP":"192.168.0.4"}');
  etcd.compact();
  registry.down = undefined;
  told.length = 0;
  await pass(30_000, 60);
  expect(told.toSorted()).toEqual(['put 10.5.2.0-24', 'remove 10.5.1.0-24']);
});

test('etcd restored to an older revision: all is as it stands there, our lease is put again, and what changes is told', async () => {
  const { open, pass, registry, etcd, told, lines, put, entry } = world();
  put('10.5.1.0-24', '{"PublicIP":"192.168.0.2"}');
  put('10.5.2.0-24', '{"PublicIP":"192.168.0.3"}');
  const copy = etcd.list();
  const service = open();
  await begin(service);
  put('10.5.2.0-24', '{"PublicIP":"192.168.0.4"}');
  put('10.5.3.0-24', '{"PublicIP":"192.168.0.5"}');
  for (let i = 0; i < 20; i++) put('10.5.4.0-24', `{"PublicIP":"192.168.1.${i + 1}"}`);
  await pass(1_000);
  registry.down = DOWN;
  await pass(1_000);
  etcd.restore(copy);
  registry.down = undefined;
  told.length = 0;
  await pass(30_000, 60);
  expect(told.toSorted()).toEqual(['put 10.5.2.0-24', 'remove 10.5.3.0-24', 'remove 10.5.4.0-24']);
  expect(service.peers.get('10.5.2.0-24')?.publicAddresses).toEqual({ 4: '192.168.0.3' });
  expect(service.own).toMatchObject({ state: 'held', key: '10.5.9.0-24' });
  expect(entry('10.5.9.0-24')?.value).toContain('"me"');
  expect(lines.filter((line) => line.includes('was restored'))).toHaveLength(1);
  told.length = 0;
  put('10.5.2.0-24', '{"PublicIP":"192.168.0.6"}');
  await pass(1_000);
  expect(told).toEqual(['put 10.5.2.0-24']);
});

test('a lease is given back only when asked, and only our own', async () => {
  const { open, put, registry, etcd } = world();
  put('10.5.1.0-24', '{"PublicIP":"192.168.0.2","Weft":{"Node":"other"}}');
  const service = open();
  await begin(service);
  await service.stop();
  expect(etcd.list().entries).toHaveLength(2);
  expect(await releaseLeases(registry, 'me', new Set([address('192.168.0.5')]))).toEqual([]);
  expect(await releaseLeases(registry, 'me', new Set([address('192.168.0.1')]))).toEqual([
    '10.5.9.0-24',
  ]);
  expect(etcd.list().entries.map(({ key }) => key)).toEqual(['10.5.1.0-24']);
});
