/** What the SWIM core asks of the Serf layer: reads Serf's messages and hands each to the part that it is about. */
import {
  decodeCoordinate,
  decodeSerf,
  encodeCoordinate,
  PART_OVERHEAD,
  type Coordinate,
  type Reason,
  type SerfMessage,
} from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Delegate, Member } from '../swim/index.ts';
import { isSameEndpoint } from './addresses.ts';
import type { Asking } from './asking.ts';
import type { Broadcasts } from './broadcasts.ts';
import type { Conflicts } from './conflict.ts';
import { localState, mergeState, type ExchangeParts } from './exchange.ts';
import type { Extension } from './face.ts';
import type { Coordinates } from './vivaldi.ts';

/** Members with this tag are weft's. */
export const WEFT_TAG = 'weft';

export interface InboxParts extends ExchangeParts {
  readonly asking: Asking;
  readonly broadcasts: Broadcasts;
  readonly coordinates: Coordinates;
  readonly conflicts: Conflicts;
  readonly extension: Extension | undefined;
  /** Our meta. */
  readonly meta: () => Uint8Array;
  /** Whether we join somewhere where what has happened before does not concern us. */
  readonly ignoreEvents: () => boolean;
  readonly send: (to: Endpoint, payload: Uint8Array) => void;
}

export class Inbox implements Delegate {
  readonly #parts: InboxParts;
  readonly #refused: Partial<Record<Reason, number>> = {};
  /** Our own place, encoded, and which one that was. */
  #ack: { readonly place: Coordinate; readonly payload: Uint8Array } | undefined;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /** What did not parse, by reason. */
  get refused(): Readonly<Partial<Record<Reason, number>>> {
    return this.#refused;
  }

  meta(): Uint8Array {
    return this.#parts.meta();
  }

  ackPayload(): Uint8Array {
    const { own } = this.#parts.coordinates;
    if (this.#ack?.place !== own) this.#ack = { place: own, payload: encodeCoordinate(own) };
    return this.#ack.payload;
  }

  acked({ name }: Member, rtt: number, payload: Uint8Array): void {
    // memberlist's own acks have none.
    if (payload.length === 0) return;
    const place = decodeCoordinate(payload);
    if (!place.ok) this.#refuse(place.reason);
    else if (!this.#parts.coordinates.observe(name, place.value, rtt)) this.#refuse('malformed');
  }

  user(payload: Uint8Array): void {
    const { extension } = this.#parts;
    if (extension !== undefined && payload[0] === extension.type) return extension.user(payload);
    const message = decodeSerf(payload);
    if (message.ok) this.#take(message.value, payload);
    else this.#refuse(message.reason);
  }

  broadcasts(room: number, to: Member): readonly Uint8Array[] {
    const { broadcasts, extension, members } = this.#parts;
    const ours = broadcasts.take(room);
    if (extension === undefined || members.get(to.name)?.tags.has(WEFT_TAG) !== true) return ours;
    const taken = ours.reduce((sum, { length }) => sum + length + PART_OVERHEAD, 0);
    const theirs = extension.broadcasts(room - taken, to);
    return theirs.length === 0 ? ours : [...ours, ...theirs];
  }

  localState(): Uint8Array {
    return localState(this.#parts);
  }

  mergeState(state: Uint8Array, join: boolean): void {
    const message = decodeSerf(state);
    if (!message.ok) return this.#refuse(message.reason);
    if (message.value.kind !== 'pushPull') return this.#refuse('malformed');
    mergeState(message.value, this.#parts, join && this.#parts.ignoreEvents());
  }

  joined(member: Member): void {
    this.#parts.members.joined(member);
  }

  left(member: Member): void {
    this.#parts.members.left(member);
  }

  updated(member: Member): void {
    this.#parts.members.updated(member);
  }

  /** Serf keeps it for longer. */
  reaped(): void {}

  conflict({ name }: Member, other: Member): void {
    this.#parts.conflicts.heard(name, other);
  }

  #take(message: SerfMessage, raw: Uint8Array): void {
    const { membership, events, answering, asking } = this.#parts;
    switch (message.kind) {
      case 'join':
        return membership.heardJoin(message, raw);
      case 'leave':
        return membership.heardLeave(message, raw);
      case 'userEvent':
        return events.heard(message, raw);
      case 'query':
        return answering.heard(message, raw);
      case 'queryResponse':
        return asking.heard(message);
      case 'relay':
        return this.#forward(message);
      case 'pushPull':
      case 'conflictResponse':
      case 'keyRequest':
      case 'keyResponse':
        // They travel inside of others only.
        return this.#refuse('malformed');
    }
  }

  /** Only to a member, where we know it to be: we carry nothing to strangers. */
  #forward({ destAddr, destName, message }: Extract<SerfMessage, { kind: 'relay' }>): void {
    const to = this.#parts.members.get(destName);
    const claimed = { addr: destAddr.ip, port: destAddr.port };
    if (to === undefined || !isSameEndpoint(to, claimed)) return this.#refuse('malformed');
    this.#parts.send(claimed, message);
  }

  #refuse(reason: Reason): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }
}
