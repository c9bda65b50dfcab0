import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeVersion,
  ENVELOPE_LIMIT,
  userMessage,
  type Saying,
} from './envelope.ts';
import { weft } from './generated/gossip.js';
import { ownerPages, statePages, versionPages } from './pages.ts';
import { RECORD_LIMIT, TIME_LIMIT, type Version } from './record.ts';
import { Network, seeded } from './testing.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const name = text.filter((owner) => owner.length > 0 && owner.length <= 255);
const half = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const fingerprint = fc.record({ high: half, low: half });
const bytes = fc.uint8Array({ maxLength: 200 });
const versionOf = (owner: fc.Arbitrary<string>): fc.Arbitrary<Version> =>
  fc
    .record({
      owner,
      kind: fc.constantFrom('name', 'endpoint', 'a-1'),
      key: text,
      time: fc.integer({ min: 1, max: TIME_LIMIT - 1 }),
      payload: bytes,
      age: fc.option(fc.nat(2 ** 32 - 1), { nil: undefined }),
    })
    .map((v) => (v.age === undefined ? v : { ...v, payload: new Uint8Array() }));
const version = versionOf(name);
const range = { after: text, upto: fc.option(text, { nil: undefined }) };
const port = fc.integer({ min: 1, max: 65_535 });
const addr = fc
  .constantFrom(4, 16)
  .chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
const saying: fc.Arbitrary<Saying> = fc.record(
  {
    versions: fc.array(version, { maxLength: 5 }),
    sender: fc.record({ name, addr, port }),
    all: fingerprint,
    owners: fc.record({
      ...range,
      owners: fc.array(fc.tuple(name, fingerprint), { maxLength: 5 }).map((list) => new Map(list)),
    }),
    states: fc.array(
      name.chain((owner) =>
        fc.record({
          ...range,
          owner: fc.constant(owner),
          versions: fc.array(versionOf(fc.constant(owner)), { maxLength: 5 }),
        }),
      ),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: [] },
);
const SENDER = { name: 'me', addr: Uint8Array.of(10, 0, 0, 1), port: 7946 };

/** Without the classes of what protobufjs decodes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array || Array.isArray(value)) return Array.from(value, plain);
  if (value instanceof Map) return [...value].map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}

describe('the codec of envelopes', () => {
  it('gives back what was said', () => {
    fc.assert(
      fc.property(saying, (said) => {
        const { versions = [], sender, all, owners, states = [] } = said;
        const decoded = decodeEnvelope(Uint8Array.from(encodeEnvelope(said)));
        expect(plain(decoded)).toEqual(
          plain({ versions, sender, all, owners, states, refused: 0 }),
        );
      }),
    );
  });

  it('reads envelopes one after the other as one', () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 5 }), (versions) => {
        const bytes = Buffer.concat(versions.map(encodeVersion));
        expect(plain(decodeEnvelope(bytes)?.versions)).toEqual(plain(versions));
      }),
    );
  });

  it('takes any bytes, and mutations of good ones, without throwing, and counts what it refuses', () => {
    const { records } = new Network(1, seeded(1)).host(0);
    const mutated = fc
      .tuple(saying, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([said, changes]) => {
        const good = Uint8Array.from(encodeEnvelope(said));
        for (const [at, byte] of changes) if (good.length > 0) good[at % good.length] = byte;
        return good;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated), (junk) => {
        const before = records.counts['refused'] as number;
        const envelope = decodeEnvelope(junk);
        records.user(userMessage([junk]));
        expect(records.counts['refused']).toBe(before + (envelope?.refused ?? 1));
        for (const { kind, payload, time } of envelope?.versions ?? []) {
          expect(kind).toMatch(/^[a-z]/);
          expect(payload.length).toBeLessThanOrEqual(RECORD_LIMIT);
          expect(Number.isSafeInteger(time)).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(records.counts['refused']).toBeGreaterThan(100);
  });

  it('leaves out what does not hold, and takes the rest', () => {
    const good = {
      owner: 'a',
      kind: 'name',
      key: 'k',
      time: 1,
      payload: new Uint8Array(),
      deleted: false,
      age: 0,
    };
    const bad = [
      { ...good, owner: '' },
      { ...good, owner: 'a'.repeat(256) },
      { ...good, kind: 'Name' },
      { ...good, kind: '' },
      { ...good, key: 'k'.repeat(RECORD_LIMIT + 1) },
      { ...good, time: 0 },
      { ...good, time: TIME_LIMIT },
      { ...good, time: 2 ** 64 - 2 ** 11 },
      { ...good, payload: new Uint8Array(RECORD_LIMIT + 1) },
      { ...good, payload: Uint8Array.of(1), deleted: true },
    ];
    const wire = weft.v1.Envelope.encode({ records: [...bad, good] as never }).finish();
    expect(decodeEnvelope(wire)).toMatchObject({
      versions: [{ owner: 'a', key: 'k', time: 1 }],
      refused: bad.length,
    });
  });

  it('refuses what is larger than anybody sends', () => {
    expect(decodeEnvelope(new Uint8Array(ENVELOPE_LIMIT + 1))).toBeUndefined();
  });
});

describe('pages', () => {
  const many = (owner: string, size: number): Version[] =>
    Array.from({ length: 3_000 }, (_, index) => ({
      owner,
      kind: 'name',
      key: `key-${index}`,
      time: 1,
      payload: new Uint8Array(size),
      age: undefined,
    }));

  it('cuts an owner of many records into ranges that touch', () => {
    const pages = [
      ...statePages(SENDER, ['a', 'b'], (owner) => (owner === 'a' ? many(owner, 300) : [])),
    ];
    const states = pages.flatMap((page) => decodeEnvelope(page)?.states ?? []);
    expect(states.flatMap(({ versions }) => versions)).toHaveLength(3_000);
    const [first, ...others] = states;
    expect(first?.after).toBe('');
    for (const [index, { after }] of others.entries())
      expect(after).toBe(states[index]?.upto ?? '');
    expect(states.filter(({ upto }) => upto === undefined).map(({ owner }) => owner)).toEqual([
      'a',
      'b',
    ]);
    for (const page of pages) expect(page.length).toBeLessThan(ENVELOPE_LIMIT / 2);
  });

  it('names every owner once, and ends open', () => {
    const owners = Array.from({ length: 9_000 }, (_, index) => `${index}`.padStart(60, 'x'));
    const pages = [
      ...ownerPages(
        SENDER,
        owners.map((owner) => [owner, { high: 1, low: 2 }]),
      ),
    ];
    expect(pages.length).toBeGreaterThan(1);
    const decoded = pages.map((page) => decodeEnvelope(page)?.owners);
    expect(decoded.flatMap((page) => [...(page?.owners.keys() ?? [])])).toEqual(owners.sort());
    expect(decoded.at(-1)?.upto).toBeUndefined();
    expect([...ownerPages(SENDER, [])]).toHaveLength(1);
  });

  it('sends nothing where there is nothing to tell', () => {
    expect([...versionPages(SENDER, [])]).toEqual([]);
    expect([...statePages(SENDER, [], () => [])]).toEqual([]);
  });
});
