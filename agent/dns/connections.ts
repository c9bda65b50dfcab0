/**
 * Questions by TCP (RFC 7766): several on one connection, answered as they are ready. Nobody holds a connection for
 * nothing, and nobody holds them all.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { mayTake, WINDOW } from '../../controlplane/dns/shares.ts';

/** Bytes of a question; a longer one ends its connection. */
const QUESTION_LIMIT = 4_096;
/** In ms: between two questions, and for one to be there as a whole from its first byte. */
const IDLE_LIMIT = 10_000;
const QUESTION_TIME = 5_000;
/** Questions of a connection that are not answered yet; then it is read no further. */
const UNANSWERED = 100;
/** Bytes of answers that the other end has not taken; then its connection ends. */
const UNSENT = 1024 * 1024;
/** Connections in all, and from one address, which may also have no more than a quarter of what is free. */
const CONNECTIONS = 512;
const FROM_ONE = 32;
/** Questions of a connection that are taken in a row, before others have their turn. */
const AT_ONCE = 32;

/** Who asks on a connection. */
export interface StreamAsker {
  /** Counts one more question. False: it has had its share, and waits. */
  mayAsk(): boolean;
  /** Calls back with the answer, once, perhaps at once; undefined: there is none. */
  ask(question: Uint8Array, answer: (bytes: Uint8Array | undefined) => void): void;
}

/** By its address. Undefined: it may not ask, and is not heard. */
export type StreamDoor = (from: string) => StreamAsker | undefined;

/** What all listeners of a thread share. */
export class Connections {
  readonly #open = new Map<string, number>();
  #count = 0;
  /** Those not taken. */
  refused = 0;

  get count(): number {
    return this.#count;
  }

  /** Takes connections from the listening socket `fd`, which it closes in the end. `only`: of whom all are, if of one. */
  serve(fd: number, door: StreamDoor, failed: (cause: Error) => void, only?: string): Server {
    const server = createServer((socket) =>
      this.#take(socket, only ?? socket.remoteAddress ?? '', door),
    );
    server.on('error', failed);
    return server.listen({ fd });
  }

  #take(socket: Socket, from: string, door: StreamDoor): void {
    const ofOne = this.#open.get(from) ?? 0;
    const asker = door(from);
    const hasRoom = ofOne < FROM_ONE && mayTake(ofOne, this.#count, CONNECTIONS);
    if (asker === undefined || !hasRoom) {
      this.refused++;
      socket.destroy();
      return;
    }
    this.#count++;
    this.#open.set(from, ofOne + 1);
    socket.once('close', () => {
      this.#count--;
      const left = (this.#open.get(from) ?? 1) - 1;
      if (left === 0) this.#open.delete(from);
      else this.#open.set(from, left);
    });
    void new Conversation(socket, asker);
  }
}

/** One connection, until it ends. */
class Conversation {
  readonly #socket: Socket;
  readonly #asker: StreamAsker;
  #received: Buffer = Buffer.alloc(0);
  #unanswered = 0;
  /** Others have their turn. */
  #isHeld = false;
  #late: NodeJS.Timeout | undefined;

  constructor(socket: Socket, asker: StreamAsker) {
    this.#socket = socket;
    this.#asker = asker;
    socket.setNoDelay(true).setTimeout(IDLE_LIMIT, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(this.#late));
    socket.on('data', (chunk: Buffer) => {
      const before = this.#received;
      this.#received = before.length === 0 ? chunk : Buffer.concat([before, chunk]);
      this.#takeAll();
    });
  }

  #takeAll(): void {
    const socket = this.#socket;
    for (let taken = 0; this.#received.length >= 2 && this.#canTake(); taken++) {
      const size = this.#received.readUInt16BE();
      if (size > QUESTION_LIMIT) socket.destroy();
      if (socket.destroyed || this.#received.length < 2 + size) break;
      if (taken === AT_ONCE) this.#hold();
      else if (!this.#asker.mayAsk()) this.#hold(WINDOW);
      else this.#take(size);
    }
    if (this.#isHeld || this.#unanswered >= UNANSWERED) socket.pause();
    // A question that comes byte by byte does not renew its time.
    else if (this.#received.length > 0)
      this.#late ??= setTimeout(() => socket.destroy(), QUESTION_TIME);
  }

  #canTake(): boolean {
    return !this.#isHeld && this.#unanswered < UNANSWERED && !this.#socket.destroyed;
  }

  #take(size: number): void {
    const question = this.#received.subarray(2, 2 + size);
    this.#received = this.#received.subarray(2 + size);
    this.#unanswered++;
    clearTimeout(this.#late);
    this.#late = undefined;
    this.#asker.ask(question, (bytes) => this.#answer(bytes));
  }

  /** For so many ms; without: until others had their turn. */
  #hold(time?: number): void {
    this.#isHeld = true;
    const goOn = (): void => {
      this.#isHeld = false;
      this.#resume();
    };
    if (time === undefined) setImmediate(goOn);
    else setTimeout(goOn, time);
  }

  #resume(): void {
    if (!this.#canTake()) return;
    this.#socket.resume();
    this.#takeAll();
  }

  #answer(bytes: Uint8Array | undefined): void {
    const socket = this.#socket;
    this.#unanswered--;
    if (socket.destroyed) return;
    if (bytes !== undefined) {
      const frame = Buffer.alloc(2 + bytes.length);
      frame.writeUInt16BE(bytes.length);
      frame.set(bytes, 2);
      socket.write(frame);
    }
    if (socket.writableLength > UNSENT) socket.destroy();
    else if (socket.isPaused()) this.#resume();
  }
}
