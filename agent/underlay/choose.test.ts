import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UnderlayConfig } from '../config/config.ts';
import { address, familyOf, type Family } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import type { Underlay } from '../state/facts.ts';
import type { AddressInfo, LinkInfo, RouteInfo } from '../state/links.ts';
import { chooseUnderlay, type LinkFacts } from './choose.ts';

function link(name: string, index: number, mtu = 1500): LinkInfo {
  return { name, index, mtu, up: true };
}

function on(linkName: string, text: string, more: Partial<AddressInfo> = {}): AddressInfo {
  return {
    link: linkName,
    address: address(text),
    length: familyOf(address(text)) === 4 ? 24 : 64,
    scope: text.startsWith('fe80') ? 'link' : 'global',
    permanent: true,
    temporary: false,
    deprecated: false,
    ...more,
  };
}

function route(to: string, linkName: string, more: Partial<RouteInfo> = {}): RouteInfo {
  return { prefix: prefix(to), link: linkName, metric: 0, ...more };
}

const facts: LinkFacts = {
  links: [link('lo', 1, 65_536), link('eth0', 2), link('eth1', 3, 9000), link('bare', 4)],
  addresses: [
    on('lo', '127.0.0.1', { scope: 'host' }),
    on('eth0', '192.168.1.2'),
    on('eth0', 'fe80::2'),
    on('eth0', 'fd00:1::2'),
    on('eth1', '10.0.0.2'),
    on('eth1', '10.0.0.3'),
    on('eth1', 'fd00:2::2'),
  ],
  routes: [
    route('0.0.0.0/0', 'eth1', { gateway: address('10.0.0.1'), metric: 200 }),
    route('0.0.0.0/0', 'eth0', { gateway: address('192.168.1.1'), metric: 100 }),
    route('192.168.1.0/24', 'eth0', { source: address('192.168.1.2') }),
    route('10.0.0.0/24', 'eth1', { source: address('10.0.0.3') }),
    route('::/0', 'eth0', { gateway: address('fe80::1'), metric: 1024 }),
    route('fd00:2::/64', 'eth1', { metric: 256 }),
  ],
};

const V4: Family[] = [4];
const V6: Family[] = [6];
const DUAL: Family[] = [4, 6];

function config(given: Partial<UnderlayConfig> = {}): UnderlayConfig {
  return { interfaces: [], interfacePatterns: [], publicAddresses: {}, ...given };
}

function chosen(given: Partial<UnderlayConfig>, families = V4, from = facts): Underlay {
  const choice = chooseUnderlay(from, config(given), families);
  if (choice.status === 'none') throw new Error(choice.problem);
  return choice.underlay;
}

function problem(given: Partial<UnderlayConfig>, families = V4, from = facts): string {
  const choice = chooseUnderlay(from, config(given), families);
  return choice.status === 'none' ? choice.problem : `chose ${choice.underlay.link}`;
}

describe('--iface', () => {
  test('by name, with the first address', () => {
    expect(chosen({ interfaces: ['eth1'] })).toMatchObject({
      link: 'eth1',
      mtu: 9000,
      addresses: { 4: '10.0.0.2' },
      publicAddresses: { 4: '10.0.0.2' },
    });
  });

  test('by address, which is then ours', () => {
    expect(chosen({ interfaces: ['10.0.0.3'] }).addresses).toEqual({ 4: '10.0.0.3' });
    expect(chosen({ interfaces: ['fd00:2::2'] }, V6).addresses).toEqual({ 6: 'fd00:2::2' });
  });

  test('the first that resolves wins, before any pattern', () => {
    const interfaces = ['wlan0', 'bare', 'eth1'];
    expect(chosen({ interfaces, interfacePatterns: [/eth0/] }).link).toBe('eth1');
  });

  test('none that resolves: each is told, and what there is', () => {
    expect(problem({ interfaces: ['wlan0', '10.9.9.9', 'bare'] })).toBe(
      'no interface can carry the overlay: there is no interface wlan0; --iface 10.9.9.9 is on no interface; ' +
        'interface bare has no IPv4 address; choose with --iface among eth0 (192.168.1.2, fe80::2, fd00:1::2), ' +
        'eth1 (10.0.0.2, 10.0.0.3, fd00:2::2), bare',
    );
  });

  test('an address of a family that is off does not resolve', () => {
    expect(problem({ interfaces: ['fd00:2::2'] })).toContain('the network has no IPv6');
  });

  test('dual: the public v6 address must be on the same link', () => {
    const interfaces = ['10.0.0.2'];
    const publicAddresses = { 6: address('fd00:1::2') };
    expect(problem({ interfaces, publicAddresses }, DUAL)).toContain('and --public-ipv6 fd00:1::2');
    expect(chosen({ interfaces }, DUAL).addresses).toEqual({ 4: '10.0.0.2', 6: 'fd00:2::2' });
  });
});

describe('--iface-regex', () => {
  test('addresses come before names', () => {
    expect(chosen({ interfacePatterns: [/0\.3/] }).addresses).toEqual({ 4: '10.0.0.3' });
    expect(chosen({ interfacePatterns: [/^eth1$/] }).link).toBe('eth1');
  });

  test('a name that matches needs an address', () => {
    expect(chosen({ interfacePatterns: [/bare|eth1/] }).link).toBe('eth1');
    expect(problem({ interfacePatterns: [/bare/] })).toContain('bare has no IPv4 address');
    expect(problem({ interfacePatterns: [/wlan/] })).toContain('matches --iface-regex wlan');
  });

  test('dual: an address of each family must match', () => {
    expect(chosen({ interfacePatterns: [/^10\.|^fd00:2/] }, DUAL).link).toBe('eth1');
    expect(problem({ interfacePatterns: [/^10\./] }, DUAL)).toContain('no address and no name');
  });

  test("the overlay's own link is not looked at", () => {
    const links = [link('flannel.1', 2), ...facts.links];
    const addresses = [on('flannel.1', '10.0.0.0'), ...facts.addresses];
    const from = { ...facts, links, addresses };
    expect(chosen({ interfacePatterns: [/^10\.0/] }, V4, from).link).toBe('eth1');
  });
});

describe('--iface-can-reach', () => {
  test('the longest prefix, with the source the route asks for', () => {
    expect(chosen({ canReach: address('10.0.0.9') })).toMatchObject({
      link: 'eth1',
      addresses: { 4: '10.0.0.3' },
    });
    expect(chosen({ canReach: address('8.8.8.8') }).link).toBe('eth0');
    expect(chosen({ canReach: address('fd00:2::9') }, V6).link).toBe('eth1');
  });

  test('is tried last, and no route is told', () => {
    expect(chosen({ interfaces: ['eth1'], canReach: address('8.8.8.8') }).link).toBe('eth1');
    const from = { ...facts, routes: [] };
    expect(problem({ canReach: address('8.8.8.8') }, V4, from)).toContain('no route leads to');
  });
});

describe('without a selector', () => {
  test('the default route of the lowest metric', () => {
    expect(chosen({}).link).toBe('eth0');
    expect(chosen({}, V6).addresses).toEqual({ 6: 'fd00:1::2' });
  });

  test('dual: both must leave by one link', () => {
    expect(chosen({}, DUAL).addresses).toEqual({ 4: '192.168.1.2', 6: 'fd00:1::2' });
    const routes = [route('0.0.0.0/0', 'eth0'), route('::/0', 'eth1')];
    expect(problem({}, DUAL, { ...facts, routes })).toContain('leaves by eth0 and the IPv6 one by');
    expect(problem({}, DUAL, { ...facts, routes: [] })).toContain('no IPv4 default route');
  });

  test('a public address names its link', () => {
    const publicAddresses = { 4: address('10.0.0.3') };
    expect(chosen({ publicAddresses })).toMatchObject({ link: 'eth1', publicAddresses });
    const elsewhere = { publicAddresses: { 4: address('203.0.113.9') } };
    expect(problem(elsewhere)).toContain('--public-ip 203.0.113.9 is on no interface, so give');
    expect(chosen({ ...elsewhere, interfaces: ['eth0'] })).toMatchObject({
      addresses: { 4: '192.168.1.2' },
      publicAddresses: { 4: '203.0.113.9' },
    });
  });

  test('a public address of a family that is off is not told', () => {
    const publicAddresses = { 6: address('fd00:2::2') };
    expect(chosen({ publicAddresses }).publicAddresses).toEqual({ 4: '192.168.1.2' });
    expect(chosen({ publicAddresses }, V6).link).toBe('eth1');
  });
});

test('addresses: global, permanent, lasting ones first; deprecated and loopback ones never', () => {
  const order = [
    on('eth0', 'fd00::6'),
    on('eth0', 'fd00::5', { temporary: true }),
    on('eth0', 'fd00::4', { permanent: false }),
    on('eth0', 'fd00::3', { permanent: false, temporary: true }),
    on('eth0', 'fe80::2'),
  ];
  const never = [on('eth0', 'fd00::1', { deprecated: true }), on('eth0', '::1', { scope: 'host' })];
  for (let left = order.length; left > 0; left--) {
    const addresses = [...order.slice(-left), ...never].toReversed();
    const from = { ...facts, addresses };
    expect(chosen({ interfaces: ['eth0'] }, V6, from).addresses[6]).toBe(order.at(-left)?.address);
  }
  expect(problem({ interfaces: ['eth0'] }, V6, { ...facts, addresses: never })).toContain(
    'no IPv6',
  );
});

test('a link without MTU is refused', () => {
  const from = { ...facts, links: [link('eth0', 2, 0)] };
  expect(problem({}, V4, from)).toContain('eth0 has no MTU');
});

test('the routes are handed on, the preferred first', () => {
  const { routes } = chosen({});
  expect(routes).toHaveLength(facts.routes.length);
  expect(routes[0]).toEqual({ prefix: '192.168.1.0/24', link: 'eth0' });
});

test('any facts and settings give a link or one sentence', () => {
  const arbName = fc.constantFrom('eth0', 'eth1', 'flannel.1', 'x');
  const arbAddress = fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', 'fe80::1').map(address);
  const arbFacts = fc.record({
    links: fc.array(
      fc.record({
        name: arbName,
        index: fc.nat(9),
        mtu: fc.constantFrom(0, 1500),
        up: fc.boolean(),
      }),
    ),
    addresses: fc.array(
      fc.record({
        link: arbName,
        address: arbAddress,
        length: fc.constant(24),
        scope: fc.constantFrom('global', 'link', 'host'),
        permanent: fc.boolean(),
        temporary: fc.boolean(),
        deprecated: fc.boolean(),
      }),
    ),
    routes: fc.array(
      fc.record({
        prefix: fc.constantFrom('0.0.0.0/0', '::/0', '10.0.0.0/8', 'fd00::/64').map(prefix),
        link: arbName,
        metric: fc.nat(3),
      }),
    ),
  }) as fc.Arbitrary<LinkFacts>;
  const arbConfig = fc.record(
    {
      interfaces: fc.array(fc.oneof(arbName, arbAddress), { maxLength: 2 }),
      interfacePatterns: fc.array(fc.constantFrom(/e/, /1$/, /^10/), { maxLength: 1 }),
      canReach: arbAddress,
    },
    { requiredKeys: ['interfaces', 'interfacePatterns'] },
  );
  const arbFamilies = fc.constantFrom(V4, V6, DUAL);
  fc.assert(
    fc.property(arbFacts, arbConfig, arbFamilies, (from, given, families) => {
      const choice = chooseUnderlay(from, config(given), families);
      if (choice.status === 'none') {
        expect(choice.problem).not.toContain('\n');
        return;
      }
      const { link, addresses } = choice.underlay;
      expect(Object.keys(addresses).map(Number)).toEqual(families);
      expect(from.links.map(({ name }) => name)).toContain(link);
    }),
  );
});
