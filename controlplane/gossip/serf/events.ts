/** User events (specification §20.5): each is told once, and passed on once. */
import { encodeSerf, type EventSlot, type SerfMessage } from '../codec/index.ts';
import type { Broadcasts } from './broadcasts.ts';
import type { UserEvent } from './face.ts';
import { isLamportTime, LamportClock } from './lamport.ts';
import { Ring } from './ring.ts';

type EventMessage = Extract<SerfMessage, { kind: 'userEvent' }>;

/** What an event weighs beside its own bytes: so many more than 4,096 never stand in one push/pull. */
const EVENT_WEIGHT = 1_024;

export interface UserEventsOptions {
  /** In bytes, of name and payload, and of the whole message. */
  readonly sizeLimit: number;
  readonly broadcasts: Broadcasts;
  readonly notify: (event: UserEvent) => void;
}

export class UserEvents {
  readonly clock = new LamportClock();
  readonly #options: UserEventsOptions;
  readonly #ring = new Ring<EventMessage>();
  #count = 0;

  constructor(options: UserEventsOptions) {
    this.#options = options;
  }

  /** How many were told. */
  get count(): number {
    return this.#count;
  }

  /** One of ours. Throws a RangeError when it is too long. */
  send(name: string, payload: Uint8Array, coalesce: boolean): void {
    const { sizeLimit, broadcasts } = this.#options;
    const message: EventMessage = {
      kind: 'userEvent',
      lTime: this.clock.time,
      name,
      payload,
      cc: coalesce,
    };
    const own = Buffer.byteLength(name) + payload.length;
    const encoded = own > sizeLimit ? undefined : encodeSerf(message);
    const length = encoded?.length ?? own;
    if (encoded === undefined || length > sizeLimit)
      throw new RangeError(
        `the event takes ${length} bytes; ${sizeLimit} may be: shorten its name or its payload`,
      );
    this.#take(message);
    broadcasts.spread('event', encoded);
  }

  /** One that came in a packet. */
  heard(message: EventMessage, raw: Uint8Array): void {
    if (this.#take(message)) this.#options.broadcasts.spread('event', raw);
  }

  /** Nothing below is told any more. */
  ignoreBelow(lTime: bigint): void {
    if (isLamportTime(lTime)) this.#ring.raise(lTime);
  }

  /** The recent ones, for a push/pull. */
  slots(): EventSlot[] {
    return Array.from(this.#ring, ({ lTime, entries }) => ({
      lTime,
      events: Array.from(entries.values(), ({ name, payload }) => ({ name, payload })),
    }));
  }

  /** What came by push/pull; it is not passed on. */
  replay(slots: readonly (EventSlot | undefined)[]): void {
    for (const slot of slots)
      for (const { name, payload } of slot?.events ?? [])
        this.#take({ kind: 'userEvent', lTime: slot?.lTime ?? 0n, name, payload, cc: false });
  }

  #take(message: EventMessage): boolean {
    const { lTime, name, payload, cc: coalesce } = message;
    if (!isLamportTime(lTime)) return false;
    this.clock.witness(lTime);
    const isNew = this.#ring.add({
      lTime,
      clock: this.clock.time,
      key: `${name}\0${Buffer.from(payload).toString('latin1')}`,
      value: message,
      weight: EVENT_WEIGHT + 2 * (name.length + payload.length),
    });
    if (!isNew) return false;
    this.#count++;
    this.#options.notify({ kind: 'event', lTime, name, payload, coalesce });
    return true;
  }
}
