import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { familyOf, type Address } from '../ip/address.ts';
import { containsAddress, parsePrefix, prefix, type Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import type { NftObject, NftTable } from '../state/resource.ts';
import type { FirewallNetwork, NetworkFirewall } from './networks.ts';
import { firewallPlan, type FirewallFacts } from './plan.ts';

const LEASED = { 4: prefix('10.5.0.0/16'), 6: prefix('fd00:5::/48') };
const OFF: FirewallFacts = {
  networks: LEASED,
  subnets: { 4: prefix('10.5.1.0/24'), 6: prefix('fd00:5:0:1::/64') },
  masquerade: false,
  fullyRandom: true,
  forward: false,
  forwardChains: { 4: 'FORWARD', 6: 'FORWARD' },
  blackholeRoute: false,
};
const SUBNETS: readonly PerFamily<Prefix>[] = [
  { 4: prefix('10.6.0.0/24'), 6: prefix('fd00:6::/64') },
  { 4: prefix('10.6.1.0/24') },
  { 6: prefix('fd00:7::/64') },
  // No network has both; but what came into etcd by another hand may.
  { 4: prefix('10.6.0.128/25') },
];

const REST = { ports: [8472], endpoints: [] };

function networkOf(at: number, internal: boolean): FirewallNetwork {
  const vni = 4096 + at;
  return { bridge: `weft-${vni}`, vni, subnets: SUBNETS[at] ?? {}, internal, encrypted: false };
}

function objectsOf(userNetworks: NetworkFirewall): readonly NftObject[] {
  const [table] = firewallPlan({ ...OFF, userNetworks });
  return (table as NftTable | undefined)?.objects ?? [];
}

test('a host on which no network stands has nothing of them', () => {
  expect(firewallPlan({ ...OFF, userNetworks: { standing: [], known: SUBNETS, ...REST } })).toEqual(
    [],
  );
});

test('the rules are the same for any number of networks, and name nobody', () => {
  const rulesOf = (at: readonly number[]): unknown[] =>
    objectsOf({
      standing: at.map((each) => networkOf(each, false)),
      known: SUBNETS,
      ...REST,
    }).filter((object) => 'rule' in object);
  expect(rulesOf([0])).toEqual(rulesOf([0, 1, 2]));
  expect(JSON.stringify(rulesOf([0, 1]))).not.toMatch(/weft-4|10\.6|fd00/);
});

test('each network is accepted in the iptables chain that counts, as the mesh is', () => {
  const userNetworks = { standing: [networkOf(0, false)], known: SUBNETS, ...REST };
  const rules = firewallPlan({ ...OFF, forward: true, userNetworks }).flatMap((each) =>
    each.kind === 'iptables' ? `${each.family} ${each.rule.split(' -m')[0]}` : [],
  );
  expect(rules).toEqual([
    'ip -s 10.5.0.0/16',
    'ip -d 10.5.0.0/16',
    'ip -s 10.6.0.0/24',
    'ip -d 10.6.0.0/24',
    'ip6 -s fd00:5::/48',
    'ip6 -d fd00:5::/48',
    'ip6 -s fd00:6::/64',
    'ip6 -d fd00:6::/64',
  ]);
});

test.each([
  ['by their tunnel', 'flannel-wg'],
  ['by nothing, where there is none', undefined],
])('packets of encrypted networks come %s', (_, tunnel) => {
  const rulesOf = (...at: readonly number[]): unknown[] => {
    const standing = at.map((each) => ({ ...networkOf(each, false), encrypted: true }));
    const all = [...standing, networkOf(0, false)];
    const facts = { standing: all, known: SUBNETS, ...REST, ...(tunnel && { tunnel }) };
    return exprsIn(objectsOf(facts), 'cleartext');
  };
  const dropped = (vnis: unknown): object[] => [
    ...(tunnel === undefined ? [] : [match('!=', { meta: { key: 'iifname' } }, tunnel)]),
    match('==', { payload: { protocol: 'udp', field: 'dport' } }, 8472),
    match('==', { payload: { base: 'th', offset: 96, len: 24 } }, vnis),
    { counter: null },
    { drop: null },
  ];
  expect(rulesOf()).toEqual([]);
  expect(rulesOf(1)).toEqual([dropped(4097)]);
  expect(rulesOf(2, 1)).toEqual([dropped({ set: [4097, 4098] })]);
});

function match(op: string, left: object, right: unknown): object {
  return { match: { op, left, right } };
}

function exprsIn(objects: readonly NftObject[], chain: string): unknown[] {
  return objects.flatMap(({ rule }) => {
    const { chain: its, expr } = (rule ?? {}) as { chain?: string; expr?: unknown[] };
    return its === chain ? [expr] : [];
  });
}

describe('whatever networks there are', () => {
  const arbFacts = fc
    .tuple(fc.subarray([0, 1, 2]), fc.subarray([0, 1, 2]), fc.subarray([0, 1, 2, 3]))
    .map(([here, internal, known]) => ({
      standing: here.map((at) => networkOf(at, internal.includes(at))),
      known: [...new Set([...here, ...known])].map((at) => SUBNETS[at] as PerFamily<Prefix>),
      ...REST,
    }));
  const links = ['weft-4096', 'weft-4097', 'weft-4098', 'weft0', 'eth0'];
  const places = ['10.6.0.7', '10.6.0.200', '10.6.1.7', '10.5.1.2', '10.5.9.2', '192.0.2.9'];
  const v6 = ['fd00:6::7', 'fd00:7::7', 'fd00:5:0:1::2', '2001:db8::9'];
  const arbPacket = fc.constantFrom(places, v6).chain((those) =>
    fc.record({
      iifname: fc.constantFrom(...links),
      oifname: fc.constantFrom(...links),
      from: fc.constantFrom(...those) as fc.Arbitrary<Address>,
      to: fc.constantFrom(...those) as fc.Arbitrary<Address>,
      state: fc.constantFrom('new', 'established', 'related'),
    }),
  );

  test('they are kept apart, and only answers come in', () => {
    fc.assert(
      fc.property(arbFacts, arbPacket, (facts, packet) => {
        const objects = objectsOf(facts);
        expect(verdict(objects, 'networks', packet)).toBe(forwarded(facts, packet));
      }),
      { numRuns: 500 },
    );
  });

  test('what leaves the host from one that is not internal leaves it as the host', () => {
    fc.assert(
      fc.property(arbFacts, arbPacket, (facts, packet) => {
        const isOfOne = facts.standing.some(
          ({ internal, subnets }) => !internal && isIn(subnets, packet.from),
        );
        const leaves = !facts.standing.some(({ bridge }) => bridge === packet.oifname);
        expect(verdict(objectsOf(facts), 'postrouting', packet)).toBe(
          isOfOne && leaves ? 'masquerade' : 'none',
        );
      }),
    );
  });

  test('no set has an element within another', () => {
    fc.assert(
      fc.property(arbFacts, (facts) => {
        fc.pre(facts.standing.length > 0);
        for (const name of ['apart4', 'apart6', 'leaving4', 'leaving6']) {
          const all = setIn(objectsOf(facts), name).map(prefixOf);
          const bases = all.map((each) => each.split('/')[0] as Address);
          for (const [i, each] of all.entries())
            expect(bases.filter((base) => containsAddress(each, base))).toEqual([bases[i]]);
        }
      }),
    );
  });
});

// ---- the rules once more, plainly ----

interface Packet {
  readonly iifname: string;
  readonly oifname: string;
  readonly from: Address;
  readonly to: Address;
  readonly state: string;
}

function isIn(subnets: PerFamily<Prefix>, address: Address): boolean {
  const subnet = subnets[familyOf(address)];
  return subnet !== undefined && containsAddress(subnet, address);
}

function forwarded({ standing, known }: NetworkFirewall, packet: Packet): string {
  const [from, to] = [packet.iifname, packet.oifname].map((name) =>
    standing.find(({ bridge }) => bridge === name),
  );
  if (from !== undefined && from === to) return 'accept';
  if (from?.internal === true || to?.internal === true) return 'drop';
  if (from !== undefined && !isIn(from.subnets, packet.from)) return 'drop';
  if (from !== undefined && [...known, LEASED].some((each) => isIn(each, packet.to))) return 'drop';
  if (to === undefined) return 'none';
  return packet.state === 'new' ? 'drop' : 'accept';
}

// ---- a small nft ----

type Operand = Record<string, unknown> | string;
interface Match {
  readonly op: string;
  readonly left: Operand;
  readonly right: unknown;
}

function verdict(objects: readonly NftObject[], chain: string, packet: Packet): string {
  for (const { rule } of objects as {
    rule?: { chain: string; expr: Record<string, unknown>[] };
  }[]) {
    if (rule?.chain !== chain) continue;
    const matches = rule.expr.flatMap(({ match }) => (match === undefined ? [] : (match as Match)));
    if (!matches.every((match) => holds(objects, match, packet))) continue;
    const last = Object.keys(rule.expr.at(-1) ?? {})[0] ?? '';
    return last === 'return' ? 'none' : last;
  }
  return 'none';
}

function holds(objects: readonly NftObject[], { op, left, right }: Match, packet: Packet): boolean {
  const text = JSON.stringify(left);
  if (text.includes('"mark"')) return false;
  // An address match implies its family.
  if (text.includes('"ip"') && familyOf(packet.from) === 6) return false;
  if (text.includes('"ip6"') && familyOf(packet.from) === 4) return false;
  if (op === 'in') return (right as string[]).includes(packet.state);
  const value = valuesOf(left, packet);
  const name = String(right);
  const isAmong = setIn(objects, name.slice(1)).some((element) => {
    const parts = partsOf(element);
    return parts.every((part, i) => covers(part, value[i] ?? ''));
  });
  const isSo = name.startsWith('@') ? isAmong : name === value[0];
  return isSo === (op === '==');
}

function valuesOf(left: Operand, packet: Packet): string[] {
  if (typeof left === 'string') return [left];
  if (Array.isArray(left['concat']))
    return (left['concat'] as Operand[]).flatMap((each) => valuesOf(each, packet));
  const { key } = (left['meta'] ?? {}) as { key?: 'iifname' | 'oifname' };
  if (key !== undefined) return [packet[key]];
  const { field } = left['payload'] as { field: string };
  return [field === 'saddr' ? packet.from : packet.to];
}

function setIn(objects: readonly NftObject[], name: string): readonly Operand[] {
  const found = (objects as { set?: { name: string; elem?: Operand[] } }[]).find(
    ({ set }) => set?.name === name,
  );
  if (found === undefined) throw new Error(`no set ${name}`);
  return found.set?.elem ?? [];
}

function partsOf(element: Operand): readonly Operand[] {
  return typeof element === 'object' && Array.isArray(element['concat'])
    ? (element['concat'] as Operand[])
    : [element];
}

function covers(part: Operand, value: string): boolean {
  if (typeof part === 'string') return part === value;
  const whole = prefixOf(part);
  return containsAddress(whole, value as Address);
}

function prefixOf(element: Operand): Prefix {
  const { addr, len } = (element as { prefix: { addr: string; len: number } }).prefix;
  const parsed = parsePrefix(`${addr}/${len}`);
  if (parsed === undefined) throw new Error(`no prefix ${addr}/${len}`);
  return parsed;
}
