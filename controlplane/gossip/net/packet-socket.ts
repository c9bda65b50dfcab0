/** UDP: one socket that sends and receives. */
import { createSocket, type Socket } from 'node:dgram';
import type { Endpoint } from '../effects.ts';
import { endpointOf } from './address.ts';
import { packetHost, type Place } from './place.ts';

/** As memberlist: asked for, and halved until the system gives it. */
const BUFFER_BYTES = 2 * 2 ** 20;
const LEAST_BUFFER_BYTES = 2 ** 15;
/** Bytes that may wait in this process for the system to take them; beyond it packets are dropped. */
const SEND_QUEUE_LIMIT = 2 ** 20;

export interface PacketSocketParts {
  /** Its source has a v4 address in 4 bytes, whatever the socket's family. */
  readonly received: (packet: Uint8Array, from: Endpoint) => void;
  /** The socket is of no more use. */
  readonly broken: (error: Error) => void;
  readonly counts: PacketSocketCounts;
}

/** They only grow. */
export interface PacketSocketCounts {
  packetsSent: number;
  bytesSent: number;
  packetsReceived: number;
  bytesReceived: number;
  /** There was no room in the queue to the system. */
  sendsDropped: number;
  /** The system refused: no route, no such address, a firewall. */
  sendsFailed: number;
}

export class PacketSocket {
  readonly counts: PacketSocketCounts;
  /** Why the last packet could not be sent: an errno's name. */
  sendProblem: string | undefined;
  readonly #socket: Socket;
  readonly #place: Place;
  #closed = false;

  private constructor(
    socket: Socket,
    place: Place,
    { received, broken, counts }: PacketSocketParts,
  ) {
    this.#socket = socket;
    this.#place = place;
    this.counts = counts;
    socket.on('message', (packet, from) => {
      counts.packetsReceived++;
      counts.bytesReceived += packet.length;
      received(packet, endpointOf(from.address, from.port));
    });
    socket.on('error', (error) => {
      if (!this.#closed) broken(error);
    });
    growBuffer((size) => socket.setRecvBufferSize(size));
    growBuffer((size) => socket.setSendBufferSize(size));
  }

  /** Port 0 takes a free one. Rejects with the system's error. */
  static open(place: Place, port: number, parts: PacketSocketParts): Promise<PacketSocket> {
    const socket = createSocket({
      type: place.family === 4 ? 'udp4' : 'udp6',
      // Addresses only: without this, each packet would ask the resolver's threads.
      lookup: (address, _options, done) => done(null, address, place.family),
    });
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address: place.host, port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        resolve(new PacketSocket(socket, place, parts));
      });
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Never throws: what cannot be sent is counted. */
  send(packet: Uint8Array, to: Endpoint): void {
    if (this.#closed) return;
    const host = packetHost(to, this.#place);
    if (host === undefined) {
      this.#fail('EADDRNOTAVAIL');
      return;
    }
    if (this.#socket.getSendQueueSize() > SEND_QUEUE_LIMIT) {
      this.counts.sendsDropped++;
      return;
    }
    this.#socket.send(packet, to.port, host, (error) => {
      if (error === null) this.#sent(packet.length);
      else this.#fail((error as NodeJS.ErrnoException).code ?? error.message);
    });
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve) => {
      this.#socket.close(resolve);
    });
  }

  #sent(bytes: number): void {
    this.counts.packetsSent++;
    this.counts.bytesSent += bytes;
    this.sendProblem = undefined;
  }

  #fail(problem: string): void {
    this.counts.sendsFailed++;
    this.sendProblem = problem;
  }
}

/** More is silently cut by the system; an error is only a socket that is closing. */
function growBuffer(ask: (size: number) => void): void {
  for (let size = BUFFER_BYTES; size >= LEAST_BUFFER_BYTES; size /= 2) {
    try {
      ask(size);
      return;
    } catch {
      // Try half of it.
    }
  }
}
