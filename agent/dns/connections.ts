/**
 * Questions by TCP (RFC 7766): several on one connection, answered as they are ready. Nobody holds a connection for
 * nothing, and nobody holds them all.
 */
import { createServer, type Server, type Socket } from 'node:net';

/** Bytes of a question; a longer one ends its connection. */
const QUESTION_LIMIT = 4_096;
/** In ms: between two questions, and for one to be there as a whole from its first byte. */
const IDLE_LIMIT = 10_000;
const QUESTION_TIME = 5_000;
/** Questions of a connection that are not answered yet; then it is read no further. */
const UNANSWERED = 100;
/** Bytes of answers that the other end has not taken; then its connection ends. */
const UNSENT = 1024 * 1024;
/** Connections in all, and from one address. */
const CONNECTIONS = 512;
const FROM_ONE = 32;

/** Calls back with the answer, once, perhaps at once; undefined: there is none. */
export type StreamHandler = (
  question: Uint8Array,
  from: string,
  answer: (bytes: Uint8Array | undefined) => void,
) => void;

/** What all listeners of a thread share. */
export class Connections {
  readonly #open = new Map<string, number>();
  #count = 0;
  /** Those not taken. */
  refused = 0;

  get count(): number {
    return this.#count;
  }

  /** Takes connections from the listening socket `fd`, which it closes in the end. */
  serve(fd: number, handler: StreamHandler, failed: (cause: Error) => void): Server {
    const server = createServer((socket) => this.#take(socket, handler));
    server.on('error', failed);
    return server.listen({ fd });
  }

  #take(socket: Socket, handler: StreamHandler): void {
    const from = socket.remoteAddress ?? '';
    const ofOne = this.#open.get(from) ?? 0;
    if (this.#count >= CONNECTIONS || ofOne >= FROM_ONE) {
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
    converse(socket, from, handler);
  }
}

function converse(socket: Socket, from: string, handler: StreamHandler): void {
  let received: Buffer = Buffer.alloc(0);
  let unanswered = 0;
  let late: NodeJS.Timeout | undefined;
  socket.setNoDelay(true).setTimeout(IDLE_LIMIT, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(late));
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    takeAll();
  });

  function takeAll(): void {
    while (received.length >= 2 && unanswered < UNANSWERED && !socket.destroyed) {
      const size = received.readUInt16BE();
      if (size > QUESTION_LIMIT) socket.destroy();
      if (socket.destroyed || received.length < 2 + size) break;
      const question = received.subarray(2, 2 + size);
      received = received.subarray(2 + size);
      unanswered++;
      clearTimeout(late);
      late = undefined;
      handler(question, from, answer);
    }
    if (unanswered >= UNANSWERED) socket.pause();
    // A question that comes byte by byte does not renew its time.
    if (received.length > 0 && unanswered < UNANSWERED)
      late ??= setTimeout(() => socket.destroy(), QUESTION_TIME);
  }

  function answer(bytes: Uint8Array | undefined): void {
    unanswered--;
    if (socket.destroyed) return;
    if (bytes !== undefined) {
      const frame = Buffer.alloc(2 + bytes.length);
      frame.writeUInt16BE(bytes.length);
      frame.set(bytes, 2);
      socket.write(frame);
    }
    if (socket.writableLength > UNSENT) socket.destroy();
    else if (socket.isPaused() && unanswered < UNANSWERED) {
      socket.resume();
      takeAll();
    }
  }
}
