/** Netlink sockets: one that asks (requests and their answers by sequence number, dumps), one that listens (events). */
import { RawNetlinkSocket } from 'netlink/dist/raw.js';
import { KernelError, errnoName, errnoSentence, type Refusal } from '../errno.ts';
import {
  NETLINK_ROUTE,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
} from './constants.ts';
import {
  Attributes,
  HEADER_BYTES,
  LITTLE_ENDIAN,
  MessageWriter,
  visitMessages,
  type Message,
} from './message.ts';
import { tuneSocket, type DropCounter, type SocketTuning } from './socket-options.ts';

/** What waits in the kernel unread before it drops: about 10,000 events, or the refusal of every message of many batches. */
const RECEIVE_BYTES = 8 * 1024 * 1024;
/** The kernel works a request off inside the send; no answer after this long, in ms, means it was lost. */
const ANSWER_LIMIT = 10_000;
/** The largest piece the kernel hands out of a dump. */
const DUMP_PIECE_BYTES = 32 * 1024;
/** How often a dump is begun anew because the table changed under it; then what came is taken, as events tell the rest. */
const DUMP_ATTEMPTS = 4;

export interface Answer {
  /** Refused messages, by sequence number. */
  readonly errors: ReadonlyMap<number, Refusal>;
  /** What GET requests got. */
  readonly replies: readonly Message[];
}

interface Pending {
  readonly first: number;
  readonly last: number;
  readonly errors: Map<number, Refusal>;
  readonly replies: Message[];
  readonly settle: (failure?: Refusal) => void;
}

/** Asks the kernel's routing room (NETLINK_ROUTE). Several requests may be under way at once. */
export class RequestSocket {
  readonly #socket: RawNetlinkSocket;
  readonly #pending = new Set<Pending>();
  #sequence = 0;
  #isOpen = true;

  constructor() {
    this.#socket = open(NETLINK_ROUTE, { receiveBytes: RECEIVE_BYTES, request: true }).socket;
    this.#socket.on(
      'message',
      guarded(
        (bytes) => visitMessages(bytes, (message) => this.#take(message)),
        (failure) => this.#failAll(failure),
      ),
    );
    this.#socket.on('error', (error) => this.#failAll(new KernelError(error.code)));
  }

  /** What the kernel puts into events about what this socket did. */
  get port(): number {
    return this.#socket.address().port >>> 0;
  }

  /** Sequence numbers for `count` messages; the first. */
  reserve(count: number): number {
    if (this.#sequence + count > 0xffff_ffff) this.#sequence = 0;
    const first = this.#sequence + 1;
    this.#sequence += count;
    return first;
  }

  /**
   * Sends messages numbered first to last, of which the last asks for an acknowledgement. The kernel answers in
   * order, so the last one's answer ends it. `bytes` may be used again when the promise settles. Rejects with a
   * KernelError when answers were lost or none came.
   */
  transact(bytes: Uint8Array, first: number, last: number): Promise<Answer> {
    if (!this.#isOpen) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const settle = (failure?: Refusal): void => {
        clearTimeout(timer);
        this.#pending.delete(pending);
        if (failure === undefined) resolve(pending);
        else reject(new KernelError(failure.code, failure.message));
      };
      const pending: Pending = { first, last, errors: new Map(), replies: [], settle };
      const timer = setTimeout(() => settle(new KernelError('ETIMEDOUT')), ANSWER_LIMIT);
      this.#pending.add(pending);
      this.#socket.send(bytes, undefined, (error) => {
        if (error !== undefined) settle(new KernelError(error.code));
      });
    });
  }

  /** One message and its answer; `write` writes what follows the header. Rejects as `transact`. */
  ask(
    writer: MessageWriter,
    type: number,
    flags: number,
    write: (writer: MessageWriter) => void,
  ): Promise<Answer> {
    const sequence = this.reserve(1);
    writer.reset();
    writer.begin(type, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
    write(writer);
    writer.end();
    return this.transact(writer.written, sequence, sequence);
  }

  /** A message without effect from this socket to `port`, to mark a place in what that socket reads. */
  mark(port: number, bytes: Uint8Array): void {
    if (this.#isOpen) this.#socket.send(bytes, { port }, () => undefined);
  }

  close(): void {
    this.#isOpen = false;
    this.#failAll(closed());
    closeSoon(this.#socket);
  }

  #take(message: Message): void {
    const { sequence } = message;
    for (const pending of this.#pending) {
      if (sequence < pending.first || sequence > pending.last) continue;
      if (message.type !== NLMSG_ERROR) {
        pending.replies.push(message);
        return;
      }
      const error = errorOf(message);
      if (error !== undefined) pending.errors.set(sequence, error);
      if (sequence === pending.last) pending.settle();
      return;
    }
  }

  #failAll(failure: KernelError): void {
    for (const pending of this.#pending) pending.settle(failure);
  }
}

interface DumpRequest {
  readonly type: number;
  readonly writeRequest: (writer: MessageWriter) => void;
  readonly isWanted: (message: Message) => boolean;
}

/** Reads whole tables, one at a time. */
export class DumpSocket {
  readonly #socket: RawNetlinkSocket;
  readonly #writer = new MessageWriter();
  #last: Promise<unknown> = Promise.resolve();
  #sequence = 0;
  #isOpen = true;
  #current:
    | {
        readonly pieces: Message[][];
        readonly isWanted: (message: Message) => boolean;
        torn: boolean;
        settle(failure?: Refusal): void;
      }
    | undefined;

  constructor() {
    this.#socket = open(
      NETLINK_ROUTE,
      { receiveBytes: RECEIVE_BYTES, request: true },
      DUMP_PIECE_BYTES,
    ).socket;
    this.#socket.on(
      'message',
      guarded(
        (bytes) => this.#take(bytes),
        (failure) => this.#fail(failure),
      ),
    );
    this.#socket.on('truncatedMessage', () => this.#fail(new KernelError('EMSGSIZE')));
    this.#socket.on('error', (error) => this.#fail(new KernelError(error.code)));
  }

  /**
   * The messages that answer a dump request, in the pieces they came in. `writeRequest` writes the fixed part and
   * attributes; what is not wanted is dropped as it comes. Rejects with a KernelError.
   */
  dump(
    type: number,
    writeRequest: (writer: MessageWriter) => void,
    isWanted: (message: Message) => boolean = () => true,
  ): Promise<readonly (readonly Message[])[]> {
    const request = { type, writeRequest, isWanted };
    const result = this.#last.then(() => this.#attempt(request, DUMP_ATTEMPTS));
    this.#last = result.catch(() => undefined);
    return result;
  }

  close(): void {
    this.#isOpen = false;
    this.#fail(closed());
    closeSoon(this.#socket);
  }

  async #attempt(request: DumpRequest, attempts: number): Promise<readonly (readonly Message[])[]> {
    const { pieces, torn } = await this.#once(request);
    return torn && attempts > 1 ? this.#attempt(request, attempts - 1) : pieces;
  }

  #once({
    type,
    writeRequest,
    isWanted,
  }: DumpRequest): Promise<{ pieces: readonly (readonly Message[])[]; torn: boolean }> {
    if (!this.#isOpen) return Promise.reject(closed());
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#writer.reset();
    this.#writer.begin(type, NLM_F_REQUEST | NLM_F_DUMP, this.#sequence);
    writeRequest(this.#writer);
    this.#writer.end();
    return new Promise((resolve, reject) => {
      const settle = (failure?: Refusal): void => {
        clearTimeout(timer);
        this.#current = undefined;
        if (failure === undefined) resolve(current);
        else reject(new KernelError(failure.code, failure.message));
      };
      const timer = setTimeout(() => settle(new KernelError('ETIMEDOUT')), ANSWER_LIMIT);
      const current = { pieces: [], isWanted, torn: false, settle };
      this.#current = current;
      this.#socket.send(this.#writer.written, undefined, (error) => {
        if (error !== undefined) this.#fail(new KernelError(error.code));
      });
    });
  }

  #take(bytes: Uint8Array): void {
    const current = this.#current;
    if (current === undefined) return;
    const piece: Message[] = [];
    current.pieces.push(piece);
    visitMessages(bytes, (message) => {
      if (message.sequence !== this.#sequence) return;
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) current.torn = true;
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE)
        current.settle(errorOf(message));
      else if (current.isWanted(message)) piece.push(message);
    });
  }

  #fail(failure: KernelError): void {
    this.#current?.settle(failure);
  }
}

interface EventListener {
  onMessage(message: Message): void;
  /** Events were lost; `reason` in words. What was built on them must be read anew. */
  onLost(reason: string): void;
}

export interface EventSocket {
  readonly port: number;
  close(): void;
}

/**
 * Joins multicast groups of a netlink protocol (groups by number, as in NFNLGRP_NFTABLES). `notFrom`: the port of
 * a socket whose doings are not to be told. Throws a KernelError when the kernel refuses.
 */
export function openEventSocket(
  protocol: number,
  groups: readonly number[],
  listener: EventListener,
  notFrom?: number,
): EventSocket {
  const { socket, drops } = open(protocol, {
    receiveBytes: RECEIVE_BYTES,
    request: false,
    notFrom,
  });
  let isOpen = true;
  const checkDrops = dropChecker(() => (isOpen ? drops() : 0), listener);
  socket.on(
    'message',
    guarded(
      (bytes) => {
        checkDrops();
        visitMessages(bytes, (message) => {
          if (isOpen) listener.onMessage(message);
        });
      },
      ({ message }) => listener.onLost(`an event could not be read: ${message}`),
    ),
  );
  socket.on('truncatedMessage', () => listener.onLost('an event was longer than its buffer'));
  socket.on('error', (error) => listener.onLost(`the kernel’s events were lost (${error.code})`));
  for (const group of groups) socket.addMembership(group);
  const close = (): void => {
    isOpen = false;
    closeSoon(socket);
  };
  return { port: socket.address().port >>> 0, close };
}

/** Looks at the counter at most once a turn of the event loop; what is dropped is dropped while others wait to be read. */
function dropChecker(drops: DropCounter, listener: EventListener): () => void {
  let known = 0;
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      const count = drops();
      if (count > known) listener.onLost(`the kernel dropped ${count - known} events unread`);
      known = count;
    });
  };
}

/** An exception that reaches the package's C++ ends the process. */
function guarded(
  take: (bytes: Uint8Array) => void,
  onFailure: (failure: KernelError) => void,
): (bytes: Uint8Array) => void {
  return (bytes) => {
    try {
      take(bytes);
    } catch (cause) {
      onFailure(new KernelError('EIO', String(cause)));
    }
  };
}

/**
 * Not at once: what follows an answer runs inside a callback of the package's C++, which goes on with a socket that
 * must not have gone meanwhile (its PollHandler, of one that can be read and written to, would end the process).
 */
function closeSoon(socket: RawNetlinkSocket): void {
  setImmediate(() => socket.close());
}

function closed(): KernelError {
  return new KernelError('EBADF', 'the netlink socket was closed');
}

/** `pieceBytes`: room for one datagram; without it each is measured first. */
function open(
  protocol: number,
  tuning: SocketTuning,
  pieceBytes?: number,
): { readonly socket: RawNetlinkSocket; readonly drops: DropCounter } {
  const reading =
    pieceBytes === undefined ? {} : { messagePeeking: false, msgBufferSize: pieceBytes };
  const socket = new RawNetlinkSocket(protocol, {
    recvBufferSize: 0,
    sendBufferSize: 0,
    ...reading,
  });
  try {
    return { socket, drops: tuneSocket(protocol, socket.address().port >>> 0, tuning) };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** What a NLMSG_ERROR or NLMSG_DONE says; undefined when it says that all is well (struct nlmsgerr, linux/netlink.h). */
function errorOf(message: Message): Refusal | undefined {
  if (message.end - message.start < 4) return undefined;
  const errno = message.view.getInt32(message.start, LITTLE_ENDIAN);
  if (errno >= 0) return undefined;
  const code = errnoName(errno);
  return { code, message: extendedText(message) ?? errnoSentence(code) };
}

function extendedText(message: Message): string | undefined {
  if ((message.flags & NLM_F_ACK_TLVS) === 0 || message.type !== NLMSG_ERROR) return undefined;
  const capped = (message.flags & NLM_F_CAPPED) !== 0;
  const original = message.start + 4;
  if (original + HEADER_BYTES > message.end) return undefined;
  const length = capped ? HEADER_BYTES : message.view.getUint32(original, LITTLE_ENDIAN);
  return Attributes.of(message, 4 + ((length + 3) & ~3)).text(NLMSGERR_ATTR_MSG);
}
