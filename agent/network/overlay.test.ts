import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address, addressFromInteger, type Address } from '../ip/address.ts';
import { isUnicastMac, localMac, mac } from '../ip/mac.ts';
import { prefix } from '../ip/prefix.ts';
import { perFamily, type PerFamily } from '../state/facts.ts';
import { keyOf, linkKey, linkOf, type Resource, type VxlanLink } from '../state/resource.ts';
import { LINK_NAME_LIMIT } from '../state/veth.ts';
import { VNI_LIMIT } from './definition.ts';
import {
  bridgeName,
  carrierOf,
  floodResources,
  overlayHost,
  overlayMtu,
  portsOf,
  remoteResources,
  type OverlayHost,
} from './overlay.ts';

const BLUE = { name: 'blue', vni: 4096, encrypted: false, multicast: false, mtu: undefined };
const HOST: OverlayHost = {
  underlay: { link: 'eth0', mtu: 1500, addresses: { 4: address('192.0.2.1') } },
  port: 8472,
  gbp: false,
};
const THERE = {
  addresses: [address('10.6.0.2'), address('fd00:6::2')],
  mac: mac('02:42:0a:06:00:02'),
  vtep: {
    underlay: { 4: address('192.0.2.2'), 6: address('2001:db8::2') },
    tunnel: { 4: address('10.5.2.0') },
  },
};

test('a port of the bridge, that answers for neighbours and learns nothing', () => {
  expect(portsOf(BLUE, HOST)).toEqual([
    {
      kind: 'link',
      type: 'vxlan',
      name: 'weftx-4096',
      vni: 4096,
      local: '192.0.2.1',
      lower: 'eth0',
      port: 8472,
      mtu: 1450,
      mac: expect.stringMatching(/^.[26ae]:/) as string,
      learning: false,
      gbp: false,
      proxy: true,
      master: 'weft-4096',
      up: true,
      alias: 'weft network blue',
    },
    { kind: 'sysctl', path: 'net/ipv6/conf/weftx-4096/accept_ra', value: '0', link: 'weftx-4096' },
  ]);
});

test("another host's endpoint is a forwarding entry and a neighbour per address", () => {
  const link = 'weftx-4096';
  expect(remoteResources(BLUE, HOST, THERE)).toEqual([
    { kind: 'fdb', link, mac: '02:42:0a:06:00:02', remote: '192.0.2.2' },
    { kind: 'neighbour', link, address: '10.6.0.2', mac: '02:42:0a:06:00:02' },
    { kind: 'neighbour', link, address: 'fd00:6::2', mac: '02:42:0a:06:00:02' },
  ]);
});

describe('an encrypted network', () => {
  const RED = { ...BLUE, encrypted: true };
  const tunnel = { link: 'flannel-wg', mtu: 1420, addresses: { 4: address('10.5.1.0') } };

  test('goes from tunnel to tunnel', () => {
    const host = { ...HOST, tunnel };
    expect(portsOf(RED, host)[0]).toMatchObject({
      lower: 'flannel-wg',
      local: '10.5.1.0',
      mtu: 1370,
    });
    expect(remoteResources(RED, host, THERE)[0]).toMatchObject({ remote: '10.5.2.0' });
  });

  test('goes nowhere without one', () => {
    expect(carrierOf(RED, HOST)).toBeUndefined();
    expect(portsOf(RED, HOST)).toEqual([]);
    expect(remoteResources(RED, HOST, THERE)).toEqual([]);
  });
});

describe('what networks are built on', () => {
  const facts = {
    underlay: {
      link: 'eth0',
      mtu: 1500,
      addresses: { 4: address('192.0.2.1'), 6: address('2001:db8::1') },
      publicAddresses: { 4: address('198.51.100.1') },
      routes: [],
    },
    subnets: { 4: prefix('10.5.1.0/24'), 6: prefix('fd00:5:0:1::/64') },
  };
  const published = { publicAddresses: { 4: address('198.51.100.1') } };

  test('the underlay in the families that peers are told, and the flags of the mesh', () => {
    const device = { ...(portsOf(BLUE, HOST)[0] as VxlanLink), port: 4789, gbp: true };
    expect(overlayHost({ facts, published, plan: { mtu: 1450, host: [device] } })).toEqual({
      underlay: { link: 'eth0', mtu: 1500, addresses: { 4: '192.0.2.1' } },
      port: 4789,
      gbp: true,
    });
  });

  test('the tunnels, where they encrypt everything', () => {
    const host: Resource[] = [
      { kind: 'address', link: 'flannel-wg', address: address('10.5.1.0'), length: 32 },
      { kind: 'address', link: 'flannel-wg', address: address('fd00:5:0:1::'), length: 128 },
    ];
    const plan = { mtu: 1420, encrypts: 'everything', host };
    expect(overlayHost({ facts, published, plan })).toMatchObject({
      tunnel: { link: 'flannel-wg', mtu: 1420, addresses: { 4: '10.5.1.0' } },
      port: 8472,
      gbp: false,
    });
    expect(overlayHost({ facts, published, plan: { mtu: 1420, host } }).tunnel).toBeUndefined();
  });
});

test('the MTU is that of the larger header, or what was asked for if that is less', () => {
  const both = { ...HOST.underlay, addresses: { 4: address('192.0.2.1'), 6: address('fd77::1') } };
  expect(overlayMtu(BLUE, HOST.underlay)).toBe(1450);
  expect(overlayMtu(BLUE, both)).toBe(1430);
  expect(overlayMtu({ mtu: 1400 }, both)).toBe(1400);
  expect(overlayMtu({ mtu: 9000 }, both)).toBe(1430);
});

// ---- whatever the hosts are like ----

const arbAddress = (family: 4 | 6): fc.Arbitrary<Address> =>
  fc.integer({ min: 1, max: 2 ** 31 }).map((n) => addressFromInteger(BigInt(n), family));
const arbAddresses: fc.Arbitrary<PerFamily<Address>> = fc
  .tuple(fc.option(arbAddress(4)), fc.option(arbAddress(6)))
  .map(([v4, v6]) => perFamily(v4 ?? undefined, v6 ?? undefined));
const arbCarrier = fc.record({
  link: fc.constant('eth0'),
  mtu: fc.integer({ min: 1350, max: 9000 }),
  addresses: arbAddresses,
});
const arbHost = fc.record({
  underlay: arbCarrier,
  tunnel: arbCarrier,
  port: fc.constant(8472),
  gbp: fc.boolean(),
});
const arbNetwork = fc.record({
  name: fc.constant('blue'),
  vni: fc.integer({ min: 1, max: VNI_LIMIT }),
  encrypted: fc.boolean(),
  multicast: fc.boolean(),
  mtu: fc.option(fc.integer({ min: 1280, max: 9000 }), { nil: undefined }),
});
const arbRemote = fc.record({
  addresses: fc.array(fc.oneof(arbAddress(4), arbAddress(6)), { maxLength: 2 }),
  mac: fc.uint8Array({ minLength: 6, maxLength: 6 }).map(localMac),
  vtep: fc.record({ underlay: arbAddresses, tunnel: arbAddresses }),
});

test('nothing is flooded unless it is asked for, all names fit, and every entry is on a port that stands', () => {
  fc.assert(
    fc.property(arbNetwork, arbHost, arbRemote, (network, host, remote) => {
      const ports = portsOf(network, host);
      const links = ports.filter(({ kind }) => kind === 'link');
      const names = new Set(links.map(keyOf));
      for (const link of links) {
        expect(link).toMatchObject({ proxy: true, learning: false, master: bridgeName(network) });
        expect(linkOf(link)).toBe(bridgeName(network));
        if (link.kind === 'link') expect(link.name.length).toBeLessThanOrEqual(LINK_NAME_LIMIT);
      }
      for (const entry of remoteResources(network, host, remote)) {
        expect(names).toContain(linkKey(linkOf(entry) ?? ''));
        if (entry.kind === 'fdb') expect(isUnicastMac(entry.mac)).toBe(true);
      }
      const flooded = floodResources(network, host, remote.vtep);
      expect(flooded.length).toBeLessThanOrEqual(network.multicast ? 1 : 0);
    }),
  );
});

test('a host is reached wherever both have an address of one family, by one family only', () => {
  fc.assert(
    fc.property(arbNetwork, arbHost, arbRemote, (network, host, remote) => {
      const here = carrierOf(network, host)?.addresses ?? {};
      const there = network.encrypted ? remote.vtep.tunnel : remote.vtep.underlay;
      const common = ([4, 6] as const).filter(
        (family) => here[family] !== undefined && there[family] !== undefined,
      );
      const entries = remoteResources(network, host, remote);
      expect(entries.length > 0).toBe(common.length > 0);
      expect(new Set(entries.map(linkOf)).size).toBeLessThanOrEqual(1);
    }),
  );
});
