import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeEndpoint,
  decodeName,
  encodeEndpoint,
  encodeName,
  ENDPOINT_KIND,
  HOST_NETWORK,
  isLabel,
  isName,
  isNetwork,
  keyOfName,
  NAME_KIND,
  NAME_LIMIT,
  type Endpoint,
  type Name,
} from './index.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const network = label.filter((text) => text !== HOST_NETWORK);
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const address = fc.oneof(bytes(4), bytes(16));
const endpoint: fc.Arbitrary<Endpoint> = fc.record({
  id: fc.stringMatching(/^[0-9a-f]{16}$/),
  network,
  addresses: fc.array(address, { minLength: 1, maxLength: 4 }),
  mac: bytes(6),
  names: fc.array(name, { maxLength: 4 }),
  ports: fc.array(
    fc.record({
      name: label,
      protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
      port: fc.integer({ min: 1, max: 65_535 }),
    }),
    { maxLength: 4 },
  ),
  host: fc.boolean(),
});
const record: fc.Arbitrary<Name> = fc.record({
  name,
  network,
  address,
  ttl: fc.nat(2 ** 31 - 1),
});

const WEB: Endpoint = {
  id: '0123456789abcdef',
  network: 'default',
  addresses: [Uint8Array.of(10, 5, 1, 2)],
  mac: Uint8Array.of(2, 66, 10, 5, 1, 2),
  names: ['web'],
  ports: [{ name: 'http', protocol: 'tcp', port: 80 }],
  host: false,
};
const DB: Name = {
  name: 'db',
  network: 'default',
  address: Uint8Array.of(192, 0, 2, 7),
  ttl: 30,
};

describe('records of endpoints and names', () => {
  it('come back as they were said', () => {
    fc.assert(
      fc.property(endpoint, (said) => {
        expect(decodeEndpoint(said.id, encodeEndpoint(said))).toEqual(said);
      }),
    );
    fc.assert(
      fc.property(record, (said) => {
        expect(decodeName(keyOfName(said), encodeName(said))).toEqual(said);
      }),
    );
  });

  it('keep no view into the packet that they came in', () => {
    const payload = encodeEndpoint(WEB);
    const heard = decodeEndpoint(WEB.id, payload);
    payload.fill(0);
    expect(heard).toEqual(WEB);
  });

  it('are a value that could be said, or none, whatever bytes come', () => {
    const mutated = (payload: Uint8Array): fc.Arbitrary<Uint8Array> =>
      fc
        .array(fc.tuple(fc.nat(payload.length - 1), fc.nat(255)), { maxLength: 4 })
        .map((changes) => {
          const copy = Uint8Array.from(payload);
          for (const [at, byte] of changes) copy[at] = byte;
          return copy;
        });
    const junk = fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated(encodeEndpoint(WEB)));
    fc.assert(
      fc.property(junk, (payload) => {
        const heard = decodeEndpoint(WEB.id, payload);
        if (heard !== undefined) expect(() => encodeEndpoint(heard)).not.toThrow();
      }),
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated(encodeName(DB))),
        (payload) => {
          const heard = decodeName(keyOfName(DB), payload);
          if (heard !== undefined) expect(() => encodeName(heard)).not.toThrow();
        },
      ),
    );
  });

  it('are of their kind and key', () => {
    expect([ENDPOINT_KIND, NAME_KIND]).toEqual(['endpoint', 'name']);
    expect(keyOfName(DB)).toBe('default/db/192.0.2.7');
    expect(decodeEndpoint('ffffffffffffffff', encodeEndpoint(WEB))).toBeUndefined();
    expect(decodeName('default/db/192.0.2.8', encodeName(DB))).toBeUndefined();
  });

  it.each<[string, Partial<Endpoint>, RegExp]>([
    ['an id that is none', { id: 'web' }, /16 hexadecimal digits, not "web"/],
    ['a name in upper case', { names: ['Web'] }, /lower case.*"Web"/],
    ['a network of several labels', { network: 'a.b' }, /"a\.b"/],
    ['the network that stands for hosts', { network: 'host' }, /not "host"/],
    ['no address', { addresses: [] }, /at least one address/],
    ['half an address', { addresses: [Uint8Array.of(10, 5)] }, /4 or 16 bytes/],
    ['a short MAC', { mac: Uint8Array.of(2) }, /6 bytes/],
    ['too many names', { names: Array(65).fill('a') }, /at most/],
    ['port 0', { ports: [{ name: 'http', protocol: 'tcp', port: 0 }] }, /1 to 65535, not 0/],
  ])('of endpoints are not said with %s', (_what, change, message) => {
    expect(() => encodeEndpoint({ ...WEB, ...change })).toThrow(message);
  });

  it.each<[string, Partial<Name>, RegExp]>([
    ['a name with an underscore', { name: 'my_db' }, /"my_db"/],
    ['no address', { address: new Uint8Array() }, /4 or 16 bytes/],
    ['a TTL below zero', { ttl: -1 }, /0 to 2147483647 seconds, not -1/],
  ])('of names are not said with %s', (_what, change, message) => {
    expect(() => encodeName({ ...DB, ...change })).toThrow(message);
  });
});

describe('names', () => {
  it.each(['a', '1', 'a-b', 'x'.repeat(63)])('have the label %s', (text) => {
    expect(isLabel(text)).toBe(true);
  });

  it.each(['', '-a', 'a-', 'A', 'a_b', 'a.b', 'é', 'x'.repeat(64)])('lack the label %j', (text) => {
    expect(isLabel(text)).toBe(false);
  });

  it('are labels with dots between, within 127 characters', () => {
    expect(isName('web.1')).toBe(true);
    expect(isName('web..1')).toBe(false);
    expect(isName('web.')).toBe(false);
    expect(isName(`${'x'.repeat(63)}.${'x'.repeat(63)}`)).toBe(true);
    expect(isName(`${'x'.repeat(63)}.${'x'.repeat(62)}.y`)).toBe(false);
    expect(`${'x'.repeat(63)}.${'x'.repeat(63)}`).toHaveLength(NAME_LIMIT);
    expect(isNetwork('default')).toBe(true);
  });
});
