/** What the pure parts of gossip ask of the world. They have no other way out than `Emit`. */
import type { StreamMessage } from './codec/index.ts';

/** Where a member listens, by packet and by stream. */
export interface Endpoint {
  /** As it came, 4 or 16 bytes: a v4 address in 16 bytes is another address to memberlist. */
  readonly addr: Uint8Array;
  readonly port: number;
}

/** One datagram of messages as encodeMessage gives them; whoever sends it adds the other layers. */
export interface SendPacket {
  readonly kind: 'packet';
  readonly to: Endpoint;
  readonly parts: readonly Uint8Array[];
  /** Whether the receiver is known to understand a CRC. */
  readonly crc: boolean;
}

/** A connection of its own for one message, and for its answer where one is wanted. */
export interface Dial {
  readonly kind: 'dial';
  /** Comes back with what became of it, exactly once: `answered` or `failed`. */
  readonly id: number;
  readonly to: Endpoint;
  readonly message: StreamMessage;
  /** Whether to wait for an answer; without, it is answered by `undefined` when everything was written. */
  readonly answer: boolean;
  /** For the whole exchange, in ms. */
  readonly timeout: number;
}

export type Effect = SendPacket | Dial;
export type Emit = (effect: Effect) => void;
