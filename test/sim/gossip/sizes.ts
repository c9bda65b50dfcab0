/** Bytes on the wire without encoding: plain, uncompressed. */
import {
  META_LIMIT,
  PART_OVERHEAD,
  type NodeRecord,
  type StreamMessage,
} from '../../../controlplane/gossip/codec/index.ts';

/** The most memberlist puts into a packet, and the CRC that it does not count (specification §6.2). */
export const PACKET_BOUND = 1_405;
const COMPOUND_OVERHEAD = 2;
const CRC_OVERHEAD = 5;
/** Of a node record's map: its head, its keys, and the bytes before its values, at their longest. */
const RECORD_OVERHEAD = 70;
/** Of a push/pull: its type and its head. */
const PUSH_PULL_OVERHEAD = 40;
const SMALL_MESSAGE = 100;

export function packetBytes(parts: readonly Uint8Array[], crc: boolean): number {
  let bytes = crc ? CRC_OVERHEAD : 0;
  if (parts.length > 1) bytes += COMPOUND_OVERHEAD;
  for (const { length } of parts) bytes += parts.length > 1 ? length + PART_OVERHEAD : length;
  return bytes;
}

/** At most; too many by some bytes for each record. */
export function streamBytes(message: StreamMessage): number {
  switch (message.kind) {
    case 'pushPull':
      return message.nodes.reduce(
        (sum, node) => sum + recordBytes(node),
        PUSH_PULL_OVERHEAD + message.userState.length,
      );
    case 'user':
      return SMALL_MESSAGE + message.payload.length;
    case 'ping':
    case 'ack':
    case 'err':
      return SMALL_MESSAGE;
  }
}

function recordBytes({ name, addr, meta, vsn }: NodeRecord): number {
  return (
    RECORD_OVERHEAD + name.length + addr.length + Math.min(meta.length, META_LIMIT) + vsn.length
  );
}
