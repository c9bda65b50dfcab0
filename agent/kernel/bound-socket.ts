/**
 * Sockets bound to an address that this host need not have yet (IP_FREEBIND): a server is there before the bridge whose
 * address it serves, and stays when that goes and comes back. Made by libc, and at once, so in the network namespace
 * that the thread is in; Node takes them by their descriptor.
 */
import { endianness } from 'node:os';
import koffi from 'koffi';
import { FAMILIES, familyOf, writeAddress, type Address, type Family } from '../ip/address.ts';
import { errnoName, KernelError } from './errno.ts';

/** linux/socket.h and asm-generic/socket.h; the same on every architecture Node runs on there. */
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUFFORCE = 33;
/** linux/in.h, linux/in6.h: level and number of IP_FREEBIND and IPV6_FREEBIND. */
const FREEBIND: Readonly<Record<Family, readonly [level: number, option: number]>> = {
  4: [0, 15],
  6: [41, 78],
};
/** Connections that wait to be accepted. */
const BACKLOG = 128;

/** Bytes of struct sockaddr_in and sockaddr_in6. */
export const NATIVE_BYTES: Readonly<Record<Family, number>> = { 4: 16, 6: 28 };

export const LITTLE = endianness() === 'LE';

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, uint8_t *, uint32_t)');
const listen = libc.func('int listen(int, int)');
const setInteger = libc.func('int setsockopt(int, int, int, int *, uint32_t)');
const close = libc.func('int close(int)');

/** For datagrams, with room in the kernel for so many bytes that nobody has read. Throws a KernelError (EADDRINUSE, …). */
export function boundDatagramSocket(address: Address, port: number, room: number): number {
  return open(address, port, SOCK_DGRAM, (fd) => {
    check(setInteger(fd, SOL_SOCKET, SO_RCVBUFFORCE, [room], 4));
  });
}

/** For connections, listening. Throws a KernelError. */
export function listeningSocket(address: Address, port: number): number {
  const fd = open(address, port, SOCK_STREAM, (opened) => {
    check(setInteger(opened, SOL_SOCKET, SO_REUSEADDR, [1], 4));
  });
  return orClose(fd, () => check(listen(fd, BACKLOG)));
}

/** struct sockaddr_in and sockaddr_in6 (linux/in.h, linux/in6.h). */
export function nativeAddress(address: Address, port: number): Uint8Array {
  const family = familyOf(address);
  const bytes = new Uint8Array(NATIVE_BYTES[family]);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, FAMILIES[family].afNumber, LITTLE);
  view.setUint16(2, port);
  writeAddress(address, bytes, family === 4 ? 4 : 8);
  return bytes;
}

function open(address: Address, port: number, kind: number, prepare: (fd: number) => void): number {
  const family = familyOf(address);
  const fd = Number(socket(FAMILIES[family].afNumber, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd < 0) throw new KernelError(errnoName(koffi.errno()));
  return orClose(fd, () => {
    prepare(fd);
    check(setInteger(fd, ...FREEBIND[family], [1], 4));
    const name = nativeAddress(address, port);
    check(bind(fd, name, name.length));
  });
}

function orClose(fd: number, work: () => void): number {
  try {
    work();
    return fd;
  } catch (cause) {
    close(fd);
    throw cause;
  }
}

function check(status: unknown): void {
  if (status !== 0) throw new KernelError(errnoName(koffi.errno()));
}
