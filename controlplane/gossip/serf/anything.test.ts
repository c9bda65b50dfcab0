import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSerf, type SerfMessage } from '../codec/index.ts';
import { Cluster } from './cluster.ts';
import { TEST_TIMEOUT } from './testing.ts';

const name = fc.oneof(
  fc.constantFrom('n1', 'n2', 'x', '', 'long'.repeat(200)),
  fc.string({ maxLength: 20 }),
);
const time = fc.oneof(
  fc.bigInt({ min: 0n, max: 2_000n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const bytes = fc.uint8Array({ maxLength: 300 });
const addr = fc.oneof(fc.constant(Uint8Array.of(10, 0, 0, 1)), fc.uint8Array({ maxLength: 16 }));
const port = fc.oneof(fc.constant(7946), fc.nat({ max: 0xffff }));
const flags = fc.nat({ max: 3 });
const slot = fc.record({
  lTime: time,
  events: fc.array(fc.record({ name, payload: bytes }), { maxLength: 4 }),
});
const queryName = fc.oneof(
  name,
  fc
    .constantFrom('ping', 'conflict', 'install-key', 'use-key', 'remove-key', 'list-keys')
    .map((kind) => `_serf_${kind}`),
);

function kind<K extends SerfMessage['kind']>(kind: K): { kind: fc.Arbitrary<K> } {
  return { kind: fc.constant(kind) };
}

const plain: fc.Arbitrary<SerfMessage> = fc.oneof(
  fc.record({ ...kind('leave'), lTime: time, node: name, prune: fc.boolean() }),
  fc.record({ ...kind('join'), lTime: time, node: name }),
  fc.record({ ...kind('userEvent'), lTime: time, name, payload: bytes, cc: fc.boolean() }),
  fc.record({
    ...kind('query'),
    lTime: time,
    id: fc.nat({ max: 3 }),
    addr,
    port,
    sourceNode: name,
    filters: fc.array(bytes, { maxLength: 2 }),
    flags,
    relayFactor: fc.nat({ max: 255 }),
    timeout: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    name: queryName,
    payload: fc.oneof(
      bytes,
      name.map((text) => new Uint8Array(Buffer.from(text))),
    ),
  }),
  fc.record({
    ...kind('queryResponse'),
    lTime: time,
    id: fc.nat({ max: 3 }),
    from: name,
    flags,
    payload: bytes,
  }),
  fc.record({ ...kind('keyRequest'), key: fc.uint8Array({ maxLength: 64 }) }),
);

const message: fc.Arbitrary<Uint8Array> = fc.oneof(
  plain.map(encodeSerf),
  fc.uint8Array({ minLength: 1, maxLength: 60 }),
  fc
    .record({
      ...kind('relay'),
      destAddr: fc.record({ ip: addr, port: fc.integer(), zone: name }),
      destName: name,
      message: plain.map(encodeSerf),
    })
    .map(encodeSerf),
);

const state = fc
  .record({
    ...kind('pushPull'),
    lTime: time,
    statusLTimes: fc.array(fc.tuple(name, time), { maxLength: 5 }).map((list) => new Map(list)),
    leftMembers: fc.array(name, { maxLength: 3 }),
    eventLTime: time,
    events: fc.array(fc.option(slot, { nil: undefined }), { maxLength: 5 }),
    queryLTime: time,
  })
  .map(encodeSerf);

describe('Serf', { timeout: TEST_TIMEOUT }, () => {
  it('takes anything: nothing escapes, its own times stay in their order, and it lives on', () => {
    const input = fc.oneof(
      message.map((payload) => ({ payload, state: undefined })),
      state.map((state) => ({ payload: undefined, state })),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), fc.boolean(), (inputs, encrypted) => {
        const cluster = new Cluster(1);
        const keyring = encrypted ? [new Uint8Array(16)] : [];
        const [a, b] = [cluster.add('n1', { keyring }), cluster.add('n2', { keyring })];
        b.serf.join([a.endpoint], () => {});
        cluster.pass(1_000);
        for (const { payload, state } of inputs) {
          if (payload !== undefined) a.serf.swim.packet(b.endpoint, { kind: 'user', payload });
          else
            a.serf.swim.request(b.endpoint, {
              kind: 'pushPull',
              join: true,
              nodes: [],
              userState: state,
            });
        }
        cluster.pass(2_000);
        expect(a.serf.member('n1')?.status).toBe('alive');
        expect(Number(a.serf.snapshot().clocks.event)).toBeLessThan(2 ** 63);
        expect(() => a.serf.userEvent('still', new Uint8Array(0))).not.toThrow();
        expect(() => a.serf.query('here')).not.toThrow();
        cluster.pass(2_000);
      }),
      { numRuns: 50 },
    );
  });
});
