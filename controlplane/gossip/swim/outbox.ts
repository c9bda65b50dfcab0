/** What goes out: packets, filled up with what everybody is to know (specification §6), and streams. */
import {
  COMPOUND_LIMIT,
  encodeMessage,
  PART_OVERHEAD,
  type Message,
  type StreamMessage,
} from '../codec/index.ts';
import type { Emit, Endpoint } from '../effects.ts';
import type { BroadcastQueue } from '../queue.ts';
import type { Delegate } from './delegate.ts';
import type { MemberRecord } from './members.ts';

/** Bytes of a packet, without the CRC (memberlist's UDPBufferSize). */
const PACKET_SIZE = 1_400;
/** A user message has at least a byte besides its type and its length. */
const USER_MIN = 4;
/** From this version of the protocol on a CRC is understood. */
const CRC_PROTOCOL = 5;
/** Streams under way. At the bound a new one fails at once. */
const DIALS_LIMIT = 256;

/** Exactly one of both, or neither: written, and no answer wanted. */
export type Answered = (message: StreamMessage | undefined, problem: string | undefined) => void;

export interface OutboxOptions {
  readonly emit: Emit;
  /** Bytes around the messages of a packet. */
  readonly overhead: () => number;
  readonly queue: BroadcastQueue;
  readonly delegate: Delegate;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #dials = new Map<number, Answered>();
  #lastDial = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** With as much of what is queued as fits. `member`: who that is, if we know. */
  send(to: Endpoint, message: Message, member: MemberRecord | undefined): void {
    const part = encodeMessage(message);
    const room = this.#room() - part.length - PART_OVERHEAD;
    this.#emit(to, [part, ...this.#gather(room, member)], false);
  }

  /** These and nothing else, to a member that we know. */
  sendBare(to: MemberRecord, messages: readonly Message[]): void {
    this.#emit(
      to,
      messages.map((message) => encodeMessage(message)),
      hasCrc(to),
    );
  }

  /** To an address of which we do not know who is there. */
  sendTo(to: Endpoint, message: Message): void {
    this.#emit(to, [encodeMessage(message)], false);
  }

  /** Whether a packet of gossip has room for it. */
  fits({ length }: Uint8Array): boolean {
    return length + PART_OVERHEAD <= this.#room();
  }

  /** A packet of what is queued. How many packets: 0 when there is nothing to tell. */
  gossip(to: MemberRecord): number {
    const parts = this.#gather(this.#room(), to);
    this.#emit(to, parts, hasCrc(to));
    return Math.ceil(parts.length / COMPOUND_LIMIT);
  }

  /** `timeout` in ms, for the whole exchange. */
  dial(
    to: Endpoint,
    message: StreamMessage,
    { answer, timeout }: { answer: boolean; timeout: number },
    answered: Answered,
  ): void {
    if (this.#dials.size >= DIALS_LIMIT)
      return answered(undefined, `${DIALS_LIMIT} streams are under way: try again later`);
    const id = ++this.#lastDial;
    this.#dials.set(id, answered);
    this.#options.emit({ kind: 'dial', id, to: endpointOf(to), message, answer, timeout });
  }

  answered(id: number, message: StreamMessage | undefined): void {
    this.#take(id)?.(message, undefined);
  }

  failed(id: number, problem: string): void {
    this.#take(id)?.(undefined, problem);
  }

  #take(id: number): Answered | undefined {
    const answered = this.#dials.get(id);
    this.#dials.delete(id);
    return answered;
  }

  #emit(to: Endpoint, parts: readonly Uint8Array[], crc: boolean): void {
    for (let at = 0; at < parts.length; at += COMPOUND_LIMIT) {
      const some = parts.slice(at, at + COMPOUND_LIMIT);
      this.#options.emit({ kind: 'packet', to: endpointOf(to), parts: some, crc });
    }
  }

  #room(): number {
    return PACKET_SIZE - this.#options.overhead();
  }

  #gather(room: number, to: MemberRecord | undefined): Uint8Array[] {
    const { queue, delegate } = this.#options;
    const parts = queue.take(room);
    let left = room;
    for (const { length } of parts) left -= length + PART_OVERHEAD;
    if (to !== undefined && left >= USER_MIN) parts.push(...delegate.broadcasts(left, to));
    return parts;
  }
}

function hasCrc({ protocolMax }: MemberRecord): boolean {
  return protocolMax >= CRC_PROTOCOL;
}

/** A record may change while the effect is under way. */
function endpointOf({ addr, port }: Endpoint): Endpoint {
  return { addr, port };
}
