import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressFromInteger, type Address, type Family } from '../../ip/address.ts';
import { localMac, type Mac } from '../../ip/mac.ts';
import { prefixOf } from '../../ip/prefix.ts';
import {
  ROUTE_PROTOCOL,
  same,
  type FdbEntry,
  type LinkAddress,
  type Neighbour,
  type Route,
  type VxlanLink,
} from '../../state/resource.ts';
import { readAddress, writeAddress } from './address.ts';
import { describeRoute, writeOperation, type Entry } from './entries.ts';
import { linkResource, readLink, writeIpTunnel, writeLinkChange, writeVxlan } from './link.ts';
import { Attributes, MessageWriter, visitMessages, type Message } from './message.ts';
import {
  readNeighbour,
  writeFdb,
  writeFdbRemoval,
  writeNeighbour,
  writeNeighbourRemoval,
} from './neighbour.ts';
import { readRoute, readRouteAnswer, routeResource, writeRoute } from './route.ts';

const INDEX = 7;
const nameOf = (index: number): string | undefined => (index === INDEX ? 'flannel.1' : undefined);

const families = fc.constantFrom<Family>(4, 6);
function addresses(family: Family): fc.Arbitrary<Address> {
  return fc
    .bigInt({ min: 0n, max: (1n << BigInt(family === 4 ? 32 : 128)) - 1n })
    .map((integer) => addressFromInteger(integer, family));
}
const anyAddress = families.chain(addresses);
const macs: fc.Arbitrary<Mac> = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(localMac);

const routes: fc.Arbitrary<Route> = families.chain((family) =>
  fc
    .record({
      base: addresses(family),
      length: fc.nat(family === 4 ? 32 : 128),
      // 1024 is what the v6 kernel says when none was asked for.
      metric: fc.nat(0xffff_ffff).filter((metric) => metric !== 1024),
      gateway: addresses(family),
      onlink: fc.boolean(),
      hasGateway: fc.boolean(),
      isBlackhole: fc.boolean(),
      size: fc.constantFrom({}, { mtu: 1350 }, { mtu: 68 }),
    })
    .map(({ base, length, metric, gateway, onlink, hasGateway, isBlackhole, size }): Route => {
      const place = { kind: 'route', prefix: prefixOf(base, length), metric } as const;
      const protocol = ROUTE_PROTOCOL;
      if (isBlackhole) return { ...place, type: 'blackhole', onlink: false, protocol };
      const way = hasGateway ? { link: 'flannel.1', gateway } : { link: 'flannel.1' };
      return { ...place, type: 'unicast', ...way, onlink, protocol, ...size };
    }),
);
const neighbours = fc.record({
  kind: fc.constant('neighbour' as const),
  link: fc.constant('flannel.1'),
  address: anyAddress,
  mac: macs,
}) satisfies fc.Arbitrary<Neighbour>;
const fdbs = fc.record({
  kind: fc.constant('fdb' as const),
  link: fc.constant('flannel.1'),
  mac: macs,
  remote: anyAddress,
}) satisfies fc.Arbitrary<FdbEntry>;
const linkAddresses = fc.record({
  kind: fc.constant('address' as const),
  link: fc.constant('flannel.1'),
  address: anyAddress,
  length: fc.nat(32),
}) satisfies fc.Arbitrary<LinkAddress>;
const links: fc.Arbitrary<VxlanLink> = fc.record({
  kind: fc.constant('link' as const),
  type: fc.constant('vxlan' as const),
  name: fc.stringMatching(/^[a-z]{1,15}$/),
  vni: fc.nat(0xff_ffff),
  local: anyAddress,
  lower: fc.constant('flannel.1'),
  port: fc.nat(0xffff),
  mtu: fc.nat(9000),
  mac: macs,
  learning: fc.boolean(),
  gbp: fc.boolean(),
  proxy: fc.boolean(),
  up: fc.constant(false),
  alias: fc.constant(''),
});

/** The one message that `write` makes. */
function written(write: (writer: MessageWriter) => void): Message {
  const writer = new MessageWriter();
  writer.begin(24, 0, 1);
  write(writer);
  writer.end();
  const [message] = messagesIn(writer.written);
  if (message === undefined) throw new Error('no message');
  return message;
}

function messagesIn(bytes: Uint8Array): Message[] {
  const all: Message[] = [];
  visitMessages(bytes, (message) => all.push(message));
  return all;
}

test('a route comes back as it was written', () => {
  fc.assert(
    fc.property(routes, (route) => {
      const index = route.link === undefined ? undefined : INDEX;
      const record = readRoute(written((writer) => writeRoute(writer, route, index)));
      expect(record && routeResource(record, nameOf)).toEqual(route);
    }),
  );
});

test('a neighbour and a forwarding entry come back as they were written', () => {
  fc.assert(
    fc.property(neighbours, fdbs, (neighbour, fdb) => {
      const { mac, remote } = fdb;
      const record = { linkIndex: INDEX, permanent: true };
      expect(readNeighbour(written((writer) => writeNeighbour(writer, neighbour, INDEX)))).toEqual({
        ...record,
        kind: 'neighbour',
        address: neighbour.address,
        mac: neighbour.mac,
      });
      expect(readNeighbour(written((writer) => writeFdb(writer, fdb, INDEX)))).toEqual({
        ...record,
        kind: 'fdb',
        mac,
        remote,
      });
    }),
  );
});

test('removals name the place only', () => {
  fc.assert(
    fc.property(neighbours, fdbs, (neighbour, fdb) => {
      const gone = written((writer) => writeNeighbourRemoval(writer, neighbour, INDEX));
      expect(readNeighbour(gone)).toMatchObject({ address: neighbour.address, mac: undefined });
      const place = Attributes.of(
        written((writer) => writeFdbRemoval(writer, fdb, INDEX)),
        12,
      );
      expect(place.mac(2)).toBe(fdb.mac);
      expect(place.address(1)).toBeUndefined();
    }),
  );
});

test('an address comes back as it was written', () => {
  fc.assert(
    fc.property(linkAddresses, (value) => {
      const { address, length } = value;
      const record = readAddress(written((writer) => writeAddress(writer, value, INDEX)));
      expect(record).toMatchObject({ linkIndex: INDEX, address, length, scope: 0 });
    }),
  );
});

test('a link comes back as it was written, alias and state with the change', () => {
  fc.assert(
    fc.property(links, fc.boolean(), (device, isPort) => {
      const link = isPort ? { ...device, master: 'flannel.1' } : device;
      const around = { lower: INDEX, master: isPort ? INDEX : 0 };
      const record = readLink(written((writer) => writeVxlan(writer, link, around)));
      if (record === undefined) throw new Error('not read');
      expect(same(linkResource(record, nameOf), link)).toBe(true);
    }),
  );
  const change = written((writer) =>
    writeLinkChange(writer, INDEX, { alias: 'weft', up: true, mtu: 1300 }),
  );
  const attributes = Attributes.of(change, 16);
  expect(attributes.text(20)).toBe('weft');
  expect(attributes.u32(4)).toBe(1300);
});

test('ipip and GRE devices come back as they were written, and are told from others of their kind', () => {
  const arbTunnel = fc.record({
    kind: fc.constant('link' as const),
    type: fc.constantFrom('ipip' as const, 'gre' as const),
    name: fc.constantFrom('flannel.ipip', 'weft.gre'),
    local: fc.integer({ min: 1, max: 2 ** 32 - 1 }).map((n) => addressFromInteger(BigInt(n), 4)),
    mtu: fc.integer({ min: 68, max: 65_535 }),
    up: fc.constant(false),
    alias: fc.constant(''),
  });
  fc.assert(
    fc.property(arbTunnel, (link) => {
      const record = readLink(written((writer) => writeIpTunnel(writer, link)));
      if (record === undefined) throw new Error('not read');
      expect(linkResource(record, nameOf)).toEqual(link);
      const odd = { ...record, tunnel: { ...record.tunnel!, oddities: ['remote', 'external'] } };
      expect(linkResource(odd, nameOf)).toMatchObject({
        type: 'foreign',
        description: `${link.type} remote external`,
      });
    }),
  );
});

test("a neighbour of a GRE device has the far end's address where others have a MAC", () => {
  const value: Neighbour = {
    kind: 'neighbour',
    link: 'weft.gre',
    address: addressFromInteger(0x0a050200n, 4),
    mac: addressFromInteger(0xc0a84d02n, 4),
  };
  const record = readNeighbour(written((writer) => writeNeighbour(writer, value, INDEX)));
  expect(record).toMatchObject({ address: '10.5.2.0', mac: '192.168.77.2', permanent: true });
});

test('a batch longer than the buffer holds every message in order', () => {
  const entry = fc.oneof(routes, neighbours, fdbs, linkAddresses);
  fc.assert(
    fc.property(fc.array(entry, { minLength: 300, maxLength: 400 }), (entries: Entry[]) => {
      const writer = new MessageWriter();
      entries.forEach((value, i) => writeOperation(writer, 'create', value, INDEX, i + 1));
      const sequences = messagesIn(writer.written).map(({ sequence }) => sequence);
      expect(sequences).toEqual(entries.map((_, i) => i + 1));
    }),
    { numRuns: 10 },
  );
});

const readers = [
  readRoute,
  readRouteAnswer,
  readNeighbour,
  readAddress,
  (message: Message): unknown => {
    const record = readLink(message);
    return record && linkResource(record, nameOf);
  },
  (message: Message): unknown => {
    const record = readRouteAnswer(message);
    return record && describeRoute(record, nameOf);
  },
];

/** Reads the bytes with every reader, and must come to an end without throwing. */
function readAll(bytes: Uint8Array): void {
  for (const message of messagesIn(bytes)) for (const read of readers) read(message);
}

test('random bytes are read without throwing', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), readAll));
});

test('mutated and truncated messages are read without throwing', () => {
  const flips = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 12 });
  fc.assert(
    fc.property(links, routes, flips, fc.nat(400), (link, route, changes, length) => {
      const writer = new MessageWriter();
      writer.begin(16, 0, 1);
      writeVxlan(writer, link, { lower: INDEX, master: INDEX });
      writer.end();
      writeOperation(writer, 'create', route, INDEX, 2);
      const bytes = Uint8Array.from(writer.written);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      readAll(bytes);
      readAll(bytes.slice(0, length));
    }),
    { numRuns: 500 },
  );
});

test('a foreign route reads as iproute2 prints it', () => {
  const route: Route = {
    kind: 'route',
    prefix: prefixOf(addressFromInteger(0n, 4), 0),
    metric: 50,
    type: 'unicast',
    link: 'flannel.1',
    gateway: addressFromInteger(0xc0000201n, 4),
    onlink: true,
    protocol: 4,
  };
  const record = readRoute(written((writer) => writeRoute(writer, route, INDEX)));
  expect(record && describeRoute(record, nameOf)).toBe(
    'default via 192.0.2.1 dev flannel.1 proto static metric 50 onlink',
  );
});
