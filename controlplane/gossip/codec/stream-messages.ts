/** What members say to each other by stream: one message each way. */
import { ACK, address, meta, PING, versions, type Ack, type Ping } from './messages.ts';
import { NODES_LIMIT, STREAM_PART_LIMIT, TEXT_LIMIT } from './limits.ts';
import { Refused } from './refusal.ts';
import {
  bool,
  count,
  field,
  int,
  readValue,
  struct,
  text,
  u16,
  u32,
  type Type,
  type ValueOf,
} from './schema.ts';
import type { Source, Steps } from './stepwise.ts';
import { Writer } from './writer.ts';

const NUMBERS = { ping: 0, ack: 2, pushPull: 6, user: 8, err: 13 } as const;

const PUSH_PULL_HEADER = struct({
  nodes: field('Nodes', count(NODES_LIMIT)),
  userStateLen: field('UserStateLen', count(STREAM_PART_LIMIT)),
  join: field('Join', bool),
});

const NODE_RECORD = struct({
  name: field('Name', text()),
  addr: field('Addr', address),
  port: field('Port', u16),
  meta: field('Meta', meta),
  incarnation: field('Incarnation', u32),
  /** 0 alive, 1 suspect, 2 dead, 3 left. */
  state: field('State', int),
  vsn: field('Vsn', versions),
});

const USER_HEADER = struct({ userMsgLen: field('UserMsgLen', count(STREAM_PART_LIMIT)) });

const ERR = struct({ error: field('Error', text(TEXT_LIMIT)) });

export type NodeRecord = ValueOf<typeof NODE_RECORD>;

export interface PushPull {
  /** Whether this is the first exchange of one who joins; an answer repeats the question's. */
  readonly join: boolean;
  readonly nodes: readonly NodeRecord[];
  /** The application's, may be empty. */
  readonly userState: Uint8Array;
}

export type StreamMessage =
  | ({ readonly kind: 'ping' } & Ping)
  | ({ readonly kind: 'ack' } & Ack)
  | ({ readonly kind: 'pushPull' } & PushPull)
  | { readonly kind: 'user'; readonly payload: Uint8Array }
  /** Why the other side did not take what we sent. */
  | { readonly kind: 'err'; readonly error: string };

/** The message without any layer. Throws a RangeError for a value out of bounds. */
export function encodeStreamMessage(message: StreamMessage): Uint8Array {
  const writer = new Writer();
  writer.u8(NUMBERS[message.kind]);
  switch (message.kind) {
    case 'ping':
      PING.write(writer, message);
      break;
    case 'ack':
      ACK.write(writer, message);
      break;
    case 'pushPull':
      writePushPull(writer, message);
      break;
    case 'user':
      if (message.payload.length === 0) throw new RangeError('an empty user message');
      USER_HEADER.write(writer, { userMsgLen: message.payload.length });
      writer.raw(message.payload);
      break;
    case 'err':
      ERR.write(writer, message);
      break;
  }
  return writer.bytes();
}

function writePushPull(writer: Writer, { join, nodes, userState }: PushPull): void {
  const userStateLen = userState.length;
  PUSH_PULL_HEADER.write(writer, { join, nodes: nodes.length, userStateLen });
  for (const node of nodes) NODE_RECORD.write(writer, node);
  writer.raw(userState);
}

/** What follows the byte that says which message it is. */
export function* readStreamBody(source: Source, number: number): Steps<StreamMessage> {
  switch (number) {
    case NUMBERS.ping:
      return { kind: 'ping', ...(yield* valueOf(source, PING)) };
    case NUMBERS.ack:
      return { kind: 'ack', ...(yield* valueOf(source, ACK)) };
    case NUMBERS.pushPull:
      return yield* readPushPull(source);
    case NUMBERS.user:
      return yield* readUser(source);
    case NUMBERS.err:
      return { kind: 'err', ...(yield* valueOf(source, ERR)) };
    default:
      throw new Refused('unknown-type', `stream with a message of type ${number}`);
  }
}

function* readPushPull(source: Source): Steps<StreamMessage> {
  const header = yield* valueOf(source, PUSH_PULL_HEADER);
  const nodes: NodeRecord[] = [];
  while (nodes.length < header.nodes) nodes.push(yield* valueOf(source, NODE_RECORD));
  const userState = yield* source.step((reader) => reader.raw(header.userStateLen));
  return { kind: 'pushPull', join: header.join, nodes, userState };
}

function* readUser(source: Source): Steps<StreamMessage> {
  const { userMsgLen } = yield* valueOf(source, USER_HEADER);
  if (userMsgLen === 0) throw new Refused('empty', 'a user message without a byte');
  const payload = yield* source.step((reader) => reader.raw(userMsgLen));
  return { kind: 'user', payload };
}

export function valueOf<T>(source: Source, type: Type<T>): Steps<T> {
  return source.step((reader) => readValue(type, reader));
}
