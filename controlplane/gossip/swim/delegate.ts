/** What the SWIM core asks of the layer above it. Every call is synchronous and must not call back for more. */
import type { Member } from './member.ts';

export interface Delegate {
  /** Our own meta, at most META_LIMIT bytes. */
  meta(): Uint8Array;
  /** What our acks carry; NIL_BYTES for nothing. */
  ackPayload(): Uint8Array;
  /** A direct ping by packet was answered after `rtt` ms. */
  acked(member: Member, rtt: number, payload: Uint8Array): void;
  /** A user message, by packet or stream; the same one may come many times. */
  user(payload: Uint8Array): void;
  /**
   * User messages for this member, each as encodeMessage gives it, that together fit `room` bytes, each with
   * PART_OVERHEAD around it. Taking counts as sending.
   */
  broadcasts(room: number, to: Member): readonly Uint8Array[];
  /** The user state of a push/pull; empty for none. */
  localState(join: boolean): Uint8Array;
  mergeState(state: Uint8Array, join: boolean): void;
  /** New, or back from dead or left. */
  joined(member: Member): void;
  /** Dead or left: see its state. */
  left(member: Member): void;
  /** Its meta is another. */
  updated(member: Member): void;
  /** Forgotten: it was dead or left for long. */
  reaped(member: Member): void;
  /** Somebody else uses the name of `member`, from another address. */
  conflict(member: Member, other: Member): void;
}
