/**
 * The door of the record protocol: bytes ↔ what is said. Whatever bytes come, nothing is thrown: they are an
 * envelope or none, and in an envelope what does not hold is left out and counted.
 */
import protobuf from 'protobufjs/minimal.js';
import type { Endpoint } from '../effects.ts';
import type { Fingerprint } from './fingerprint.ts';
import { weft } from './generated/gossip.js';
import { KIND, RECORD_LIMIT, TIME_LIMIT, type Version } from './record.ts';

const { v1 } = weft;
type WireRecord = weft.v1.GossipRecord;

/** First byte of a user message of weft's. */
export const TYPE = 0x77;
/** Bytes of a page: a message of an exchange, where one thing alone is not larger. */
export const PAGE = 256 * 1024;
/** Bytes of an envelope that we read. What is read takes up to a hundred times as much memory for a moment. */
export const ENVELOPE_LIMIT = 2 * PAGE;
/** UTF-16 units of a member's name. */
const NAME_LIMIT = 255;
/** Identity of a record as text: a kind, a separator, a key. */
const ID_LIMIT = RECORD_LIMIT;
/** What of an envelope a record has around it, and more: its fields' tags, lengths, time and age. */
const RECORD_OVERHEAD = 40;

export interface Host extends Endpoint {
  readonly name: string;
}

/** What lies above `after`, up to `upto` inclusive; undefined: to the end. */
export interface Range {
  readonly after: string;
  readonly upto: string | undefined;
}

export interface OwnerPage extends Range {
  readonly owners: ReadonlyMap<string, Fingerprint>;
}

export interface OwnerState extends Range {
  readonly owner: string;
  readonly versions: readonly Version[];
}

export interface Envelope {
  readonly versions: readonly Version[];
  readonly sender: Host | undefined;
  readonly all: Fingerprint | undefined;
  readonly owners: OwnerPage | undefined;
  readonly states: readonly OwnerState[];
  /** How many parts of it were left out. */
  readonly refused: number;
}

/** What can be said; the rest is empty. */
export type Saying = Partial<Omit<Envelope, 'refused'>>;

export function isWithin({ after, upto }: Range, name: string): boolean {
  return name > after && (upto === undefined || name <= upto);
}

/** Bytes that a record takes in an envelope, its owner with it; never too few by much, and cheap. */
export function roomOf({ owner, kind, key, payload }: Version): number {
  return RECORD_OVERHEAD + owner.length + kind.length + 3 * key.length + payload.length;
}

/** One after the other, such envelopes are one with the records of all. */
export function encodeVersion(version: Version): Uint8Array {
  return v1.Envelope.encode({ records: [toWire(version, version.owner)] }).finish();
}

/** A user message: TYPE, then envelopes. */
export function userMessage(envelopes: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(TYPE), ...envelopes]);
}

export function encodeEnvelope(saying: Saying): Uint8Array {
  const { versions = [], sender, all, owners, states = [] } = saying;
  const envelope: weft.v1.Envelope.$Properties = {
    records: versions.map((version) => toWire(version, version.owner)),
    states: states.map(({ owner, after, upto, versions: ofOwner }) => ({
      owner,
      after,
      ...(upto === undefined ? {} : { upto }),
      records: ofOwner.map((version) => toWire(version, '')),
    })),
  };
  if (sender !== undefined) envelope.sender = sender;
  if (all !== undefined) envelope.all = all;
  if (owners !== undefined) {
    const { after, upto } = owners;
    const digests = Array.from(owners.owners, ([owner, fingerprint]) => ({ owner, fingerprint }));
    envelope.owners = { after, ...(upto === undefined ? {} : { upto }), owners: digests };
  }
  return v1.Envelope.encode(envelope).finish();
}

/** Undefined if it cannot be read at all. Payloads and addresses are views into `bytes`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.length > ENVELOPE_LIMIT) return undefined;
  try {
    return envelopeOf(v1.Envelope.decode(protobuf.Reader.create(bytes)));
  } catch {
    // protobufjs throws Errors and RangeErrors of its own for anything malformed; we throw none.
    return undefined;
  }
}

function envelopeOf(wire: weft.v1.Envelope): Envelope {
  let refused = 0;
  const valid = <T>(part: T | undefined): part is T => {
    if (part === undefined) refused++;
    return part !== undefined;
  };
  const versionsOf = (records: readonly WireRecord[], owner?: string): Version[] =>
    records.map((record) => fromWire(record, owner ?? record.owner)).filter(valid);
  const states = wire.states
    .map(({ owner, after, upto, records }) =>
      isName(owner) && isRange(after, upto)
        ? { owner, after, upto: upto ?? undefined, versions: versionsOf(records, owner) }
        : undefined,
    )
    .filter(valid);
  const sender = wire.sender === null ? undefined : hostOf(wire.sender);
  if (wire.sender !== null && sender === undefined) refused++;
  const owners = wire.owners === null ? undefined : ownerPageOf(wire.owners);
  if (wire.owners !== null && owners === undefined) refused++;
  const all = wire.all === null ? undefined : fingerprintOf(wire.all);
  return { versions: versionsOf(wire.records), sender, all, owners, states, refused };
}

function toWire({ kind, key, time, payload, age }: Version, owner: string): WireRecord {
  const record = { owner, kind, key, time, payload, deleted: age !== undefined, age: age ?? 0 };
  // The writer takes numbers for 64-bit fields, and leaves nothing out that is set; only the types do not say so.
  return v1.GossipRecord.create(record as unknown as WireRecord);
}

function fromWire(wire: WireRecord, owner: string): Version | undefined {
  const { kind, key, payload, deleted, age } = wire;
  const time = wire.time.toNumber();
  const isGood =
    isName(owner) &&
    KIND.test(kind) &&
    key.length <= ID_LIMIT &&
    time > 0 &&
    time < TIME_LIMIT &&
    payload.length <= RECORD_LIMIT &&
    (!deleted || payload.length === 0);
  return isGood ? { owner, kind, key, time, payload, age: deleted ? age : undefined } : undefined;
}

function ownerPageOf({ after, upto, owners }: weft.v1.OwnerPage): OwnerPage | undefined {
  if (!isRange(after, upto)) return undefined;
  const digests = new Map<string, Fingerprint>();
  for (const { owner, fingerprint } of owners) {
    if (!isName(owner) || fingerprint === null) return undefined;
    digests.set(owner, fingerprintOf(fingerprint));
  }
  return { after, upto: upto ?? undefined, owners: digests };
}

function fingerprintOf({ high, low }: weft.v1.Fingerprint): Fingerprint {
  return { high, low };
}

function hostOf({ name, addr, port }: weft.v1.GossipHost): Host | undefined {
  const isGood = isName(name) && [4, 16].includes(addr.length) && port > 0 && port < 65_536;
  return isGood ? { name, addr: Uint8Array.from(addr), port } : undefined;
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= NAME_LIMIT;
}

function isRange(after: string, upto: string | null): boolean {
  return after.length <= ID_LIMIT + 33 && (upto === null || upto.length <= ID_LIMIT + 33);
}
