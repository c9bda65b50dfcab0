import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { addressIn, prefix, prefixOf, rangeOf } from '../ip/prefix.ts';
import { perFamily } from '../state/facts.ts';
import {
  formatDefinition,
  parseDefinition,
  problemOf,
  TEXT_LIMIT,
  type NetworkDefinition,
} from './definition.ts';
import { addressAt, givenFrom, networkSubnet, refusalIn, type NetworkSubnet } from './subnet.ts';

const plain: NetworkDefinition = {
  id: '0123456789abcdef',
  name: 'blue',
  vni: 4096,
  subnets: perFamily(networkSubnet({ subnet: prefix('10.77.0.0/16') }), undefined),
  internal: false,
  encrypted: false,
  multicast: false,
  mtu: undefined,
  dnsTtl: undefined,
  labels: new Map(),
  created: new Date('2026-11-28T10:00:00.000Z'),
};

const arbV4 = fc
  .record({ base: fc.nat(0xffff), length: fc.integer({ min: 16, max: 30 }) })
  .map(({ base, length }) => prefixOf(addressIn(prefix('10.0.0.0/8'), BigInt(base * 256)), length));
const arbV6 = fc
  .record({ base: fc.nat(0xffff), length: fc.integer({ min: 48, max: 126 }) })
  .map(({ base, length }) => prefixOf(addressIn(prefix('fd00::/16'), BigInt(base) << 80n), length));
const arbSubnet = (of: typeof arbV4): fc.Arbitrary<NetworkSubnet> =>
  fc
    .record({
      subnet: of,
      names: fc.uniqueArray(fc.constantFrom('a', 'host', '__proto__', 'constructor'), {
        maxLength: 4,
      }),
      offset: fc.nat(1 << 16),
      isPart: fc.boolean(),
    })
    .map(({ subnet, names, offset, isPart }) => {
      const { first, last } = rangeOf(subnet);
      const size = last - first + 1n;
      const aux = names
        .map((name, i) => [name, addressIn(subnet, BigInt(offset + i) % size)] as const)
        .filter(
          ([, each]) => each !== addressIn(subnet, 0n) && each !== addressIn(subnet, size - 1n),
        );
      const range = isPart
        ? prefixOf(addressIn(subnet, 1n), 30 + (subnet.includes(':') ? 96 : 0))
        : subnet;
      return networkSubnet({ subnet, aux: new Map(aux), range });
    });
const arbDefinition: fc.Arbitrary<NetworkDefinition> = fc
  .record({
    id: fc.stringMatching(/^[0-9a-f]{16}$/),
    name: fc.stringMatching(/^[a-z][a-z0-9]{0,20}$/),
    vni: fc.integer({ min: 1, max: 2 ** 24 - 1 }),
    subnets: fc
      .record({ 4: fc.option(arbSubnet(arbV4)), 6: fc.option(arbSubnet(arbV6)) })
      .map((both) => perFamily(both[4] ?? undefined, both[6] ?? undefined)),
    internal: fc.boolean(),
    encrypted: fc.boolean(),
    multicast: fc.boolean(),
    mtu: fc.option(fc.integer({ min: 1280, max: 65_535 }), { nil: undefined }),
    dnsTtl: fc.option(fc.nat(86_400), { nil: undefined }),
    labels: fc
      .dictionary(fc.stringMatching(/^[\w./-]{1,20}$/), fc.string(), { maxKeys: 5 })
      .map((labels) => new Map(Object.entries(labels))),
    created: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') }),
  })
  .filter((definition) => problemOf(definition) === undefined);

test('what is written is read again', () => {
  fc.assert(
    fc.property(arbDefinition, (definition) => {
      const parsed = parseDefinition(definition.name, formatDefinition(definition));
      expect(parsed).toEqual({ value: definition });
    }),
  );
});

test('whatever comes is a definition that holds, or one reason', () => {
  const changed = fc
    .record({ definition: arbDefinition, path: fc.nat(20), value: fc.jsonValue() })
    .map(({ definition, path, value }) => {
      const json = JSON.parse(formatDefinition(definition)) as Record<string, unknown>;
      const keys = [...Object.keys(json), 'mtu', 'dnsTtl'];
      json[keys[path % keys.length] ?? ''] = value;
      return { name: definition.name, text: JSON.stringify(json) };
    });
  const anything = fc.record({ name: fc.constant('blue'), text: fc.oneof(fc.json(), fc.string()) });
  fc.assert(
    fc.property(fc.oneof(changed, anything), ({ name, text }) => {
      const parsed = parseDefinition(name, text);
      if ('reason' in parsed) expect(parsed.reason).not.toBe('');
      else expect(problemOf(parsed.value)).toBeUndefined();
    }),
  );
});

const json = (change: object): string =>
  JSON.stringify({ ...(JSON.parse(formatDefinition(plain)) as object), ...change });
const subnet = (change: object): string =>
  json({ subnets: [{ subnet: '10.77.0.0/16', gateway: '10.77.0.1', aux: {}, ...change }] });

test.each([
  ['', 'not JSON'],
  ['null', 'not an object'],
  [
    `"${'x'.repeat(TEXT_LIMIT)}"`,
    "a network's definition is 16384 characters at most, this one 16386",
  ],
  [json({ version: 2 }), 'version is 2, not 1: it was written by a later weft'],
  [json({ id: 'x' }), 'a network\'s id is 16 hexadecimal digits, not "x"'],
  [json({ id: undefined }), 'id is missing'],
  [json({ name: 'red' }), 'name is "red", unlike the key\'s'],
  [json({ vni: 0 }), 'a VNI is 1 to 16777215, not 0'],
  [json({ vni: 1.5 }), 'a VNI is 1 to 16777215, not 1.5'],
  [json({ subnets: {} }), 'subnets is {}, not a list'],
  [json({ subnets: [] }), 'a network has at least one subnet'],
  [
    json({ subnets: [1, 2].map((n) => ({ subnet: `10.${n}.0.0/16`, gateway: `10.${n}.0.1` })) }),
    'there are two subnets of one family',
  ],
  [subnet({ subnet: '10.77.0.0/33' }), 'subnets.0.subnet is "10.77.0.0/33", not a prefix'],
  [subnet({ subnet: '10.0.0.0/7' }), 'a subnet of IPv4 is a /8 to a /30, not 10.0.0.0/7'],
  [subnet({ subnet: '127.0.0.0/16' }), '127.0.0.0/16 overlaps 127.0.0.0/8, which is for loopback'],
  [
    subnet({ gateway: '10.78.0.1' }),
    'the gateway 10.78.0.1 is no address of a host in 10.77.0.0/16',
  ],
  [
    subnet({ gateway: '10.77.255.255' }),
    'the gateway 10.77.255.255 is no address of a host in 10.77.0.0/16',
  ],
  [subnet({ range: '10.78.0.0/24' }), 'the range 10.78.0.0/24 is not in the subnet 10.77.0.0/16'],
  [subnet({ range: '10.77.0.1/32' }), 'the range 10.77.0.1/32 has no address to give'],
  [subnet({ aux: { x: '1' } }), 'subnets.0.aux.x is "1", not an address'],
  [
    subnet({ aux: { x: '10.77.0.0' } }),
    'the auxiliary address x=10.77.0.0 is no address of a host in 10.77.0.0/16',
  ],
  [subnet({ aux: { x: '10.77.0.1' } }), 'the auxiliary address x=10.77.0.1 is the gateway'],
  [subnet({ aux: { x: '10.77.0.2', y: '10.77.0.2' } }), 'two auxiliary addresses are the same'],
  [json({ mtu: 100 }), 'the MTU of this network is 576 to 65535, not 100'],
  [json({ dnsTtl: -1 }), 'a TTL is 0 to 2147483647 seconds, not -1'],
  [json({ internal: 1 }), 'internal is 1, not true or false'],
  [json({ labels: [] }), 'labels is [], not an object'],
  [json({ labels: { a: 1 } }), 'labels.a is 1, not text'],
  [
    json({ labels: { 'a b': '' } }),
    'a label\'s key is 1 to 128 characters without blanks and =, not "a b"',
  ],
  [json({ labels: { a: 'x'.repeat(1025) } }), 'the label a is 1025 characters, but may be 1024'],
  [json({ created: 'today' }), 'created is "today", not a time'],
])('one reason: $1', (text, reason) => {
  expect(parseDefinition('blue', text)).toEqual({ reason });
});

test('the names that networks may not have', () => {
  for (const name of ['default', 'host', 'Blue', 'a.b', '', 'x'.repeat(64)])
    expect(problemOf({ ...plain, name })).toMatch(/^a network's name is letters/);
});

test('the gateway is the first address that is no auxiliary one', () => {
  const aux = new Map([
    ['a', address('10.77.0.1')],
    ['b', address('10.77.0.2')],
  ]);
  expect(networkSubnet({ subnet: prefix('10.77.0.0/16'), aux }).gateway).toBe('10.77.0.3');
  expect(networkSubnet({ subnet: prefix('fd00:7::/64') }).gateway).toBe('fd00:7::1');
});

test('what is given is in the range, and is none that is never given', () => {
  fc.assert(
    fc.property(fc.oneof(arbSubnet(arbV4), arbSubnet(arbV6)), (one) => {
      const { first, last, except, count } = givenFrom(one);
      const shown = last - first < 300n ? last : first + 300n;
      let given = 0n;
      for (let place = first; place <= shown; place++) {
        const each = addressAt(one, place);
        if (except.has(each)) expect(refusalIn(one, each)).toBeDefined();
        else {
          expect(refusalIn(one, each)).toBeUndefined();
          given++;
        }
      }
      if (shown === last) expect(given).toBe(count < 0n ? 0n : count);
    }),
  );
});

test('says why an address is never given', () => {
  const one = networkSubnet({
    subnet: prefix('10.77.0.0/24'),
    aux: new Map([['printer', address('10.77.0.9')]]),
  });
  const why = (text: string) => refusalIn(one, address(text));
  expect(why('10.77.0.5')).toBeUndefined();
  expect(why('10.77.0.0')).toBe('no address of a host in 10.77.0.0/24');
  expect(why('10.77.0.255')).toBe('no address of a host in 10.77.0.0/24');
  expect(why('10.77.0.1')).toBe("the network's gateway");
  expect(why('10.77.0.9')).toBe('the auxiliary address printer');
  expect(why('10.78.0.1')).toBe("not in the network's subnet 10.77.0.0/24");
});
