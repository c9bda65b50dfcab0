/**
 * UDP packets that nobody on the way may fragment, however large: for measuring what a path carries. Node has no word
 * for such a socket, so libc makes it and sends; Node listens on it.
 */
import { createSocket, type Socket } from 'node:dgram';
import koffi from 'koffi';
import { FAMILIES, familyOf, parseAddress, writeAddress, type Family } from '../ip/address.ts';
import { partsOf, socketAddress, type SocketAddress } from '../ip/socket-address.ts';
import { errnoName, KernelError } from './errno.ts';

/** linux/socket.h. */
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** linux/in.h, linux/in6.h: level and number of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER. */
const MTU_DISCOVER: Readonly<Record<Family, readonly [level: number, option: number]>> = {
  4: [0, 10],
  6: [41, 23],
};
/** IP_PMTUDISC_PROBE: do not fragment, and do not heed what is known of the path. The same number for IPv6. */
const PROBE = 3;
/**
 * IP_PMTUDISC_INTERFACE: believe no router that says a packet was too large. So the kernel does not note, for ten
 * minutes, what we find out ourselves and sooner: tunnels would go on fragmenting after the path has grown again.
 */
const INTERFACE = 4;

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const setInteger = libc.func('int setsockopt(int, int, int, int *, uint32_t)');
// int64_t stands for ssize_t, uint64_t for size_t.
const sendto = libc.func('int64_t sendto(int, uint8_t *, uint64_t, int, uint8_t *, uint32_t)');

/** Bytes that IP and UDP put before what a packet carries. */
export const HEADERS: Readonly<Record<Family, number>> = { 4: 20 + 8, 6: 40 + 8 };

interface Opened {
  readonly fd: number;
  readonly socket: Socket;
}

export class WholePackets {
  readonly #received: (data: Uint8Array, from: SocketAddress) => void;
  readonly #opened = new Map<Family, Opened>();

  /** Sockets are opened when they are first needed. */
  constructor(received: (data: Uint8Array, from: SocketAddress) => void) {
    this.#received = received;
  }

  /** Without waiting. Returns the errno's name if it was not sent: EMSGSIZE when our own link does not take it. */
  send(data: Uint8Array, to: SocketAddress): string | undefined {
    const address = nativeAddress(to);
    const family = familyOf(partsOf(to).address);
    try {
      const { fd } = this.#opened.get(family) ?? this.#open(family);
      discover(fd, family, PROBE);
      const sent = sendto(fd, data, data.length, MSG_NOSIGNAL, address, address.length);
      const problem = Number(sent) < 0 ? errnoName(koffi.errno()) : undefined;
      discover(fd, family, INTERFACE);
      return problem;
    } catch (cause) {
      if (cause instanceof KernelError) return cause.code;
      throw cause;
    }
  }

  close(): void {
    for (const { socket } of this.#opened.values()) socket.close();
    this.#opened.clear();
  }

  /** Throws a KernelError. */
  #open(family: Family): Opened {
    const kind = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = Number(socket(FAMILIES[family].afNumber, kind, 0));
    if (fd < 0) throw new KernelError(errnoName(koffi.errno()));
    const node = createSocket(family === 4 ? 'udp4' : 'udp6');
    const opened = { fd, socket: node };
    this.#opened.set(family, opened);
    node.on('message', (data, { address, port }) => {
      // A link-local address has its zone behind it.
      const from = parseAddress(address.split('%')[0] ?? '');
      if (from !== undefined) this.#received(data, socketAddress(from, port));
    });
    // It is of no more use: the next packet opens another.
    node.on('error', () => {
      if (this.#opened.get(family) === opened) this.#opened.delete(family);
      node.close();
    });
    node.bind({ fd });
    return opened;
  }
}

/** Throws a KernelError. */
function discover(fd: number, family: Family, how: number): void {
  const status = setInteger(fd, ...MTU_DISCOVER[family], [how], 4);
  if (status !== 0) throw new KernelError(errnoName(koffi.errno()));
}

/** struct sockaddr_in and sockaddr_in6 (linux/in.h, linux/in6.h). */
export function nativeAddress(to: SocketAddress): Buffer {
  const { address, port } = partsOf(to);
  const family = familyOf(address);
  const bytes = Buffer.alloc(family === 4 ? 16 : 28);
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = FAMILIES[family].afNumber;
  bytes.writeUInt16BE(port, 2);
  writeAddress(address, bytes, family === 4 ? 4 : 8);
  return bytes;
}
