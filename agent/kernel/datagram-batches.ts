/**
 * A UDP socket that takes and answers many datagrams with one call each way (recvmmsg(2), sendmmsg(2)): Node's own
 * needs two system calls, two turns of its loop and several objects for each. Node only tells when there is something
 * to read, by the first of them. Opened without waiting, so in the network namespace that the thread is in.
 */
import { createSocket, type Socket } from 'node:dgram';
import { endianness } from 'node:os';
import koffi from 'koffi';
import { familyOf, type Address, type Family } from '../ip/address.ts';
import { boundDatagramSocket, nativeAddress, NATIVE_BYTES } from './bound-socket.ts';

/** linux/socket.h. */
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Datagrams of one call. */
const BATCH = 64;
/** Calls in a row, before others have their turn. */
const ROUNDS = 4;
/** Bytes of a question that we look at; a longer one is cut, and refused as such. */
const IN_BYTES = 4096;
const OUT_BYTES = 4096;
/** Of the larger family. */
const ADDRESS_BYTES = NATIVE_BYTES[6];
/** struct mmsghdr of 64-bit Linux: where its fields are. */
const HEADER = 64;
const NAME = 0;
const NAME_LENGTH = 8;
const VECTOR = 16;
const VECTOR_LENGTH = 24;
const MESSAGE_LENGTH = 56;
/** struct iovec. */
const IOVEC = 16;

const LITTLE = endianness() === 'LE';

const libc = koffi.load(null);
const recvmmsg = libc.func('int recvmmsg(int, void *, uint32_t, int, void *)');
const sendmmsg = libc.func('int sendmmsg(int, void *, uint32_t, int)');

/** Who asks: a struct sockaddr; valid until the handler returns. */
export type Peer = Uint8Array;

/**
 * Writes the answer to `out`, and returns its length; 0: none now. What it gets is valid until it returns. `isBusy`:
 * more came than one call takes, so others wait.
 */
export type Handler = (
  datagram: Uint8Array,
  length: number,
  peer: Peer,
  out: Uint8Array,
  isBusy: boolean,
) => number;

interface Side {
  /** struct mmsghdr of each. */
  readonly headers: DataView;
  readonly address: bigint;
  /** struct iovec of each. */
  readonly lengths: DataView;
  readonly buffers: readonly Uint8Array[];
}

/** Memory that both the kernel and we see, shared by all sockets of this thread: a call is over before the next. */
class Memory {
  readonly in: Side;
  readonly out: Side;
  readonly peers: readonly Uint8Array[];
  readonly #peerBase: bigint;

  constructor() {
    const peers = allocate(BATCH * ADDRESS_BYTES);
    this.#peerBase = peers.address;
    this.peers = split(peers.bytes, ADDRESS_BYTES);
    this.in = side(IN_BYTES);
    this.out = side(OUT_BYTES);
    for (let i = 0; i < BATCH; i++) this.name(this.in, i, i, ADDRESS_BYTES);
  }

  /** Points the name of message `i` to the peer `peer`. */
  name({ headers }: Side, i: number, peer: number, length: number): void {
    const address = this.#peerBase + BigInt(peer * ADDRESS_BYTES);
    headers.setBigUint64(i * HEADER + NAME, address, LITTLE);
    headers.setUint32(i * HEADER + NAME_LENGTH, length, LITTLE);
  }
}

function side(bytes: number): Side {
  const data = allocate(BATCH * bytes);
  const vectors = allocate(BATCH * IOVEC);
  const headers = allocate(BATCH * HEADER);
  const [vectorView, headerView] = [viewOf(vectors.bytes), viewOf(headers.bytes)];
  for (let i = 0; i < BATCH; i++) {
    vectorView.setBigUint64(i * IOVEC, data.address + BigInt(i * bytes), LITTLE);
    vectorView.setBigUint64(i * IOVEC + 8, BigInt(bytes), LITTLE);
    headerView.setBigUint64(i * HEADER + VECTOR, vectors.address + BigInt(i * IOVEC), LITTLE);
    headerView.setBigUint64(i * HEADER + VECTOR_LENGTH, 1n, LITTLE);
  }
  const { address } = headers;
  return { headers: headerView, address, lengths: vectorView, buffers: split(data.bytes, bytes) };
}

interface Allocated {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** Never freed: a thread needs it once. */
function allocate(length: number): Allocated {
  const pointer: unknown = koffi.alloc('uint8_t', length);
  const bytes = new Uint8Array(koffi.view(pointer, length)).fill(0);
  return { address: koffi.address(pointer), bytes };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function split(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: bytes.length / size }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

let shared: Memory | undefined;

export class DatagramBatches {
  readonly #memory: Memory;
  readonly #handler: Handler;
  readonly #fd: number;
  readonly #family: Family;
  readonly #socket: Socket;
  #isBusy = false;
  #isClosed = false;
  /** Answers that the kernel had no room for. */
  unsent = 0;

  /**
   * `room`: bytes that may wait in the kernel while this thread works. `failed`: it is of no more use. Throws a
   * KernelError (EADDRINUSE, EADDRNOTAVAIL, …).
   */
  constructor(
    address: Address,
    port: number,
    room: number,
    handler: Handler,
    failed: (cause: Error) => void,
  ) {
    this.#memory = shared ??= new Memory();
    this.#handler = handler;
    this.#family = familyOf(address);
    this.#fd = boundDatagramSocket(address, port, room);
    this.#socket = createSocket(this.#family === 4 ? 'udp4' : 'udp6');
    this.#socket.on('message', (data, { address: from, port: fromPort }) => {
      this.#one(data, nativeAddress(from.split('%')[0] as Address, fromPort));
      this.#drain();
    });
    this.#socket.on('error', failed);
    this.#socket.bind({ fd: this.#fd });
  }

  /** To somebody who asked before: `peer` is a copy of what the handler got. */
  send(data: Uint8Array, peer: Peer): void {
    // Its number may be another socket's by now.
    if (this.#isClosed) return;
    const { out, peers } = this.#memory;
    out.buffers[0]?.set(data);
    peers[0]?.set(peer);
    this.#answer(0, 0, data.length);
    this.#flush(1);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.close();
  }

  #one(data: Uint8Array, peer: Peer): void {
    const { out, peers } = this.#memory;
    peers[0]?.set(peer);
    const into = out.buffers[0] as Uint8Array;
    const length = this.#handler(data, data.length, peers[0] as Peer, into, this.#isBusy);
    if (length === 0) return;
    this.#answer(0, 0, length);
    this.#flush(1);
  }

  /** Ends with the socket, which what is handled may close: its number may be another's by then. */
  #drain(): void {
    for (let round = 0; round < ROUNDS && !this.#isClosed; round++)
      if (this.#batch() < BATCH) return;
  }

  /** Takes what is there, and answers it; returns how many there were. */
  #batch(): number {
    const { in: asked, out, peers } = this.#memory;
    const count = Number(recvmmsg(this.#fd, asked.address, BATCH, MSG_DONTWAIT, null));
    let answers = 0;
    for (let i = 0; i < count; i++) {
      const size = asked.headers.getUint32(i * HEADER + MESSAGE_LENGTH, LITTLE);
      // The kernel wrote how long it is; sockets of the other family need more room.
      asked.headers.setUint32(i * HEADER + NAME_LENGTH, ADDRESS_BYTES, LITTLE);
      const peer = peers[i] as Peer;
      const into = out.buffers[answers] as Uint8Array;
      const length = this.#handler(asked.buffers[i] as Uint8Array, size, peer, into, this.#isBusy);
      if (length > 0) this.#answer(answers++, i, length);
    }
    if (answers > 0) this.#flush(answers);
    this.#isBusy = count === BATCH;
    return count;
  }

  #answer(message: number, peer: number, length: number): void {
    const { out } = this.#memory;
    this.#memory.name(out, message, peer, NATIVE_BYTES[this.#family]);
    out.lengths.setBigUint64(message * IOVEC + 8, BigInt(length), LITTLE);
  }

  /** One that cannot be sent stands in the way of those behind it no more than once. */
  #flush(count: number): void {
    const { out } = this.#memory;
    for (let done = 0; done < count && !this.#isClosed; done++) {
      const from = out.address + BigInt(done * HEADER);
      const sent = Number(sendmmsg(this.#fd, from, count - done, MSG_DONTWAIT | MSG_NOSIGNAL));
      done += Math.max(0, sent);
      if (done < count) this.unsent++;
    }
  }
}
