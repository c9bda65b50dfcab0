import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressFromInteger, familyOf, type Address, type Family } from '../ip/address.ts';
import {
  containsAddress,
  familyOfPrefix,
  parsePrefix,
  prefix,
  prefixOf,
  rangeOf,
  type Prefix,
} from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import { FORWARD_CHAINS } from '../state/forward-chains.ts';
import {
  BLACKHOLE_METRIC,
  keyOf,
  type IptablesRule,
  type NftTable,
  type Resource,
} from '../state/resource.ts';
import { firewallPlan, type FirewallFacts } from './plan.ts';

const OFF: FirewallFacts = {
  networks: { 4: prefix('10.5.0.0/16') },
  subnets: { 4: prefix('10.5.1.0/24') },
  masquerade: false,
  fullyRandom: true,
  forward: false,
  forwardChains: { 4: 'FORWARD', 6: 'DOCKER-USER' },
  blackholeRoute: false,
};

const MULTICAST = { 4: prefix('224.0.0.0/4'), 6: prefix('ff00::/8') };

describe('the table', () => {
  test('one that only forwards, in the form nft lists it', () => {
    const rule = (comment: string, field: string): object => ({
      rule: {
        family: 'inet',
        table: 'weft',
        chain: 'forward',
        comment,
        expr: [
          {
            match: {
              op: '==',
              left: { payload: { protocol: 'ip', field } },
              right: { prefix: { addr: '10.5.0.0', len: 16 } },
            },
          },
          { counter: null },
          { accept: null },
        ],
      },
    });
    expect(tableIn(firewallPlan({ ...OFF, forward: true }))?.objects).toEqual([
      { table: { family: 'inet', name: 'weft' } },
      {
        chain: {
          family: 'inet',
          table: 'weft',
          name: 'forward',
          type: 'filter',
          hook: 'forward',
          prio: 0,
          policy: 'accept',
        },
      },
      rule('from the overlay', 'saddr'),
      rule('to the overlay', 'daddr'),
    ]);
  });

  test('does to every packet what flanneld does', () => {
    fc.assert(
      fc.property(arbFacts, arbPackets, fc.constantFrom(4, 6), (facts, packets, family) => {
        const objects = tableIn(firewallPlan(facts))?.objects ?? [];
        for (const packet of packets(facts, family)) {
          expect(verdict(objects, 'postrouting', packet)).toBe(flanneldMasquerades(facts, packet));
          expect(verdict(objects, 'forward', packet)).toBe(flanneldAccepts(facts, packet));
        }
      }),
    );
  });

  test('where some tunnels are encrypted, who is behind one of them comes by it', () => {
    const plan = firewallPlan({ ...OFF, encryptedLinks: ['flannel-wg'] });
    const rules = (tableIn(plan)?.objects ?? []).slice(2);
    const place = { family: 'inet', table: 'weft', chain: 'cleartext' };
    const match = (left: object, right: unknown): object => ({ match: { op: '==', left, right } });
    expect(rules).toEqual([
      {
        rule: {
          ...place,
          comment: 'came encrypted',
          expr: [
            match({ meta: { key: 'iifname' } }, 'flannel-wg'),
            { counter: null },
            { return: null },
          ],
        },
      },
      {
        rule: {
          ...place,
          comment: 'in the clear from behind a tunnel',
          expr: [
            match(
              { payload: { protocol: 'ip', field: 'saddr' } },
              { prefix: { addr: '10.5.0.0', len: 16 } },
            ),
            match({ fib: { result: 'oifname', flags: ['saddr'] } }, 'flannel-wg'),
            { counter: null },
            { drop: null },
          ],
        },
      },
    ]);
  });

  test('drops what is in the clear before anything else sees it, and only where nothing may be', () => {
    const objects = tableIn(firewallPlan({ ...OFF, closedLink: 'eth0' }))?.objects ?? [];
    const place = { family: 'inet', table: 'weft' };
    const chain = { ...place, name: 'cleartext', type: 'filter', hook: 'prerouting', prio: -300 };
    const rule = (comment: string, field: string): object => ({
      rule: {
        ...place,
        chain: 'cleartext',
        comment,
        expr: [
          { match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'eth0' } },
          {
            match: {
              op: '==',
              left: { payload: { protocol: 'ip', field } },
              right: { prefix: { addr: '10.5.0.0', len: 16 } },
            },
          },
          { counter: null },
          { drop: null },
        ],
      },
    });
    expect(objects.slice(1)).toEqual([
      { chain: { ...chain, policy: 'accept' } },
      rule('in the clear from the overlay', 'saddr'),
      rule('in the clear to the overlay', 'daddr'),
    ]);
    expect(JSON.stringify(firewallPlan({ ...OFF, forward: true }))).not.toContain('cleartext');
  });

  test('asks for random ports only when told to', () => {
    const text = (fullyRandom: boolean): string =>
      JSON.stringify(firewallPlan({ ...OFF, masquerade: true, fullyRandom }));
    expect(text(true)).toContain('"masquerade":{"flags":"fully-random"}');
    expect(text(false)).toContain('"masquerade":null');
    expect(text(false)).not.toContain('fully-random');
  });
});

describe('the plan as a whole', () => {
  test('is nothing when all is off, or when there is no network', () => {
    expect(firewallPlan(OFF)).toEqual([]);
    const all = { masquerade: true, forward: true, blackholeRoute: true };
    expect(firewallPlan({ ...OFF, ...all, networks: {}, subnets: {} })).toEqual([]);
  });

  test('holds what is switched on and nothing else, each in a place of its own', () => {
    fc.assert(
      fc.property(arbFacts, (facts) => {
        const plan = firewallPlan(facts);
        expect(new Set(plan.map(keyOf)).size).toBe(plan.length);
        const kinds = new Set(plan.map(({ kind }) => kind));
        if (!facts.masquerade && !facts.forward) expect(kinds).not.toContain('nftables');
        if (!facts.forward) expect(kinds).not.toContain('iptables');
        expect(kinds.has('route')).toBe(facts.blackholeRoute && hasAny(facts.subnets));
        expect(hasChain(plan, 'forward')).toBe(facts.forward && hasAny(facts.networks));
        expect(hasChain(plan, 'postrouting')).toBe(facts.masquerade && hasAny(facts.subnets));
      }),
    );
  });

  test('says of v6 what it says of v4', () => {
    const on = { ...OFF, masquerade: true, forward: true, blackholeRoute: true };
    const chains = { 4: 'FORWARD', 6: 'FORWARD' };
    const v4 = firewallPlan({ ...on, forwardChains: chains });
    const v6 = firewallPlan({
      ...on,
      forwardChains: chains,
      networks: { 6: prefix('fd00:5::/48') },
      subnets: { 6: prefix('fd00:5:0:1::/64') },
    });
    const translated = JSON.stringify(v4)
      .replaceAll('"ip"', '"ip6"')
      .replaceAll('"addr":"10.5.0.0","len":16', '"addr":"fd00:5::","len":48')
      .replaceAll('"addr":"10.5.1.0","len":24', '"addr":"fd00:5:0:1::","len":64')
      .replaceAll('"addr":"224.0.0.0","len":4', '"addr":"ff00::","len":8')
      .replaceAll('10.5.0.0/16', 'fd00:5::/48')
      .replaceAll('10.5.1.0/24', 'fd00:5:0:1::/64');
    expect(v6).toEqual(JSON.parse(translated));
  });
});

test('the accept goes into the chain that counts, as iptables prints it', () => {
  const facts = { ...OFF, forward: true };
  const rulesFor = (chain: string): Resource[] =>
    firewallPlan({ ...facts, forwardChains: { 4: chain } }).filter(
      ({ kind }) => kind === 'iptables',
    );
  const rule = (side: string, chain: string, position: 'first' | 'last'): IptablesRule => ({
    kind: 'iptables',
    family: 'ip',
    chain,
    rule: `${side} 10.5.0.0/16 -m comment --comment "weft forward" -j ACCEPT`,
    position,
  });
  expect(rulesFor('DOCKER-USER')).toEqual([
    rule('-s', 'DOCKER-USER', 'first'),
    rule('-d', 'DOCKER-USER', 'first'),
  ]);
  expect(rulesFor('FORWARD')).toEqual([
    rule('-s', 'FORWARD', 'last'),
    rule('-d', 'FORWARD', 'last'),
  ]);
  expect(rulesFor('INPUT')).toEqual([]);
});

test('the blackhole stands behind every other route to the subnet', () => {
  expect(firewallPlan({ ...OFF, blackholeRoute: true })).toEqual([
    {
      kind: 'route',
      type: 'blackhole',
      prefix: '10.5.1.0/24',
      metric: BLACKHOLE_METRIC,
      onlink: false,
      protocol: 119,
    },
  ]);
});

// ---- flanneld's rules, said once more and plainly ----

interface Packet {
  readonly from: Address;
  readonly to: Address;
  readonly mark: number;
}

function flanneldMasquerades(
  { networks, subnets, masquerade }: FirewallFacts,
  packet: Packet,
): string {
  const { C, S } = { C: networks[familyOf(packet.from)], S: subnets[familyOf(packet.from)] };
  if (!masquerade || C === undefined || S === undefined) return 'none';
  const isFrom = (prefix: Prefix): boolean => containsAddress(prefix, packet.from);
  const isTo = (prefix: Prefix): boolean => containsAddress(prefix, packet.to);
  if ((packet.mark & 0x4000) !== 0) return 'none';
  if (isFrom(S) && isTo(C)) return 'none';
  if (isFrom(C) && isTo(S)) return 'none';
  if (!isFrom(C) && isTo(S)) return 'none';
  if (isFrom(C) && !isTo(MULTICAST[familyOf(packet.from)])) return 'masquerade';
  return !isFrom(C) && isTo(C) ? 'masquerade' : 'none';
}

function flanneldAccepts({ networks, forward }: FirewallFacts, { from, to }: Packet): string {
  const C = networks[familyOf(from)];
  const isOurs = C !== undefined && (containsAddress(C, from) || containsAddress(C, to));
  return forward && isOurs ? 'accept' : 'none';
}

// ---- a small nft: what a chain's rules do to a packet ----

function verdict(objects: readonly object[], chain: string, packet: Packet): string {
  for (const object of objects as { rule?: { chain: string; expr: Statement[] } }[]) {
    if (object.rule?.chain !== chain) continue;
    const { expr } = object.rule;
    if (!expr.every(({ match }) => match === undefined || matches(match, packet))) continue;
    const last = Object.keys(expr.at(-1) ?? {})[0] ?? '';
    return last === 'return' ? 'none' : last;
  }
  return 'none';
}

interface Statement {
  readonly match?: {
    readonly op: string;
    readonly left: { readonly payload?: { readonly protocol: string; readonly field: string } };
    readonly right: unknown;
  };
}

function matches({ op, left, right }: NonNullable<Statement['match']>, packet: Packet): boolean {
  if (left.payload === undefined) return ((packet.mark & 0x4000) === right) === (op === '==');
  if ((left.payload.protocol === 'ip' ? 4 : 6) !== familyOf(packet.from)) return false;
  const address = left.payload.field === 'saddr' ? packet.from : packet.to;
  return isIn(address, right) === (op === '==');
}

function isIn(address: Address, operand: unknown): boolean {
  if (typeof operand === 'string') return operand === address;
  const { addr, len } = (operand as { prefix: { addr: string; len: number } }).prefix;
  const prefix = parsePrefix(`${addr}/${len}`);
  return prefix !== undefined && containsAddress(prefix, address);
}

// ---- what may come ----

const arbBits = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });

function addressOf(bits: bigint, family: Family): Address {
  return addressFromInteger(family === 4 ? bits & 0xffff_ffffn : bits, family);
}

/** A network and a subnet in it, for none, one or both families. */
const arbRanges = fc
  .record({
    bits: arbBits,
    length: fc.integer({ min: 1, max: 30 }),
    more: fc.integer({ min: 0, max: 2 }),
    present: fc.subarray<Family>([4, 6]),
    leased: fc.boolean(),
  })
  .map(({ bits, length, more, present, leased }) => {
    const of = (length: number): PerFamily<Prefix> =>
      Object.fromEntries(present.map((one) => [one, prefixOf(addressOf(bits, one), length)]));
    return { networks: of(length), subnets: leased ? of(length + more) : {} };
  });

const arbFacts: fc.Arbitrary<FirewallFacts> = fc
  .record({
    ranges: arbRanges,
    masquerade: fc.boolean(),
    fullyRandom: fc.boolean(),
    forward: fc.boolean(),
    blackholeRoute: fc.boolean(),
    forwardChains: fc.record(
      {
        4: fc.constantFrom(...FORWARD_CHAINS.map(({ name }) => name)),
        6: fc.constantFrom(...FORWARD_CHAINS.map(({ name }) => name)),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ ranges, ...facts }) => ({ ...facts, ...ranges }));

/** Packets between every two of: the subnet, the network, multicast, anywhere. */
const arbPackets = fc
  .record({ bits: arbBits, mark: fc.constantFrom(0, 0x4000, 0x4001, 0x8000) })
  .map(({ bits, mark }) => (facts: FirewallFacts, family: Family): Packet[] => {
    const places = [facts.subnets[family], facts.networks[family], MULTICAST[family]];
    const ends = [
      addressOf(bits, family),
      ...places.flatMap((place) => (place === undefined ? [] : [within(place, bits)])),
    ];
    return ends.flatMap((from) => ends.map((to) => ({ from, to, mark })));
  });

/** The address of `place` whose host bits are those of `bits`. */
function within(place: Prefix, bits: bigint): Address {
  const { first, last } = rangeOf(place);
  return addressFromInteger(first | (bits & (last - first)), familyOfPrefix(place));
}

function tableIn(plan: readonly Resource[]): NftTable | undefined {
  return plan.find((resource) => resource.kind === 'nftables');
}

function hasChain(plan: readonly Resource[], name: string): boolean {
  const objects = (tableIn(plan)?.objects ?? []) as { chain?: { name: string } }[];
  return objects.some(({ chain }) => chain?.name === name);
}

function hasAny(values: PerFamily<unknown>): boolean {
  return Object.keys(values).length > 0;
}
