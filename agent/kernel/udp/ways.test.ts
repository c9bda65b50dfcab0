import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address, addressFromBytes, type Address } from '../../ip/address.ts';
import { containsAddress, lengthOf, prefix, prefixOf, type Prefix } from '../../ip/prefix.ts';
import { keyOf, type Resource, type Route } from '../../state/resource.ts';
import { destinationOf, sourceOf } from './packet.ts';
import { arbPacket, packetOf } from './testing.ts';
import { mayEnter, Ways } from './ways.ts';

const LINK = 'flannel0';
const OWN = address('10.5.1.0');
const ADDRESS: Resource = { kind: 'address', link: LINK, address: OWN, length: 32 };

function route(to: Prefix, gateway?: Address, link = LINK): Route {
  const way = { metric: 0, type: 'unicast', link, onlink: true, protocol: 119 } as const;
  return { kind: 'route', prefix: to, ...way, ...(gateway === undefined ? {} : { gateway }) };
}

const PEER = route(prefix('10.5.37.0/24'), address('192.168.77.37'));
const WHOLE = route(prefix('10.5.0.0/16'));

function waysOf(...resources: readonly Resource[]): Ways {
  const ways = new Ways(LINK);
  ways.reset(resources);
  return ways;
}

const fate = (ways: Ways, to = '10.5.37.2'): unknown =>
  ways.fateOf(packetOf({ destination: address(to) }));
const SENT = { action: 'send', to: '192.168.77.37' };

describe('a packet out of the device', () => {
  test('goes to the gateway of the longest prefix that holds its destination', () => {
    // Few addresses, so that prefixes hold each other and the destinations.
    const arbAddress = fc
      .tuple(fc.constant(10), fc.nat(1), fc.nat(3), fc.nat(255))
      .map((bytes) => addressFromBytes(Uint8Array.from(bytes)));
    const arbRoute = fc
      .tuple(arbAddress, fc.integer({ min: 8, max: 32 }), arbAddress)
      .map(([base, length, gateway]) => route(prefixOf(base, length), gateway));
    const arbRoutes = fc.uniqueArray(arbRoute, { selector: keyOf, maxLength: 12 });
    fc.assert(
      fc.property(arbRoutes, arbAddress, (routes, destination) => {
        const best = routes
          .filter((each) => containsAddress(each.prefix, destination))
          .sort((a, b) => lengthOf(b.prefix) - lengthOf(a.prefix))[0];
        const packet = packetOf({ destination });
        expect(waysOf(...routes).fateOf(packet)).toEqual(
          best === undefined ? { action: 'drop' } : { action: 'send', to: best.gateway },
        );
        expect(packet[8]).toBe(best === undefined ? 64 : 63);
      }),
    );
  });

  test('without a way is answered from the address of the device', () => {
    const found = waysOf(ADDRESS, WHOLE, PEER).fateOf(
      packetOf({ destination: address('10.5.99.2') }),
    );
    expect(found.action).toBe('answer');
    if (found.action !== 'answer') return;
    expect([sourceOf(found.packet), destinationOf(found.packet)]).toEqual([OWN, '10.5.1.2']);
  });

  test('at the end of its life, or of another kind, is dropped', () => {
    const ways = waysOf(ADDRESS, PEER);
    const old = packetOf({ destination: address('10.5.37.2'), ttl: 1 });
    expect(ways.fateOf(old)).toEqual({ action: 'drop' });
    expect(ways.fateOf(Uint8Array.of(0x60, ...packetOf({}).subarray(1)))).toEqual({
      action: 'drop',
    });
  });

  test('whatever it is, has a fate', () => {
    const ways = waysOf(ADDRESS, PEER);
    const arbBytes = fc.oneof(fc.uint8Array({ maxLength: 100 }), arbPacket());
    fc.assert(
      fc.property(arbBytes, (bytes) => {
        expect(['send', 'answer', 'drop']).toContain(ways.fateOf(bytes).action);
      }),
    );
  });
});

describe('what the kernel tells', () => {
  test('counts at once', () => {
    const ways = waysOf();
    expect(fate(ways)).toEqual({ action: 'drop' });
    ways.take({ type: 'present', resource: PEER });
    expect(fate(ways)).toEqual(SENT);
    ways.take({ type: 'present', resource: route(PEER.prefix, address('192.168.77.38')) });
    expect(fate(ways)).toEqual({ action: 'send', to: '192.168.77.38' });
    ways.take({ type: 'absent', key: keyOf(PEER) });
    expect(fate(ways)).toEqual({ action: 'drop' });
  });

  test('of other links does not, and takes a way that was here', () => {
    const elsewhere = route(PEER.prefix, address('192.168.77.37'), 'flannel.1');
    expect(fate(waysOf(elsewhere))).toEqual({ action: 'drop' });
    const ways = waysOf(PEER);
    ways.take({ type: 'present', resource: elsewhere });
    expect(fate(ways)).toEqual({ action: 'drop' });
  });

  test('anew is all there is', () => {
    const ways = waysOf(PEER);
    ways.reset([ADDRESS]);
    expect(fate(ways)).toMatchObject({ action: 'answer' });
  });
});

test('a packet enters the device one hop older, if it is one and lives on', () => {
  const packet = packetOf({ ttl: 2 });
  expect(mayEnter(packet)).toBe(true);
  expect(packet[8]).toBe(1);
  expect(mayEnter(packet)).toBe(false);
  expect(mayEnter(Uint8Array.of(1, 2, 3))).toBe(false);
});
