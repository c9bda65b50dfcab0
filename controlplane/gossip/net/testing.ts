/** For tests: loopback addresses of one's own, and a transport that tells what came. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Message, Refusal, StreamMessage } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import { addressBytes } from './address.ts';
import { findPlace } from './place.ts';
import { Transport, type TransportOptions } from './transport.ts';

/** 127.0.0.0/8 is all ours: whoever else tests on this machine draws another. */
export function loopback(): string {
  return `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
}

/** Waits until `look` finds something; the test's own time limit ends it. */
export async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await pause(5);
  }
}

/** A transport, what it handed over, and what it answers requests with. */
export class Station {
  readonly packets: { from: Endpoint; message: Message }[] = [];
  readonly requests: { from: Endpoint; message: StreamMessage }[] = [];
  readonly outcomes = new Map<number, StreamMessage | string | undefined>();
  readonly refusals: { from: Endpoint; refusal: Refusal }[] = [];
  answer: (message: StreamMessage) => StreamMessage | undefined = (message) =>
    message.kind === 'user' ? undefined : message;
  readonly transport: Transport;
  /** Where others reach it. */
  at: Endpoint = { addr: new Uint8Array(4), port: 0 };
  #dials = 0;

  constructor(options: Partial<Pick<TransportOptions, 'label' | 'keyring' | 'streamTimeout'>>) {
    this.transport = new Transport({
      label: new Uint8Array(0),
      keyring: () => [],
      now: () => performance.now(),
      streamTimeout: 5_000,
      ...options,
      receiver: {
        packet: (_at, from, message) => this.packets.push({ from, message }),
        request: (from, message) => {
          this.requests.push({ from, message });
          return this.answer(message);
        },
        answered: (id, message) => this.outcomes.set(id, message),
        failed: (id, problem) => this.outcomes.set(id, problem),
        refused: (from, refusal) => this.refusals.push({ from, refusal }),
        broken: (error) => {
          throw error;
        },
      },
    });
  }

  static async open(
    address: string,
    options: ConstructorParameters<typeof Station>[0] = {},
    port = 0,
  ): Promise<Station> {
    const station = new Station(options);
    const found = findPlace(address);
    if (!found.ok) throw new Error(found.problem);
    const { port: bound } = await station.transport.open(found.place, port);
    station.at = { addr: addressBytes(address) ?? new Uint8Array(4), port: bound };
    return station;
  }

  send(to: Endpoint, ...parts: Uint8Array[]): void {
    this.transport.emit({ kind: 'packet', to, parts, crc: true });
  }

  /** The answer, or why there is none. */
  async dial(
    to: Endpoint,
    message: StreamMessage,
    { answer = true, timeout = 5_000 } = {},
  ): Promise<StreamMessage | string | undefined> {
    const id = ++this.#dials;
    this.transport.emit({ kind: 'dial', id, to, message, answer, timeout });
    await until(() => this.outcomes.has(id));
    return this.outcomes.get(id);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.transport.close();
  }
}
