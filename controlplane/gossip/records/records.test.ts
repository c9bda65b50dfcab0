import { describe, expect, it } from 'vitest';
import type { SerfMemberView } from '../serf/face.ts';
import type { Member } from '../swim/member.ts';
import { encodeVersion, userMessage } from './envelope.ts';
import { RECORD_LIMIT, type GossipRecord } from './index.ts';
import { Network, seeded } from './testing.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const said = ({ owner, key, payload }: GossipRecord): string =>
  `${owner} ${key} ${Buffer.from(payload).toString()}`;

const RECORD = {
  owner: 'other',
  kind: 'name',
  key: 'db',
  time: 1,
  payload: bytes('a'),
  age: undefined,
};
const VIEW: SerfMemberView = {
  name: 'other',
  addr: Uint8Array.of(10, 1, 0, 1),
  port: 7946,
  tags: new Map([['weft', '1']]),
  status: 'alive',
  since: 0,
  vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
  incarnation: 1,
  rtt: undefined,
};

function connected(size: number, settings = {}): Network {
  const network = new Network(size, seeded(1), settings);
  network.run(5_000);
  return network;
}

describe('one host', () => {
  it('finds what it said by owner, by kind and by key', () => {
    const { records } = new Network(1, seeded(1)).host(0);
    records.put('name', 'db', bytes('10.0.0.1'));
    records.put('name', 'web', bytes('10.0.0.2'));
    records.put('endpoint', 'web', bytes('e1'));
    expect(records.get('host-0', 'name', 'db')?.payload).toEqual(bytes('10.0.0.1'));
    expect(records.get('host-0', 'name', 'none')).toBeUndefined();
    expect(records.find('name', 'web').map(said)).toEqual(['host-0 web 10.0.0.2']);
    expect([...records.list('name')].map(({ key }) => key)).toEqual(['db', 'web']);
    expect([...records.list('none')]).toEqual([]);
    expect([...records.of('host-0')].map(({ kind }) => kind)).toEqual(['name', 'name', 'endpoint']);
  });

  it('tells each change with the old and the new, and none where nothing changed', () => {
    const host = new Network(1, seeded(1)).host(0);
    host.records.put('name', 'db', bytes('a'));
    host.records.put('name', 'db', bytes('a'));
    host.records.put('name', 'db', bytes('b'));
    expect(host.records.remove('name', 'db')).toBe(true);
    expect(host.records.remove('name', 'db')).toBe(false);
    const told = host.changes.map(({ before, after }) => [before, after].map((r) => r && said(r)));
    expect(told).toEqual([
      [undefined, 'host-0 db a'],
      ['host-0 db a', 'host-0 db b'],
      ['host-0 db b', undefined],
    ]);
  });

  it('keeps a payload of its own', () => {
    const { records } = new Network(1, seeded(1)).host(0);
    const payload = bytes('a');
    records.put('name', 'db', payload);
    payload[0] = 0;
    expect(records.get('host-0', 'name', 'db')?.payload).toEqual(bytes('a'));
  });

  it('refuses what others could not take', () => {
    const { records } = new Network(1, seeded(1), { recordsPerOwner: 1 }).host(0);
    const put = (kind: string, key: string, size: number) => () =>
      records.put(kind, key, new Uint8Array(size));
    expect(put('name', 'db', RECORD_LIMIT)).toThrow(/record name db takes 10\d\d bytes, and 1024/);
    expect(put('Name', 'db', 1)).toThrow(/kind "Name"/);
    expect(put('', 'db', 1)).toThrow(/kind ""/);
    expect(put('name', '\ud800', 1)).toThrow(/no Unicode text/);
    expect([...records.of('host-0')]).toEqual([]);
    put('name', 'one', 1)();
    expect(put('name', 'two', 1)).toThrow(/no room for record name two/);
    put('name', 'one', 2)();
    expect([...records.of('host-0')]).toHaveLength(1);
  });
});

describe('several hosts', () => {
  it('brings a record to all in less than a second, and takes it away as fast', () => {
    const network = connected(10);
    network.host(0).records.put('name', 'db', bytes('a'));
    network.run(900);
    for (const { records } of network.hosts)
      expect(records.find('name', 'db').map(said)).toEqual(['host-0 db a']);
    network.host(0).records.remove('name', 'db');
    network.run(900);
    for (const { records } of network.hosts) expect(records.find('name', 'db')).toEqual([]);
  });

  it('keeps the same key of two owners apart', () => {
    const network = connected(3);
    network.host(0).records.put('name', 'web', bytes('a'));
    network.host(1).records.put('name', 'web', bytes('b'));
    network.run(900);
    network.host(0).records.remove('name', 'web');
    network.run(900);
    expect(network.host(2).records.find('name', 'web').map(said)).toEqual(['host-1 web b']);
  });

  it('packs many records into one packet that is not too large', () => {
    const network = connected(2);
    for (let index = 0; index < 10; index++)
      network.host(0).records.put('name', `n${index}`, bytes('10.0.0.1'));
    network.run(250);
    expect([...network.host(1).records.list('name')]).toHaveLength(10);
    expect(network.counts.largest).toBeLessThanOrEqual(1_100 - 2);
  });

  it('gives a newcomer everything, and everybody what it has', () => {
    const network = connected(4);
    network.host(3).state = 'down';
    network.run(60_000);
    for (let index = 0; index < 50; index++)
      network.host(index % 3).records.put('name', `n${index}`, bytes('a'));
    network.run(60_000);
    const { records } = network.restart(3);
    records.put('name', 'new', bytes('b'));
    network.run(5_000);
    for (const host of network.hosts) expect([...host.records.list('name')]).toHaveLength(51);
  });

  it('holds records of a member until it is known, and for a time only', () => {
    const network = connected(2, { heldLimit: 2 });
    const { records } = network.host(0);
    const tell = (owner: string): void =>
      records.user(userMessage([encodeVersion({ ...RECORD, owner })]));
    tell('late');
    tell('later');
    expect(records.counts['held']).toBe(2);
    tell('latest');
    expect(records.counts['held']).toBe(2);
    const late = { ...VIEW, name: 'late' };
    records.memberChanged(late);
    expect([...records.list('name')]).toEqual([]);
    records.memberChanged({ ...late, name: 'later' });
    expect([...records.list('name')].map(said)).toEqual(['later db a']);
    network.run(30_001);
    expect(records.counts['held']).toBe(0);
  });

  it('says nothing to members that are not of weft', () => {
    const network = connected(2);
    const { records } = network.host(0);
    records.memberChanged({ ...VIEW, name: 'serf', tags: new Map() });
    records.put('name', 'db', bytes('a'));
    expect(records.broadcasts(1_000, { name: 'serf' } as Member)).toEqual([]);
    expect(records.broadcasts(1_000, { name: 'host-1' } as Member)).toHaveLength(1);
  });
});

describe('members that go', () => {
  it.each([
    ['left', 5_000],
    ['down', 30_000],
  ] as const)('takes the records of one that is %s after its grace', (state, grace) => {
    const network = connected(3);
    network.host(0).records.put('name', 'db', bytes('a'));
    network.run(1_000);
    network.host(0).state = state;
    while (network.host(1).sees.has('host-0')) network.run(100);
    network.run(grace - 200);
    expect(network.host(1).records.find('name', 'db').map(said)).toEqual(['host-0 db a']);
    network.run(400);
    expect(network.host(1).records.find('name', 'db')).toEqual([]);
    expect(network.host(1).changes.at(-1)?.after).toBeUndefined();
  });

  it('keeps them if it is back in time, and has them again if it is back later', () => {
    const network = connected(3);
    network.host(0).records.put('name', 'db', bytes('a'));
    network.run(1_000);
    network.parts.set('host-0', 1);
    network.run(20_000);
    network.parts.clear();
    network.run(60_000);
    expect(network.host(1).changes).toHaveLength(1);
    network.parts.set('host-0', 1);
    network.run(100_000);
    expect(network.host(1).records.find('name', 'db')).toEqual([]);
    network.parts.clear();
    network.run(10_000);
    expect(network.host(1).records.find('name', 'db').map(said)).toEqual(['host-0 db a']);
  });

  it('rids the cluster of what an owner forgot in a restart', () => {
    const network = connected(5);
    for (let index = 0; index < 20; index++)
      network.host(0).records.put('name', `n${index}`, bytes('a'));
    network.run(2_000);
    const { records } = network.restart(0);
    records.put('name', 'n0', bytes('b'));
    network.run(10_000);
    for (const host of network.hosts)
      expect([...host.records.list('name')].map(said)).toEqual(['host-0 n0 b']);
  });

  it('is believed at once after a restart whose clock went on', () => {
    const network = connected(5);
    network.host(0).records.put('name', 'db', bytes('a'));
    network.run(2_000);
    network.restart(0, 1_000);
    network.run(1_000);
    network.host(0).records.put('name', 'db', bytes('b'));
    network.run(900);
    for (const host of network.hosts)
      expect(host.records.find('name', 'db').map(said)).toEqual(['host-0 db b']);
    expect(network.host(0).records.counts['refuted']).toBeLessThanOrEqual(1);
  });
});

describe('stalls', () => {
  it('believes nothing that it knew before one that may have outlasted a tombstone', () => {
    const network = connected(3, { tombstoneLife: 200_000 });
    network.host(1).records.put('name', 'db', bytes('a'));
    network.run(1_000);
    network.host(0).state = 'frozen';
    network.run(1_000);
    network.host(1).records.remove('name', 'db');
    network.run(400_000);
    expect(network.host(1).records.counts['tombstones']).toBe(0);
    network.host(0).state = 'up';
    network.watch = (_, { after }) => expect(after).toBeUndefined();
    network.run(60_000);
    for (const { records } of network.hosts) expect(records.find('name', 'db')).toEqual([]);
  });

  it('keeps what it knew over a short one, and hears at once what it missed', () => {
    const network = connected(3);
    network.host(1).records.put('name', 'db', bytes('a'));
    network.run(1_000);
    network.host(0).state = 'frozen';
    network.host(1).records.put('name', 'web', bytes('b'));
    network.run(20_000);
    network.host(0).state = 'up';
    network.run(1_500);
    expect(network.host(0).changes.map(({ after }) => after?.key)).toEqual(['db', 'web']);
  });
});

describe('bounds', () => {
  it('drops what does not fit the queue, and brings it by exchanges', () => {
    const network = connected(6, { queueLimit: 20 });
    for (let index = 0; index < 3_000; index++)
      network.host(0).records.put('name', `n${index}`, new Uint8Array(200));
    expect(network.host(0).records.counts['queued']).toBeLessThanOrEqual(20);
    network.run(15_000);
    for (const { records } of network.hosts) expect([...records.list('name')]).toHaveLength(3_000);
    expect(network.counts.largestStream).toBeLessThan(300_000);
  });

  it('takes no more records of others than it may, and says so', () => {
    const network = connected(2, { records: 10 });
    for (let index = 0; index < 8; index++)
      for (const { records } of network.hosts) records.put('name', `n${index}`, bytes('a'));
    network.run(2_000);
    expect(network.host(0).records.counts).toMatchObject({ records: 10 });
    expect(network.host(0).records.counts['full']).toBeGreaterThan(0);
    for (let index = 0; index < 6; index++) network.host(0).records.remove('name', `n${index}`);
    network.run(60_000);
    expect([...network.host(0).records.of('host-1')]).toHaveLength(8);
  });

  it('remembers only so many of what is gone', () => {
    const network = connected(2, { recordsPerOwner: 5 });
    for (let index = 0; index < 100; index++) {
      network.host(0).records.put('name', `n${index}`, bytes('a'));
      network.host(0).records.remove('name', `n${index}`);
    }
    network.run(2_000);
    for (const { records } of network.hosts)
      expect(records.counts).toMatchObject({ records: 0, tombstones: 5 });
  });

  it('asks seldom when there is nothing to heal', () => {
    const network = connected(10);
    network.host(0).records.put('name', 'db', bytes('a'));
    network.run(100_000);
    const before = network.counts.streams;
    network.run(300_000);
    expect(network.counts.streams - before).toBeLessThan((1.5 * 10 * 300) / 30);
  });
});
