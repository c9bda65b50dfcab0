/** TCP: a connection for each message, and for its answer. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { StreamMessage, StreamProgress } from '../codec/index.ts';
import type { Dial, Endpoint } from '../effects.ts';
import { endpointOf } from './address.ts';
import { streamHost, type Place } from './place.ts';
import type { Turns } from './turns.ts';
import type { Side, Wire } from './wire.ts';

/** As memberlist; the next one is closed at once. */
const INBOUND_LIMIT = 128;
/** Our own at a time; the next one fails at once. */
const OUTBOUND_LIMIT = 128;
/** Bytes of all connections that others opened and that are not finished; whoever goes beyond it is closed. */
const HELD_LIMIT = 64 * 2 ** 20;

export interface StreamParts {
  readonly wire: Wire;
  readonly turns: Turns;
  /** For one exchange that another began, in ms. */
  readonly timeout: number;
  /** The answer, if there is one. */
  readonly request: (from: Endpoint, message: StreamMessage) => StreamMessage | undefined;
  readonly answered: (id: number, message: StreamMessage | undefined) => void;
  readonly failed: (id: number, problem: string) => void;
  readonly refused: (from: Endpoint, refusal: StreamRefusal) => void;
  readonly counts: StreamCounts;
}

export type StreamRefusal = Extract<StreamProgress, { status: 'refused' }>;

/** They only grow. */
export interface StreamCounts {
  streamsAccepted: number;
  streamsDialled: number;
  streamBytesSent: number;
  streamBytesReceived: number;
  /** Over a bound of number or bytes. */
  streamsDropped: number;
  /** Ours. */
  dialsFailed: number;
}

/** What memberlist says in these cases. Other refusals are told as they are, but for a wrong label: silence. */
const TOLD: Partial<Record<StreamRefusal['reason'], string>> = {
  encrypted: 'remote state is encrypted and encryption is not configured',
  'not-encrypted': 'encryption is configured but remote state is not encrypted',
};
const SILENT: ReadonlySet<StreamRefusal['reason']> = new Set(['wrong-label', 'empty', 'truncated']);

const STOPPING = 'this member stops';
const CLOSED = 'the other side closed the connection';

export class Streams {
  readonly counts: StreamCounts;
  readonly #parts: StreamParts;
  readonly #inbound = new Set<Socket>();
  /** With what to call when we end it before its time. */
  readonly #outbound = new Map<Socket, (problem: string) => void>();
  #server: Server | undefined;
  #held = 0;
  #closed = false;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.counts = parts.counts;
  }

  /** Rejects with the system's error. */
  listen(place: Place, port: number): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.#accept(socket);
    });
    server.maxConnections = INBOUND_LIMIT;
    server.on('drop', () => this.counts.streamsDropped++);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: place.host, port, exclusive: true }, () => {
        server.off('error', reject);
        // A connection that could not be accepted: whoever made it tries again.
        server.on('error', () => this.counts.streamsDropped++);
        this.#server = server;
        resolve();
      });
    });
  }

  /** Tells what became of it later, never at once. */
  dial(dial: Dial, place: Place): void {
    const host = streamHost(dial.to, place);
    if (host === undefined) this.#failSoon(dial.id, 'that is no address');
    else if (this.#closed) this.#failSoon(dial.id, STOPPING);
    else if (this.#outbound.size >= OUTBOUND_LIMIT)
      this.#failSoon(dial.id, `${OUTBOUND_LIMIT} connections are open already`);
    else {
      const bytes = this.#encoded(dial.message, 'dialler');
      if (bytes === undefined) this.#failSoon(dial.id, 'the message is too large');
      else this.#dial(dial, host, bytes);
    }
  }

  /** Every dial that is under way fails. */
  close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#outbound.values()) end(STOPPING);
    for (const socket of [...this.#outbound.keys(), ...this.#inbound]) socket.destroy();
    return this.unlisten();
  }

  /** Takes no more connections. */
  unlisten(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    return new Promise((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // Gone already.
    if (remoteAddress === undefined || remotePort === undefined || this.#closed) {
      socket.destroy();
      return;
    }
    this.counts.streamsAccepted++;
    this.#inbound.add(socket);
    const from = endpointOf(remoteAddress, remotePort);
    const held = this.#holding(socket);
    const timer = setTimeout(() => socket.destroy(), this.#parts.timeout);
    socket.once('close', () => {
      clearTimeout(timer);
      held.release();
      this.#inbound.delete(socket);
    });
    this.#read(socket, 'dialler', held.add, (progress) => {
      const answer = this.#answer(from, progress);
      if (answer !== undefined && held.add(answer.length)) {
        this.counts.streamBytesSent += answer.length;
        socket.end(answer);
      } else socket.end();
    });
  }

  /** Calls `settled` once, with what came; after that, bytes are only thrown away. */
  #read(
    socket: Socket,
    sender: Side,
    hold: (bytes: number) => boolean,
    settled: (progress: StreamProgress) => void,
  ): void {
    const { turns, wire } = this.#parts;
    const reader = wire.reader(sender);
    let isSettled = false;
    const settle = (progress: StreamProgress): void => {
      if (isSettled || progress.status === 'more') return;
      isSettled = true;
      settled(progress);
    };
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.counts.streamBytesReceived += chunk.length;
      if (isSettled || !hold(chunk.length)) return;
      socket.pause();
      // Also when the connection has gone meanwhile: it may be all that was to come.
      turns.add(() => {
        settle(reader.push(chunk));
        socket.resume();
      });
    });
    socket.on('end', () => turns.add(() => settle(reader.end())));
    socket.resume();
  }

  #answer(from: Endpoint, progress: StreamProgress): Uint8Array | undefined {
    const { request, refused } = this.#parts;
    const answer = progress.status === 'done' ? request(from, progress.message) : undefined;
    if (answer !== undefined) return this.#encoded(answer, 'acceptor');
    if (progress.status !== 'refused') return undefined;
    // A connection without a byte is somebody who looks whether we are there.
    if (progress.reason !== 'empty') refused(from, progress);
    if (SILENT.has(progress.reason)) return undefined;
    const error = TOLD[progress.reason] ?? progress.detail;
    return this.#encoded({ kind: 'err', error }, 'acceptor');
  }

  #holding(socket: Socket): { add: (bytes: number) => boolean; release: () => void } {
    let held = 0;
    let isReleased = false;
    return {
      add: (bytes) => {
        if (isReleased) return false;
        if (this.#held + bytes > HELD_LIMIT) {
          this.counts.streamsDropped++;
          socket.destroy();
          return false;
        }
        held += bytes;
        this.#held += bytes;
        return true;
      },
      release: () => {
        this.#held -= held;
        isReleased = true;
      },
    };
  }

  #dial({ id, to, answer, timeout }: Dial, host: string, bytes: Uint8Array): void {
    this.counts.streamsDialled++;
    const socket = connect({ host, port: to.port, noDelay: true });
    const held = this.#holding(socket);
    let isOver = false;
    /** Tells the outcome, once. */
    const end = (outcome: Outcome): void => {
      if (isOver) return;
      isOver = true;
      if (typeof outcome === 'string') this.#fail(id, outcome);
      else this.#parts.answered(id, outcome.message);
    };
    this.#outbound.set(socket, end);
    const timer = setTimeout(() => {
      end(`it took more than ${timeout} ms`);
      socket.destroy();
    }, timeout);
    // After what has arrived and waits for its turn.
    const endSoon = (problem: string): void => this.#parts.turns.add(() => end(problem));
    socket.on('error', (error) => endSoon(reasonOf(error)));
    socket.once('close', () => {
      clearTimeout(timer);
      held.release();
      this.#outbound.delete(socket);
      endSoon(CLOSED);
    });
    this.#read(socket, 'acceptor', held.add, (progress) => {
      end(outcomeOf(progress));
      socket.destroy();
    });
    this.counts.streamBytesSent += bytes.length;
    if (answer) socket.write(bytes);
    // Open until the other side closes: to close at once could lose what it has not read yet.
    else socket.end(bytes, () => end({ message: undefined }));
  }

  /** Undefined for a message beyond the codec's bounds. */
  #encoded(message: StreamMessage, sender: Side): Uint8Array | undefined {
    try {
      return this.#parts.wire.stream(message, sender);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.counts.streamsDropped++;
      return undefined;
    }
  }

  #failSoon(id: number, problem: string): void {
    setImmediate(() => this.#fail(id, problem));
  }

  #fail(id: number, problem: string): void {
    this.counts.dialsFailed++;
    this.#parts.failed(id, problem);
  }
}

type Outcome = string | { readonly message: StreamMessage | undefined };

function outcomeOf(progress: StreamProgress): Outcome {
  if (progress.status === 'more') return 'the answer is not complete';
  if (progress.status === 'refused' && progress.reason === 'empty') return CLOSED;
  if (progress.status === 'refused') return `the answer is not understood: ${progress.detail}`;
  const { message } = progress;
  return message.kind === 'err' ? `it refused: ${JSON.stringify(message.error)}` : { message };
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ''] ?? error.code ?? error.message;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the other side broke the connection off',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'it does not answer',
  EPERM: 'a firewall of this host does not let us',
};
