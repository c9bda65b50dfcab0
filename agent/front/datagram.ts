/** Unix datagram sockets, which Node cannot open: three calls of libc. Imported only where systemd asked for it. */
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

/** sys/socket.h of Linux; the same on every architecture Node runs on there. */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
// int64_t stands for ssize_t, uint64_t for size_t.
const sendto = libc.func('int64_t sendto(int, uint8_t *, uint64_t, int, uint8_t *, uint32_t)');
const close = libc.func('int close(int)');

export class DatagramSocket {
  readonly #fd: number;

  /** Throws an Error with the errno's name when the process has no descriptor left. */
  constructor() {
    this.#fd = Number(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (this.#fd < 0) throw new Error(lastError());
  }

  /** Without waiting. Returns the errno's name if it was not sent. */
  send(data: Uint8Array, address: Uint8Array): string | undefined {
    const sent = sendto(this.#fd, data, data.length, MSG_NOSIGNAL, address, address.length);
    return Number(sent) < 0 ? lastError() : undefined;
  }

  close(): void {
    close(this.#fd);
  }
}

function lastError(): string {
  return getSystemErrorName(-koffi.errno());
}
