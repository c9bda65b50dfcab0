import { expect, test } from 'vitest';
import { prefix } from '../ip/prefix.ts';
import type { NftObject, NftTable } from '../state/resource.ts';
import type { NetworkFirewall } from './networks.ts';
import { ofHosts } from './objects.ts';
import { firewallPlan } from './plan.ts';

const OFF = {
  networks: { 4: prefix('10.5.0.0/16') },
  subnets: { 4: prefix('10.5.1.0/24') },
  masquerade: false,
  fullyRandom: true,
  forward: false,
  forwardChains: {},
  blackholeRoute: false,
};
/** There are networks, and none of them stands here. */
const ELSEWHERE: NetworkFirewall = {
  standing: [],
  known: [],
  ports: [8472, 4789],
  endpoints: [
    { bridge: 'weft0', subnets: OFF.subnets },
    { bridge: 'weft-4096', subnets: { 6: prefix('fd00:6::/64') } },
  ],
};

function objectsOf(userNetworks: NetworkFirewall): readonly NftObject[] {
  const [table] = firewallPlan({ ...OFF, userNetworks });
  return (table as NftTable | undefined)?.objects ?? [];
}

function rulesOf(userNetworks: NetworkFirewall): unknown[] {
  return objectsOf(userNetworks).flatMap(({ rule }) => {
    const { chain, expr } = (rule ?? {}) as { chain?: string; expr?: unknown[] };
    return chain === 'vxlan' ? [expr] : [];
  });
}

const payload = (protocol: string, field: string): object => ({ payload: { protocol, field } });
const match = (op: string, left: object, right: unknown): object => ({
  match: { op, left, right },
});
const link = { meta: { key: 'iifname' } };
const toVtep = match('==', payload('udp', 'dport'), { set: [4789, 8472] });
const last = (verdict: string): object[] => [{ counter: null }, { [verdict]: null }];
const beside = (family: 4 | 6, protocol: string): object[] => [
  match('==', { concat: [link, payload(protocol, 'daddr')] }, `@beside${family}`),
  match('==', { fib: { result: 'type', flags: ['daddr'] } }, 'unicast'),
  ...last('return'),
];
const GUARD = [
  beside(4, 'ip'),
  beside(6, 'ip6'),
  [match('==', link, '@endpoints'), toVtep, ...last('drop')],
];

test('no endpoint sends VXLAN but to its like on its bridge, on any host as soon as there is a network', () => {
  expect(objectsOf({ ...ELSEWHERE, endpoints: [] })).toEqual([]);
  expect(rulesOf(ELSEWHERE)).toEqual(GUARD);
  const sets = objectsOf(ELSEWHERE).flatMap(({ set }) => {
    const { name, elem } = (set ?? {}) as { name?: string; elem?: unknown };
    return name === undefined ? [] : [[name, elem]];
  });
  const subnet = (addr: string, len: number): object => ({ prefix: { addr, len } });
  expect(sets).toEqual([
    ['endpoints', ['weft-4096', 'weft0']],
    ['beside4', [{ concat: ['weft0', subnet('10.5.1.0', 24)] }]],
    ['beside6', [{ concat: ['weft-4096', subnet('fd00:6::', 64)] }]],
  ]);
});

test('by a tunnel, VXLAN comes of the first address of a subnet only', () => {
  expect(rulesOf({ ...ELSEWHERE, tunnel: 'flannel-wg' })).toEqual([
    ...GUARD,
    [
      match('==', link, 'flannel-wg'),
      toVtep,
      match('!=', { '&': [payload('ip', 'saddr'), '0.0.0.255'] }, '0.0.0.0'),
      ...last('drop'),
    ],
  ]);
});

test.each([
  ['ip', 22, '0.0.3.255'],
  ['ip6', 64, '::ffff:ffff:ffff:ffff'],
  ['ip6', 79, '::1:ffff:ffff:ffff'],
  ['ip6', 80, '::ffff:255.255.255.255'],
  ['ip6', 81, '::7fff:ffff:ffff'],
  ['ip6', 96, '::255.255.255.255'],
  ['ip6', 100, '::15.255.255.255'],
  ['ip6', 111, '::0.1.255.255'],
  ['ip6', 112, '::ffff'],
] as const)('the part of a host in %s/%i is written as nft lists it', (protocol, length, text) => {
  const { match: written } = ofHosts(protocol, length, '==') as { match: { left: object } };
  expect(written.left).toEqual({ '&': [payload(protocol, 'saddr'), text] });
});
