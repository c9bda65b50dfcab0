import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCoordinate, encodeCoordinate, type Coordinate } from './coordinate.ts';
import { decodeFilter, encodeFilter, type Filter } from './filters.ts';
import { decodeMessage, encodeMessage, type Message } from './messages.ts';
import { decodePacket, encodePacket, packetOverhead, type Wrapping } from './packet.ts';
import { NIL_BYTES } from './reader.ts';
import { decodeSerf, encodeSerf, type SerfMessage } from './serf.ts';
import { decodeStream, encodeStream, StreamReader } from './stream.ts';
import type { StreamMessage } from './stream-messages.ts';
import { decodeTags, encodeTags } from './tags.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const int = fc.maxSafeInteger();
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const seqNo = u32;
const node = text;
const incarnation = u32;
const from = text;
const lTime = u64;
const addr = bytes({ maxLength: 16 });
const source = { sourceAddr: addr, sourcePort: u16, sourceNode: text };
const vsn = bytes({ maxLength: 6 });
const meta = bytes({ maxLength: 512 });
const payload = bytes({ maxLength: 400 });
const userPayload = plainBytes({ minLength: 1, maxLength: 400 });

const MESSAGES: { readonly [K in Message['kind']]: Arbitrary<Extract<Message, { kind: K }>> } = {
  ping: fc.record({ kind: fc.constant('ping'), seqNo, node, ...source }),
  indirectPing: fc.record({
    kind: fc.constant('indirectPing'),
    seqNo,
    node,
    ...source,
    target: addr,
    port: u16,
    nack: fc.boolean(),
  }),
  ack: fc.record({ kind: fc.constant('ack'), seqNo, payload }),
  nack: fc.record({ kind: fc.constant('nack'), seqNo }),
  suspect: fc.record({ kind: fc.constant('suspect'), incarnation, node, from }),
  dead: fc.record({ kind: fc.constant('dead'), incarnation, node, from }),
  alive: fc.record({ kind: fc.constant('alive'), incarnation, node, addr, port: u16, meta, vsn }),
  user: fc.record({ kind: fc.constant('user'), payload: userPayload }),
};
const message: Arbitrary<Message> = fc.oneof(...Object.values(MESSAGES));

const record = fc.record({ name: text, addr, port: u16, meta, incarnation, state: int, vsn });
const STREAM_MESSAGES: {
  readonly [K in StreamMessage['kind']]: Arbitrary<Extract<StreamMessage, { kind: K }>>;
} = {
  ping: MESSAGES.ping,
  ack: MESSAGES.ack,
  user: MESSAGES.user,
  err: fc.record({ kind: fc.constant('err'), error: text }),
  pushPull: fc.record({
    kind: fc.constant('pushPull'),
    join: fc.boolean(),
    nodes: fc.array(record, { maxLength: 40 }),
    userState: plainBytes({ maxLength: 2000 }),
  }),
};

const slot = fc.record({ lTime, events: fc.array(fc.record({ name: text, payload })) });
const member = fc.record({
  name: text,
  addr,
  port: u16,
  tags: mapOf(text),
  status: int,
  protocolMin: u8,
  protocolMax: u8,
  protocolCur: u8,
  delegateMin: u8,
  delegateMax: u8,
  delegateCur: u8,
});
const SERF: {
  readonly [K in SerfMessage['kind']]: Arbitrary<Extract<SerfMessage, { kind: K }>>;
} = {
  leave: fc.record({ kind: fc.constant('leave'), lTime, node, prune: fc.boolean() }),
  join: fc.record({ kind: fc.constant('join'), lTime, node }),
  pushPull: fc.record({
    kind: fc.constant('pushPull'),
    lTime,
    statusLTimes: mapOf(u64),
    leftMembers: fc.array(text),
    eventLTime: u64,
    queryLTime: u64,
    events: fc.array(fc.option(slot, { nil: undefined })),
  }),
  userEvent: fc.record({
    kind: fc.constant('userEvent'),
    lTime,
    name: text,
    payload,
    cc: fc.boolean(),
  }),
  query: fc.record({
    kind: fc.constant('query'),
    lTime,
    id: u32,
    addr,
    port: u16,
    sourceNode: text,
    filters: fc.array(payload),
    flags: u32,
    relayFactor: u8,
    timeout: i64,
    name: text,
    payload,
  }),
  queryResponse: fc.record({
    kind: fc.constant('queryResponse'),
    lTime,
    id: u32,
    from,
    flags: u32,
    payload,
  }),
  conflictResponse: fc.record({
    kind: fc.constant('conflictResponse'),
    member: fc.option(member, { nil: undefined }),
  }),
  keyRequest: fc.record({ kind: fc.constant('keyRequest'), key: bytes({ maxLength: 32 }) }),
  keyResponse: fc.record({
    kind: fc.constant('keyResponse'),
    result: fc.boolean(),
    message: text,
    keys: fc.array(text),
    primaryKey: text,
  }),
  relay: fc.record({
    kind: fc.constant('relay'),
    destAddr: fc.record({ ip: addr, port: int, zone: text }),
    destName: text,
    message: userPayload,
  }),
};

const keyring = fc.array(
  fc
    .constantFrom(16, 24, 32)
    .chain((length) => plainBytes({ minLength: length, maxLength: length })),
  { maxLength: 3 },
);
const framing = fc.record({
  label: plainBytes({ maxLength: 255 }),
  keyring,
  nonce: plainBytes({ minLength: 12, maxLength: 12 }).map((nonce) => () => nonce),
  encryption: fc.constantFrom(0, 1),
  compress: fc.boolean(),
  crc: fc.boolean(),
}) satisfies Arbitrary<Wrapping>;

describe.each(Object.entries(MESSAGES))('message %s', (_kind, arbitrary) => {
  test('comes back as it went', () => {
    holds(arbitrary, encodeMessage, decodeMessage);
  });
});

describe.each(Object.entries(SERF))('message %s of Serf', (_kind, arbitrary) => {
  test('comes back as it went', () => {
    holds(arbitrary as Arbitrary<SerfMessage>, encodeSerf, decodeSerf);
  });
});

describe.each(Object.entries(STREAM_MESSAGES))('stream with %s', (_kind, arbitrary) => {
  test('comes back as it went, in whatever pieces and layers', () => {
    const sender = fc.constantFrom('dialler' as const, 'acceptor' as const);
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(
        arbitrary as Arbitrary<StreamMessage>,
        framing,
        sender,
        sizes,
        (message, framing, sender, sizes) => {
          const stream = encodeStream(message, { ...framing, sender });
          const done = { status: 'done', message };
          expect(decodeStream(stream, { ...framing, sender })).toEqual(done);
          const reader = new StreamReader({ ...framing, sender });
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            reader.push(stream.subarray(at, at + size));
            at += size;
          }
          expect(reader.end()).toEqual(done);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test('a packet comes back as it went, in whatever layers', () => {
  const messages = fc.array(message, { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(messages, framing, (messages, framing) => {
      const parts = messages.map(encodeMessage);
      const packet = encodePacket(parts, framing);
      expect(decodePacket(packet, framing)).toEqual({ messages, refusals: [] });
    }),
  );
});

test('a packet is no longer than its parts and what packetOverhead says, the CRC excepted', () => {
  const messages = fc.array(message, { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(messages, framing, (messages, framing) => {
      const parts = messages.map(encodeMessage);
      const bytes = parts.reduce((sum, part) => sum + part.length + 2, 0);
      const wrapping = { ...framing, encryption: 1, crc: false } as const;
      const packet = encodePacket(parts, { ...wrapping, compress: false });
      expect(packet.length).toBe(bytes + packetOverhead(framing));
      expect(encodePacket(parts, wrapping).length).toBeLessThanOrEqual(packet.length);
    }),
  );
});

test('every other key than those of the ring, and every other label, is refused', () => {
  const framed = { label: 'a', key: 'k' };
  const make = ({ label, key }: typeof framed): Wrapping => ({
    label: new Uint8Array(Buffer.from(label)),
    keyring: [new Uint8Array(Buffer.alloc(16, key))],
    nonce: () => new Uint8Array(12),
    compress: false,
    crc: false,
  });
  const packet = encodePacket([Uint8Array.of(8, 1)], make(framed));
  const reasonFor = (other: typeof framed): unknown =>
    decodePacket(packet, make(other)).refusals[0]?.reason;
  expect(reasonFor(framed)).toBeUndefined();
  expect(reasonFor({ ...framed, key: 'l' })).toBe('undecryptable');
  expect(reasonFor({ ...framed, label: 'b' })).toBe('wrong-label');
  expect(reasonFor({ ...framed, label: '' })).toBe('wrong-label');
});

test('tags, filters and coordinates come back as they went', () => {
  const few = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 3 });
  const tags = few
    .map((entries) => new Map(entries))
    .filter((tags) => Buffer.byteLength(JSON.stringify([...tags])) < 480);
  holds(tags, encodeTags, decodeTags);
  const filter: Arbitrary<Filter> = fc.oneof(
    fc.record({ kind: fc.constant('nodes' as const), nodes: fc.array(text) }),
    fc.record({ kind: fc.constant('tag' as const), tag: text, expr: text }),
  );
  holds(filter, encodeFilter, decodeFilter);
  const real = fc.double({ noNaN: true, noDefaultInfinity: true });
  const coordinate: Arbitrary<Coordinate> = fc.record({
    error: real,
    adjustment: real,
    height: real,
    vec: fc.array(real, { minLength: 8, maxLength: 8 }),
  });
  holds(coordinate, encodeCoordinate, decodeCoordinate);
});

function holds<T>(
  arbitrary: Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): void {
  fc.assert(
    fc.property(arbitrary, (value) => {
      const encoded = encode(value);
      expect(decode(encoded)).toEqual({ ok: true, value });
      // What is nil and what is empty is kept apart, though both have no bytes.
      const { value: decoded } = decode(encoded) as { value: T };
      expect(encode(decoded)).toEqual(encoded);
    }),
  );
}

function plainBytes(lengths: { minLength?: number; maxLength: number }): Arbitrary<Uint8Array> {
  return fc.uint8Array(lengths).map((bytes) => new Uint8Array(bytes));
}

/** Also none at all. */
function bytes(lengths: { maxLength: number }): Arbitrary<Uint8Array> {
  return fc.oneof({ arbitrary: plainBytes(lengths), weight: 5 }, fc.constant(NIL_BYTES));
}

function mapOf<T>(value: Arbitrary<T>): Arbitrary<ReadonlyMap<string, T>> {
  return fc
    .uniqueArray(fc.tuple(text, value), { selector: ([name]) => name })
    .map((entries) => new Map(entries));
}
