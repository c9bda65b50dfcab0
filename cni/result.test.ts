import { expect, test } from 'vitest';
import type { Endpoint } from '../controlplane/api/endpoint-model.ts';
import { checkEndpoint, checkInside } from './check.ts';
import { attachmentOf, attachOf, idOf } from './endpoint.ts';
import { parseCall, VERSIONS, type Call } from './protocol.ts';
import { resultOf, type Result } from './result.ts';

type Add = Extract<Call, { readonly verb: 'ADD' }>;

function add(config: object = {}, env: Readonly<Record<string, string>> = {}): Add {
  const all = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'web', CNI_NETNS: '/proc/7/ns/net', ...env };
  const text = JSON.stringify({ cniVersion: '1.1.0', name: 'net', type: 'weft', ...config });
  return parseCall({ CNI_IFNAME: 'eth0', ...all }, text) as Add;
}

const ENDPOINT: Endpoint = {
  id: idOf(add().config, add().attachment),
  host: 'h1',
  mine: true,
  network: 'default',
  names: ['web'],
  addresses: ['10.5.1.2', 'fd00:5::2'],
  mac: '02:42:0a:05:01:02',
  isHost: false,
  state: 'attached',
  target: 'cni:net/web/eth0/proc/7/ns/net',
  link: 'eth0',
  hostLink: 'weft-0123456789',
  bridge: 'weft0',
  dnsInside: false,
  ports: [],
  links: [],
  inside: {
    addresses: ['10.5.1.2/24', 'fd00:5::2/64'],
    gateways: ['10.5.1.1', 'fd00:5::1'],
    routes: [
      { destination: '10.5.0.0/16', gateway: '10.5.1.1' },
      { destination: '0.0.0.0/0', gateway: '10.5.1.1' },
    ],
    mtu: 1450,
    domain: 'default.weft',
  },
};

test('the result of the newest version', () => {
  expect(resultOf(add(), ENDPOINT)).toEqual({
    cniVersion: '1.1.0',
    interfaces: [
      { name: 'weft0' },
      { name: 'weft-0123456789' },
      { name: 'eth0', mac: '02:42:0a:05:01:02', mtu: 1450, sandbox: '/proc/7/ns/net' },
    ],
    ips: [
      { address: '10.5.1.2/24', gateway: '10.5.1.1', interface: 2 },
      { address: 'fd00:5::2/64', gateway: 'fd00:5::1', interface: 2 },
    ],
    routes: [
      { dst: '10.5.0.0/16', gw: '10.5.1.1' },
      { dst: '0.0.0.0/0', gw: '10.5.1.1' },
    ],
    dns: {
      nameservers: ['10.5.1.1', 'fd00:5::1'],
      search: ['default.weft'],
      options: ['ndots:1'],
    },
  });
});

test('families are said where versions want it, and an MTU where they know it', () => {
  for (const cniVersion of VERSIONS) {
    const { cniVersion: told, ips, interfaces } = resultOf(add({ cniVersion }), ENDPOINT);
    expect(told).toBe(cniVersion);
    const isOld = cniVersion.startsWith('0.');
    expect(ips.map((ip) => ip['version'])).toEqual(isOld ? ['4', '6'] : [undefined, undefined]);
    expect(Object.hasOwn(interfaces.at(-1) ?? {}, 'mtu')).toBe(cniVersion === '1.1.0');
  }
});

test('what plugins before it made stays, and indices go on behind it', () => {
  const prevResult = {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'net1', sandbox: '/proc/7/ns/net', socketPath: '/s' }],
    ips: [{ address: '192.0.2.1/24', interface: 0 }],
    routes: [{ dst: '192.0.2.0/24', advmss: 7 }],
    dns: { domain: 'example' },
  };
  const result = resultOf(add({ prevResult }), ENDPOINT);
  expect(result.interfaces).toHaveLength(4);
  expect(result.interfaces[0]).toEqual(prevResult.interfaces[0]);
  expect(result.ips.map((ip) => ip['interface'])).toEqual([0, 3, 3]);
  expect(result.routes[0]).toEqual(prevResult.routes[0]);
  expect(result.dns).toMatchObject({ domain: 'example', search: ['default.weft'] });
});

test('no resolver where DNS is off, but the one that was asked for', () => {
  const { domain: _, ...inside } = ENDPOINT.inside ?? expect.fail();
  const dns = { nameservers: ['192.0.2.53'] };
  expect(resultOf(add(), { ...ENDPOINT, inside }).dns).toEqual({});
  expect(resultOf(add({ dns }), { ...ENDPOINT, inside }).dns).toEqual(dns);
});

test('a weftd that does not tell enough is refused', () => {
  const { inside: _, ...older } = ENDPOINT;
  expect(() => resultOf(add(), older)).toThrow('weftd is older');
});

test('the same interface is the same endpoint, and each other is another', () => {
  const ids = [
    add(),
    add({}, { CNI_IFNAME: 'eth1' }),
    add({}, { CNI_CONTAINERID: 'db' }),
    add({ name: 'other' }),
  ].map((each) => idOf(each.config, each.attachment));
  expect(new Set(ids).size).toBe(4);
  expect(idOf(add({ network: 'blue' }).config, add().attachment)).toBe(ids[0]);
  expect(ids[0]).toMatch(/^[0-9a-f]{16}$/);
});

test('what is attached is found again by its target', () => {
  const aliases = ['My_App', 'web.1', 'web.1', '__'];
  const request = attachOf(add({ runtimeConfig: { aliases }, isDefaultGateway: false }));
  expect(request).toMatchObject({
    target: 'cni:net/web/eth0/proc/7/ns/net',
    names: ['my-app', 'web.1'],
    link: 'eth0',
    gateway: 'none',
  });
  expect(attachmentOf(add().config, request.target)).toEqual({ container: 'web', link: 'eth0' });
  expect(attachmentOf(add({ name: 'ne' }).config, request.target)).toBeUndefined();
  expect(attachmentOf(add().config, 'netns:web')).toBeUndefined();
});

const TO_NETWORK = { destination: '10.5.0.0/16', gateway: '10.5.1.1' };
const ELSEWHERE = { destination: '0.0.0.0/0', gateway: '192.0.2.1' };

test.each<[string, Partial<Endpoint>, object, string | undefined]>([
  ['as it was', {}, {}, undefined],
  ['half gone', { state: 'away' }, {}, 'in no network'],
  ['in another network', { network: 'blue' }, {}, 'in the network blue'],
  ['troubled', { problem: 'something' }, {}, 'something'],
  ['without its interface', {}, { addresses: undefined }, 'no interface eth0'],
  ['without an address', {}, { addresses: ['10.5.1.2/24'] }, 'has not the address fd00:5::2/64'],
  ['without its routes', {}, { routes: [] }, 'no route to 10.5.0.0/16 by way of 10.5.1.1'],
  ['without a way out', {}, { routes: [TO_NETWORK] }, 'no route to 0.0.0.0/0'],
  ['beside another way out', {}, { routes: [TO_NETWORK, ELSEWHERE] }, undefined],
])('what is %s is told by CHECK', (_, changes, found, why) => {
  const { config, attachment } = add();
  const previous: Result = resultOf(add(), ENDPOINT);
  const own = { ...ENDPOINT, ...changes };
  const inside = {
    addresses: ENDPOINT.inside?.addresses,
    routes: [TO_NETWORK, ELSEWHERE],
    ...found,
  };
  const work = (): void => {
    checkEndpoint(config, attachment, previous, own);
    checkInside(attachment, previous, own, inside);
  };
  if (why === undefined) work();
  else expect(work).toThrow(why);
});
