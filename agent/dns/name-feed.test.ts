import { expect, test } from 'vitest';
import { encodeEndpoint, type Endpoint } from '../../controlplane/names/index.ts';
import type { MemberView } from '../gossip/member.ts';
import { NameFeed } from './name-feed.ts';
import { allowedBy } from './allowed.ts';
import { prefix } from '../ip/prefix.ts';
import { serversIn, upstreamsIn } from './resolv-conf.ts';

const WEB: Endpoint = {
  id: '0000000000000001',
  network: 'default',
  addresses: [Uint8Array.of(10, 5, 1, 2)],
  mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
  names: ['web'],
  ports: [],
  host: false,
};

const record = (payload: Uint8Array) => ({ owner: 'h1', kind: 'endpoint', key: WEB.id, payload });
const member = (name: string, status: MemberView['status']) => ({
  type: 'present' as const,
  member: {
    name,
    address: '192.0.2.1:7946' as MemberView['address'],
    status,
    tags: {},
    since: new Date(0),
    mine: false,
  },
});

function feed() {
  let calls = 0;
  const made = new NameFeed(() => calls++);
  return { feed: made, calls: () => calls };
}

test('what is said of one thing within a turn is told once, as it was said last', () => {
  const { feed: names, calls } = feed();
  names.record({ after: record(encodeEndpoint(WEB)) });
  names.record({ after: record(encodeEndpoint({ ...WEB, names: ['www'] })) });
  expect(calls()).toBe(1);
  expect(names.take()).toEqual([
    { kind: 'endpoint', owner: 'h1', key: WEB.id, value: { ...WEB, names: ['www'] } },
  ]);
  names.record({ before: record(encodeEndpoint(WEB)) });
  expect(calls()).toBe(2);
  expect(names.take()).toEqual([{ kind: 'endpoint', owner: 'h1', key: WEB.id }]);
  expect(names.take()).toEqual([]);
});

test('a record that does not hold is counted, and takes what was there away', () => {
  const { feed: names } = feed();
  names.record({ after: record(Buffer.from('junk')) });
  expect(names.refused).toBe(1);
  expect(names.take()).toEqual([{ kind: 'endpoint', owner: 'h1', key: WEB.id }]);
});

test('other kinds of records are none of ours', () => {
  const { feed: names } = feed();
  names.record({ after: { ...record(Buffer.of(1)), kind: 'service' } });
  expect([names.refused, names.take()]).toEqual([0, []]);
});

test('a member is a host with its address while it is there', () => {
  const { feed: names } = feed();
  names.member(member('H1', 'alive'));
  names.member(member('h2', 'failed'));
  names.member(member('my_host', 'leaving'));
  names.member({ type: 'removed', name: 'h3' });
  expect(names.take()).toEqual([
    { kind: 'host', owner: 'H1', name: 'h1', value: [Uint8Array.of(192, 0, 2, 1)] },
    { kind: 'host', owner: 'h2', name: 'h2' },
    { kind: 'host', owner: 'my_host', name: 'my_host', value: [] },
    { kind: 'host', owner: 'h3', name: '' },
  ]);
});

test('an address is allowed by a prefix that has it, and by none at all', () => {
  const allowed = allowedBy([prefix('10.5.1.0/24'), prefix('fd00::/12'), prefix('192.0.2.7/32')]);
  const asked = (...bytes: number[]) => allowed(Uint8Array.from(bytes), 0, bytes.length);
  expect(asked(10, 5, 1, 255)).toBe(true);
  expect(asked(10, 5, 2, 1)).toBe(false);
  expect(asked(192, 0, 2, 7)).toBe(true);
  expect(asked(192, 0, 2, 6)).toBe(false);
  expect(asked(0xfd, 0x0f, ...Array<number>(14).fill(9))).toBe(true);
  expect(asked(0xfd, 0x10, ...Array<number>(14).fill(9))).toBe(false);
  expect(allowed(Uint8Array.of(9, 9, 10, 5, 1, 1), 2, 4)).toBe(true);
  expect(allowedBy([])(Uint8Array.of(1, 2, 3, 4), 0, 4)).toBe(true);
});

test('resolv.conf names servers by address', () => {
  const text = [
    '# nameserver 192.0.2.1',
    'search example.com',
    'nameserver 192.0.2.2',
    'nameserver\tfd00::53 # ours',
    'nameserver fe80::1%eth0',
    'nameserver example.com',
    'nameserver 192.0.2.3',
    'nameserver 192.0.2.4',
  ].join('\n');
  const servers = ['192.0.2.2:53', '[fd00::53]:53', '192.0.2.3:53', '192.0.2.4:53'];
  expect(serversIn(text)).toEqual(servers);
  expect(serversIn('')).toEqual([]);
});

test('where systemd-resolved is asked, those that it asks are', () => {
  const uplinks = 'nameserver 127.0.0.57\nnameserver 192.0.2.1\n';
  const asked = ['127.0.0.57:53', '192.0.2.1:53'];
  expect(upstreamsIn('nameserver 127.0.0.53\noptions edns0 trust-ad\n', uplinks)).toEqual(asked);
  expect(upstreamsIn('nameserver 192.0.2.9\n', uplinks)).toEqual(['192.0.2.9:53']);
  expect(upstreamsIn('nameserver 127.0.0.53\n', '')).toEqual(['127.0.0.53:53']);
});
