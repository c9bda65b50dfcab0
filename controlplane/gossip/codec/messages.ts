/** What memberlist's members say to each other by packet. Fields are in the order of Go's declarations. */
import {
  ADDRESS_LIMIT,
  EXPANDED_LIMIT,
  FIELDS_LIMIT,
  META_LIMIT,
  PACKET_LIMIT,
  VERSIONS_LIMIT,
} from './limits.ts';
import { attempt, type Result } from './refusal.ts';
import { bool, bytes, field, optional, struct, text, u16, u32, type ValueOf } from './schema.ts';
import { remainder, tagged, type TaggedOf } from './tagged.ts';

/** First bytes of layers that are no messages of their own. */
export const COMPOUND = 7;
export const COMPRESS = 9;
export const ENCRYPT = 10;
export const CRC = 12;
export const LABEL = 244;

/** Opaque: a v4 address may come in 4 bytes or in 16, and goes on as it came. */
export const address = bytes(ADDRESS_LIMIT);
export const meta = bytes(META_LIMIT);
/** PMin, PMax, PCur of memberlist's protocol, DMin, DMax, DCur of the application's. */
export const versions = bytes(VERSIONS_LIMIT);

/** Where to answer to; missing from old members, whose packet's source it is then. */
const source = {
  sourceAddr: optional('SourceAddr', address),
  sourcePort: optional('SourcePort', u16),
  sourceNode: optional('SourceNode', text()),
};

export const PING = struct({
  seqNo: field('SeqNo', u32),
  /** Who is meant; empty: whoever gets it. */
  node: field('Node', text()),
  ...source,
});

const INDIRECT_PING = struct({
  seqNo: field('SeqNo', u32),
  target: field('Target', address),
  /** 0: the port of whoever is asked. */
  port: field('Port', u16),
  node: field('Node', text()),
  /** Whether to say so when the target does not answer. */
  nack: field('Nack', bool),
  ...source,
});

export const ACK = struct({
  seqNo: field('SeqNo', u32),
  payload: field('Payload', bytes(PACKET_LIMIT)),
});

const NACK = struct({ seqNo: field('SeqNo', u32) });

const ALIVE = struct({
  incarnation: field('Incarnation', u32),
  node: field('Node', text()),
  addr: field('Addr', address),
  port: field('Port', u16),
  meta: field('Meta', meta),
  vsn: field('Vsn', versions),
});

/** For a suspect and a dead node. A dead one that says so itself (`from` is `node`) has left. */
const ACCUSATION = struct({
  incarnation: field('Incarnation', u32),
  node: field('Node', text()),
  from: field('From', text()),
});

const KINDS = {
  ping: [0, PING],
  indirectPing: [1, INDIRECT_PING],
  ack: [2, ACK],
  suspect: [3, ACCUSATION],
  alive: [4, ALIVE],
  dead: [5, ACCUSATION],
  user: [8, remainder('payload', EXPANDED_LIMIT)],
  nack: [11, NACK],
} as const;

export type Message = TaggedOf<typeof KINDS>;
export type Ping = ValueOf<typeof PING>;
export type Ack = ValueOf<typeof ACK>;

const MESSAGES = tagged(KINDS, FIELDS_LIMIT);

/** A message as it is put into packets. Throws a RangeError for a value out of bounds. */
export const encodeMessage = MESSAGES.encode;

/** Throws a Refused. */
export const readMessage = MESSAGES.read;

/** One bare message: no compound, no other layer. */
export function decodeMessage(message: Uint8Array): Result<Message> {
  return attempt(() => readMessage(message));
}
