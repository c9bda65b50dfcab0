import fc from 'fast-check';
import { expect, test } from 'vitest';
import { labelFrom } from '../../controlplane/names/index.ts';
import { address } from '../ip/address.ts';
import { mac } from '../ip/mac.ts';
import { vethAlias, vethName, vethPeer } from '../state/veth.ts';
import { formatEndpoint, parseEndpoint, type Endpoint } from './endpoint.ts';
import { parseAttach, type AttachText } from './request.ts';
import { parseTarget } from './target.ts';

const WEB: Endpoint = {
  id: '0123456789abcdef',
  network: 'default',
  state: 'attached',
  target: 'netns:web',
  names: ['web', 'web.1'],
  ports: [{ name: 'http', protocol: 'tcp', port: 80 }],
  addresses: { 4: address('10.5.1.2'), 6: address('fd00:5::2') },
  place: {
    namespace: { path: '/run/netns/web', inode: 4_026_532_008 },
    link: 'eth0',
    mac: mac('02:42:0a:05:01:02'),
    ownMac: false,
    gateway: undefined,
    container: undefined,
    resolver: { path: '/etc/netns/web/resolv.conf', before: undefined },
    dnsInside: true,
    links: [{ name: 'store.default', alias: 'db' }],
  },
  since: new Date(0),
};

test('a file says what was written, and a damaged one nothing', () => {
  expect(parseEndpoint(formatEndpoint(WEB))).toEqual(WEB);
  const host: Endpoint = { ...WEB, target: 'host', place: undefined };
  expect(parseEndpoint(formatEndpoint(host))).toEqual(host);
  const whole = formatEndpoint(WEB);
  fc.assert(
    fc.property(fc.nat(whole.length - 3), fc.string({ minLength: 1 }), (at, junk) => {
      expect(parseEndpoint(whole.slice(0, at))).toBeUndefined();
      const changed = parseEndpoint(whole.slice(0, at) + junk + whole.slice(at));
      if (changed !== undefined) expect(parseEndpoint(formatEndpoint(changed))).toEqual(changed);
    }),
  );
  expect(parseEndpoint(whole.replace('10.5.1.2', '10.5.1'))).toBeUndefined();
  expect(parseEndpoint(whole.replace('"version": 1', '"version": 2'))).toBeUndefined();
});

test("a pair's alias tells what is at its other end", () => {
  const namespace = { path: '/run/netns/a name', inode: 4_026_532_008 };
  const peer = { endpoint: WEB.id, name: 'eth0', mac: mac('02:42:0a:05:01:02'), namespace };
  expect(vethPeer(vethAlias(peer))).toEqual(peer);
  expect(vethPeer('weft bridge')).toBeUndefined();
  expect(vethPeer('weft endpoint x')).toBeUndefined();
  expect(() => vethAlias({ ...peer, namespace: { ...namespace, path: 'x'.repeat(250) } })).toThrow(
    'is too long',
  );
  expect(vethName(WEB.id)).toBe('weft-0123456789');
});

test.each([
  ['netns:web', { type: 'netns', path: '/run/netns/web', name: 'web' }],
  ['netns:/run/netns/web', { type: 'netns', path: '/run/netns/web', name: 'web' }],
  ['netns:/proc/1/ns/net', { type: 'netns', path: '/proc/1/ns/net' }],
  ['pid:1', { type: 'pid', pid: 1 }],
  ['ctr:web.1_a-b', { type: 'container', name: 'web.1_a-b' }],
  [
    'cni:net.1/default-web_1/eth0/proc/7/ns/net',
    { type: 'netns', path: '/proc/7/ns/net', called: 'default-web_1' },
  ],
  ['cni:net/web/eth0', undefined],
  ['cni:net/web/eth0/../x\0', undefined],
  ['cni:net//eth0/proc/7/ns/net', undefined],
  ['netns:../x', undefined],
  ['netns:..', undefined],
  ['pid:0', undefined],
  ['pid:-1', undefined],
  ['ctr:-x', undefined],
  ['ctr:a/b', undefined],
  ['web', undefined],
  ['', undefined],
])('the target %j', (text, target) => {
  expect(parseTarget(text)).toEqual(target);
});

test('names of containers become labels', () => {
  expect(labelFrom('My_App.1')).toBe('my-app-1');
  expect(labelFrom('--')).toBeUndefined();
});

const ASKED: AttachText = {
  id: WEB.id,
  target: 'netns:web',
  network: '',
  names: [],
  addresses: [],
  gateway: '',
  link: '',
  mac: '',
  resolver: false,
  dnsInside: false,
  ports: [],
  links: [],
};

test.each<[Partial<AttachText>, string]>([
  [{ id: 'web' }, 'is no id of an endpoint'],
  [{ names: ['a_b'] }, '"a_b" is no name'],
  [{ names: Array.from({ length: 9 }, (_, i) => `n${i}`) }, '9 names are too many'],
  [{ addresses: ['10.5.1.2/24'] }, 'is no IP address'],
  [{ addresses: ['10.5.1.2', '10.5.1.3'] }, 'several addresses of one family'],
  [{ gateway: 'x' }, '"x" is no gateway'],
  [{ link: 'a b' }, 'is no name of an interface'],
  [{ link: 'sixteen-letters-' }, 'is no name of an interface'],
  [{ mac: '03:00:00:00:00:00' }, 'is no MAC of one interface'],
  [{ network: 'a.b' }, 'there is no network "a.b"'],
])('%j is refused', (more, sentence) => {
  expect(() => parseAttach({ ...ASKED, ...more })).toThrow(sentence);
});

test('without names it has that of its target', () => {
  expect(parseAttach(ASKED).names).toEqual(['web']);
  expect(parseAttach({ ...ASKED, target: 'pid:7' }).names).toEqual([]);
  expect(parseAttach({ ...ASKED, names: ['A', 'a'] }).names).toEqual(['a']);
});
