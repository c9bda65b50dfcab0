/** Face of the wire codec: bytes of packets and streams ↔ messages. Pure; nothing here throws on bytes it is given. */
export { encodeMessage, decodeMessage, type Message } from './messages.ts';
export {
  decodePacket,
  encodePacket,
  encodePing,
  packetOverhead,
  type Packet,
  type Wrapping,
} from './packet.ts';
export { encodeStream, StreamReader, type StreamProgress } from './stream.ts';
export type { NodeRecord, PushPull, StreamMessage } from './stream-messages.ts';
export {
  decodeSerf,
  encodeSerf,
  QUERY_ACK,
  QUERY_NO_BROADCAST,
  type EventSlot,
  type SerfMember,
  type SerfMessage,
} from './serf.ts';
export { decodeFilter, encodeFilter } from './filters.ts';
export { decodeTags, encodeTags, type Tags } from './tags.ts';
export { decodeCoordinate, DIMENSIONS, encodeCoordinate, type Coordinate } from './coordinate.ts';
export { addKey, removeKey, useKey, type Keyring } from './keyring.ts';
export { NIL_BYTES } from './reader.ts';
export { COMPOUND_LIMIT, LABEL_LIMIT, META_LIMIT } from './limits.ts';
export { PART_OVERHEAD } from './compound.ts';
export type { Reason, Refusal } from './refusal.ts';
