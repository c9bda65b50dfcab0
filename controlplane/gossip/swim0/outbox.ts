/** Puts packets together: what is to be said, and what else there is to tell in the room that is left (§6). */
import { encodeMessage, PART_OVERHEAD, type Message } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Context } from './context.ts';
import type { Member } from '../swim/member.ts';

/** Bytes of a datagram, without a CRC (memberlist's UDPBufferSize). */
export const PACKET_BUDGET = 1_400;
/** From this protocol on members understand a CRC. */
const CRC_VERSION = 5;
/** Less room than this is not worth asking the delegate for. */
const SMALLEST_ROOM = 4;

export class Outbox {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** A message with broadcasts beside it; without a CRC, as memberlist sends these. */
  direct(to: Endpoint, message: Message, member: Member | undefined): void {
    const part = encodeMessage(message);
    const room = this.#room() - part.length - PART_OVERHEAD;
    this.#context.emit({
      kind: 'packet',
      to: endpointOf(to),
      parts: [part, ...this.#broadcasts(room, member)],
      crc: false,
    });
  }

  /** Just these messages. */
  exactly(to: Member, messages: readonly Message[]): void {
    this.#send(to, messages.map(encodeMessage));
  }

  /** A user message, to a member or just to an address. */
  user(to: Member | Endpoint, payload: Uint8Array): void {
    const part = encodeMessage({ kind: 'user', payload });
    if ('vsn' in to) this.#send(to, [part]);
    else this.#context.emit({ kind: 'packet', to: endpointOf(to), parts: [part], crc: false });
  }

  /** Whether there was anything to tell. */
  gossip(to: Member): boolean {
    const parts = this.#broadcasts(this.#room(), to);
    if (parts.length === 0) return false;
    this.#context.counts.gossipPackets++;
    this.#send(to, parts);
    return true;
  }

  #send(to: Member, parts: readonly Uint8Array[]): void {
    const crc = protocolMax(to) >= CRC_VERSION;
    this.#context.emit({ kind: 'packet', to: endpointOf(to), parts, crc });
  }

  #room(): number {
    return PACKET_BUDGET - this.#context.overhead();
  }

  #broadcasts(room: number, to: Member | undefined): Uint8Array[] {
    const parts = this.#context.queue.take(room);
    if (to === undefined) return parts;
    const left = parts.reduce((rest, part) => rest - part.length - PART_OVERHEAD, room);
    if (left >= SMALLEST_ROOM) parts.push(...this.#context.delegate.broadcasts(left, to));
    return parts;
  }
}

/** The newest protocol that a member understands. */
export function protocolMax({ vsn }: Member): number {
  return vsn[1] ?? 0;
}

/** Apart from the record, which may change before the packet is on its way. */
export function endpointOf({ addr, port }: Endpoint): Endpoint {
  return { addr, port };
}
