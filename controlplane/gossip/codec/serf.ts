/**
 * What Serf's agents say to each other, inside memberlist's user messages (and the user state of a push/pull, and
 * the payloads of Serf's own queries). Fields are in the order of Go's declarations. Who passes a message on sends
 * the bytes that came and does not encode it anew: it may have fields that we do not know.
 */
import {
  ADDRESS_LIMIT,
  EVENT_SLOTS_LIMIT,
  KEY_LIMIT,
  NODES_LIMIT,
  PACKET_LIMIT,
  SMALL_LIST_LIMIT,
  TEXT_LIMIT,
} from './limits.ts';
import { attempt, type Result } from './refusal.ts';
import {
  bool,
  bytes,
  field,
  i64,
  int,
  list,
  mapOf,
  pointer,
  readValue,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
  type Type,
  type ValueOf,
} from './schema.ts';
import { remainder, tagged, type TaggedOf } from './tagged.ts';

const address = bytes(ADDRESS_LIMIT);
const payload = bytes(PACKET_LIMIT);
/** Lamport times. */
const lTime = field('LTime', u64);

const LEAVE = struct({ lTime, node: field('Node', text()), prune: field('Prune', bool) });

const JOIN = struct({ lTime, node: field('Node', text()) });

/** What happened at one Lamport time. */
const EVENT_SLOT = struct({
  lTime,
  events: field(
    'Events',
    list(struct({ name: field('Name', text()), payload: field('Payload', payload) }), {
      limit: EVENT_SLOTS_LIMIT,
    }),
  ),
});

const PUSH_PULL = struct({
  lTime,
  /** Of every member, when it last joined or left; in the order of arrival. */
  statusLTimes: field('StatusLTimes', mapOf(u64, { limit: NODES_LIMIT })),
  leftMembers: field('LeftMembers', list(text(), { limit: NODES_LIMIT })),
  eventLTime: field('EventLTime', u64),
  /** The ring of recent events, slot `lTime mod size`; undefined where nothing is. */
  events: field('Events', list(pointer(EVENT_SLOT), { limit: EVENT_SLOTS_LIMIT })),
  queryLTime: field('QueryLTime', u64),
});

const USER_EVENT = struct({
  lTime,
  name: field('Name', text()),
  payload: field('Payload', payload),
  /** Whether events of this name may be put together. */
  cc: field('CC', bool),
});

const QUERY = struct({
  lTime,
  id: field('ID', u32),
  /** Whom to answer. */
  addr: field('Addr', address),
  port: field('Port', u16),
  sourceNode: field('SourceNode', text()),
  /** See filters.ts. */
  filters: field('Filters', list(bytes(PACKET_LIMIT), { limit: SMALL_LIST_LIMIT, empty: 'nil' })),
  flags: field('Flags', u32),
  relayFactor: field('RelayFactor', u8),
  /** In nanoseconds. */
  timeout: field('Timeout', i64),
  name: field('Name', text()),
  payload: field('Payload', payload),
});

/** Bits of a query's flags; a response has the first when it is an acknowledgement. */
export const QUERY_ACK = 1;
export const QUERY_NO_BROADCAST = 2;

const QUERY_RESPONSE = struct({
  lTime,
  id: field('ID', u32),
  from: field('From', text()),
  flags: field('Flags', u32),
  payload: field('Payload', payload),
});

const MEMBER = struct({
  name: field('Name', text()),
  addr: field('Addr', address),
  port: field('Port', u16),
  tags: field('Tags', mapOf(text(), { limit: SMALL_LIST_LIMIT })),
  /** 0 none, 1 alive, 2 leaving, 3 left, 4 failed. */
  status: field('Status', int),
  protocolMin: field('ProtocolMin', u8),
  protocolMax: field('ProtocolMax', u8),
  protocolCur: field('ProtocolCur', u8),
  delegateMin: field('DelegateMin', u8),
  delegateMax: field('DelegateMax', u8),
  delegateCur: field('DelegateCur', u8),
});

const KEY_RESPONSE = struct({
  result: field('Result', bool),
  message: field('Message', text(TEXT_LIMIT)),
  /** In base64. */
  keys: field('Keys', list(text(), { limit: SMALL_LIST_LIMIT, empty: 'nil' })),
  primaryKey: field('PrimaryKey', text()),
});

const RELAY_HEADER = struct({
  destAddr: field(
    'DestAddr',
    struct({ ip: field('IP', address), port: field('Port', int), zone: field('Zone', text()) }),
  ),
  destName: field('DestName', text()),
});

const KINDS = {
  leave: [0, LEAVE],
  join: [1, JOIN],
  pushPull: [2, PUSH_PULL],
  userEvent: [3, USER_EVENT],
  query: [4, QUERY],
  queryResponse: [5, QUERY_RESPONSE],
  /** The answer to `_serf_conflict`; without a member where it is not known. */
  conflictResponse: [6, only('member', pointer(MEMBER))],
  /** The payload of `_serf_install-key` and its like; no key for `_serf_list-keys`. */
  keyRequest: [7, struct({ key: field('Key', bytes(KEY_LIMIT)) })],
  keyResponse: [8, KEY_RESPONSE],
  /** A whole message, type byte and body, to be sent on to somebody. */
  relay: [9, both(RELAY_HEADER, remainder('message', PACKET_LIMIT))],
} as const;

export type SerfMessage = TaggedOf<typeof KINDS>;
export type SerfMember = ValueOf<typeof MEMBER>;
export type EventSlot = ValueOf<typeof EVENT_SLOT>;

const SERF = tagged(KINDS);

/** Type byte and body: the payload of a user message. Throws a RangeError for a value out of bounds. */
export const encodeSerf = SERF.encode;

export function decodeSerf(message: Uint8Array): Result<SerfMessage> {
  return attempt(() => SERF.read(message));
}

/** A value that is not a struct by itself, under a name. */
function only<N extends string, T>(name: N, type: Type<T>): Type<Readonly<Record<N, T>>> {
  return {
    zero: { [name]: type.zero } as Record<N, T>,
    write: (writer, value) => type.write(writer, value[name]),
    read: (reader) => ({ [name]: readValue(type, reader) }) as Record<N, T>,
  };
}

/** One after the other. */
function both<A, B>(first: Type<A>, second: Type<B>): Type<A & B> {
  return {
    zero: { ...first.zero, ...second.zero },
    write(writer, value) {
      first.write(writer, value);
      second.write(writer, value);
    },
    read: (reader) => ({ ...readValue(first, reader), ...second.read(reader) }),
  };
}
