/** One port, by UDP and TCP: messages out and in, with all their layers. */
import { randomFillSync } from 'node:crypto';
import type { Keyring, Message, Refusal, StreamMessage } from '../codec/index.ts';
import type { Effect, Endpoint, SendPacket } from '../effects.ts';
import { PacketSocket, type PacketSocketCounts } from './packet-socket.ts';
import type { Place } from './place.ts';
import { Streams, type StreamCounts } from './streams.ts';
import { Turns } from './turns.ts';
import { Wire } from './wire.ts';

export interface TransportOptions {
  /** Empty for none. */
  readonly label: Uint8Array;
  /** Asked for each packet and stream; empty: plain. */
  readonly keyring: () => Keyring;
  /** In ms, on a clock that never goes back. */
  readonly now: () => number;
  /** For one exchange by stream that another began, in ms. */
  readonly streamTimeout: number;
  readonly receiver: Receiver;
}

/** What the transport hands over. Nothing of it is called from within a call of the transport. */
export interface Receiver {
  /** `at`: when it came. */
  packet(at: number, from: Endpoint, message: Message): void;
  request(from: Endpoint, message: StreamMessage): StreamMessage | undefined;
  /** What became of a dial, once for each. */
  answered(id: number, message: StreamMessage | undefined): void;
  failed(id: number, problem: string): void;
  /** Somebody sent what was not taken. */
  refused(from: Endpoint, refusal: Refusal): void;
  /** The sockets are gone, and it has to be opened again. */
  broken(error: NodeJS.ErrnoException): void;
}

export interface Bound {
  readonly place: Place;
  readonly port: number;
}

export interface TransportCounts extends PacketSocketCounts, StreamCounts {
  /** More arrived than we could read. */
  packetsDropped: number;
  /** Beyond what a packet holds, or of no message. */
  packetsUnsendable: number;
}

/** Packets that may wait until they are read; whatever comes beyond that is dropped. */
const WAITING_LIMIT = 2048;
const WAITING_BYTES = 8 * 2 ** 20;
/** How often another free port is tried, when only half of one is free. */
const PORT_ATTEMPTS = 20;

export class Transport {
  readonly counts: TransportCounts = {
    packetsSent: 0,
    bytesSent: 0,
    packetsReceived: 0,
    bytesReceived: 0,
    sendsDropped: 0,
    sendsFailed: 0,
    packetsDropped: 0,
    packetsUnsendable: 0,
    streamsAccepted: 0,
    streamsDialled: 0,
    streamBytesSent: 0,
    streamBytesReceived: 0,
    streamsDropped: 0,
    dialsFailed: 0,
  };
  readonly #options: TransportOptions;
  readonly #wire: Wire;
  readonly #turns: Turns;
  readonly #streams: Streams;
  #socket: PacketSocket | undefined;
  #bound: Bound | undefined;
  #waiting = 0;
  #waitingBytes = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { label, keyring, now, receiver } = options;
    this.#wire = new Wire({ label, keyring, nonce: nonces() });
    this.#turns = new Turns(now);
    this.#streams = new Streams({
      wire: this.#wire,
      turns: this.#turns,
      timeout: options.streamTimeout,
      counts: this.counts,
      request: (from, message) => receiver.request(from, message),
      answered: (id, message) => receiver.answered(id, message),
      failed: (id, problem) => receiver.failed(id, problem),
      refused: (from, refusal) => receiver.refused(from, refusal),
    });
  }

  /** Listens; of port 0 on a free one. Rejects with the system's error; then nothing is open. */
  async open(place: Place, port: number): Promise<Bound> {
    for (let left = port === 0 ? PORT_ATTEMPTS : 1; ; left--) {
      const socket = await this.#openSocket(place, port);
      try {
        await this.#streams.listen(place, socket.port);
        this.#socket = socket;
        this.#bound = { place, port: socket.port };
        return this.#bound;
      } catch (error) {
        await socket.close();
        if (left === 1 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      }
    }
  }

  /** Where it listens, or did last. */
  get bound(): Bound | undefined {
    return this.#bound;
  }

  /** Why nothing can be sent now: an errno's name. */
  get sendProblem(): string | undefined {
    return this.#socket?.sendProblem;
  }

  emit(effect: Effect): void {
    if (effect.kind === 'packet') this.#send(effect);
    else if (this.#bound === undefined)
      setImmediate(() => this.#options.receiver.failed(effect.id, 'no socket is open'));
    else this.#streams.dial(effect, this.#bound.place);
  }

  /** Hands over what has arrived, for a slice of time at most; without this it comes a little later by itself. */
  readonly flush = (): void => {
    this.#turns.run();
  };

  /** As encodePing, for another socket than ours. */
  ping(seqNo: number, length: number): Uint8Array | undefined {
    return this.#wire.ping(seqNo, length);
  }

  /**
   * Tells the number of the ping that the packet, which came to another socket, answers; nothing if it is anything else.
   * What is gossiped beside the answer is taken as if it had come to ours: whoever sent it counts it as told. So is it
   * counted, and dropped where too many wait.
   */
  answer(packet: Uint8Array, from: Endpoint, answered: (seqNo: number) => void): void {
    this.#inTurn(packet, (at) => {
      const { messages } = this.#wire.openPacket(packet);
      const ack = messages.find((message) => message.kind === 'ack');
      if (ack === undefined) return;
      answered(ack.seqNo);
      for (const message of messages)
        if (message !== ack) this.#options.receiver.packet(at, from, message);
    });
  }

  /** For good: every dial under way fails. */
  async close(): Promise<void> {
    this.#turns.clear();
    await Promise.all([this.#socket?.close(), this.#streams.close()]);
    this.#socket = undefined;
  }

  async #openSocket(place: Place, port: number): Promise<PacketSocket> {
    const socket: PacketSocket = await PacketSocket.open(place, port, {
      received: (packet, from) => this.#received(packet, from),
      broken: (error) => void this.#broken(socket, error),
      counts: this.counts,
    });
    return socket;
  }

  async #broken(socket: PacketSocket, error: Error): Promise<void> {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    // Resolves when the last connection has gone; the port is free at once.
    void this.#streams.unlisten();
    await socket.close();
    this.#options.receiver.broken(error);
  }

  #send({ to, parts, crc }: SendPacket): void {
    let packet: Uint8Array;
    try {
      packet = this.#wire.packet(parts, crc);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.counts.packetsUnsendable++;
      return;
    }
    this.#socket?.send(packet, to);
  }

  #received(packet: Uint8Array, from: Endpoint): void {
    this.#inTurn(packet, (at) => this.#open(at, packet, from));
  }

  /** `at`: when it came. */
  #inTurn(packet: Uint8Array, open: (at: number) => void): void {
    if (this.#waiting >= WAITING_LIMIT || this.#waitingBytes + packet.length > WAITING_BYTES) {
      this.counts.packetsDropped++;
      return;
    }
    const at = this.#options.now();
    this.#waiting++;
    this.#waitingBytes += packet.length;
    this.#turns.add(() => {
      this.#waiting--;
      this.#waitingBytes -= packet.length;
      open(at);
    });
  }

  #open(at: number, packet: Uint8Array, from: Endpoint): void {
    const { receiver } = this.#options;
    const { messages, refusals } = this.#wire.openPacket(packet);
    for (const message of messages) receiver.packet(at, from, message);
    for (const refusal of refusals) receiver.refused(from, refusal);
  }
}

const NONCE_BYTES = 12;
const NONCES_AT_ONCE = 64;

/** Random ones; asking the system for many at once is cheaper. */
function nonces(): () => Uint8Array {
  let pool = new Uint8Array(0);
  let at = 0;
  return () => {
    if (at === pool.length) {
      pool = randomFillSync(new Uint8Array(NONCE_BYTES * NONCES_AT_ONCE));
      at = 0;
    }
    at += NONCE_BYTES;
    return pool.subarray(at - NONCE_BYTES, at);
  };
}
