/** TUN devices, and a socket for whole IP packets: what Node has no calls for. */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { writeAddress, type Address } from '../../ip/address.ts';
import { errnoName, KernelError } from '../errno.ts';
import { LITTLE_ENDIAN } from '../netlink/message.ts';

const libc = koffi.load(null);
const ioctl = libc.func('int ioctl(int, unsigned long, uint8_t *)');
const openSocket = libc.func('int socket(int, int, int)');
const sendTo = libc.func('long sendto(int, uint8_t *, size_t, int, uint8_t *, uint32_t)');

/** linux/if_tun.h: TUNSETIFF takes a struct ifreq (linux/if.h), a name of 16 bytes and flags after it. */
const TUNSETIFF = 0x4004_54ca;
const IFREQ_BYTES = 40;
const FLAGS_OFFSET = 16;
const IFF_TUN = 1;
/** Packets without a header before them. */
const IFF_NO_PI = 0x1000;

const AF_INET = 2;
const SOCK_RAW = 3;
/** Whole packets, header included (raw(7)). */
const IPPROTO_RAW = 255;
const MSG_DONTWAIT = 0x40;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_ADDRESS = 4;

/** Makes the device; it goes when the descriptor is closed. Throws a KernelError. */
export function openTun(name: string): number {
  const fd = openDevice('/dev/net/tun');
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name);
  putShort(request, FLAGS_OFFSET, IFF_TUN | IFF_NO_PI);
  if (ioctl(fd, TUNSETIFF, request) === 0) return fd;
  const code = errnoName(koffi.errno());
  closeSync(fd);
  throw new KernelError(code);
}

function openDevice(path: string): number {
  try {
    return openSync(path, 'r+');
  } catch (cause) {
    const { code = 'EIO', message } = cause as NodeJS.ErrnoException;
    throw new KernelError(code, message);
  }
}

/** What sends an IPv4 packet as it is, as this host's own; one that cannot be sent is lost. Throws a KernelError. */
export function openRawSender(): (packet: Uint8Array, to: Address) => void {
  const fd = openSocket(AF_INET, SOCK_RAW, IPPROTO_RAW) as number;
  if (fd < 0) throw new KernelError(errnoName(koffi.errno()), 'a raw socket needs CAP_NET_RAW');
  return (packet, to) => {
    const place = Buffer.alloc(SOCKADDR_IN_BYTES);
    putShort(place, 0, AF_INET);
    writeAddress(to, place, SOCKADDR_ADDRESS);
    sendTo(fd, packet, packet.length, MSG_DONTWAIT, place, place.length);
  };
}

function putShort(bytes: Buffer, at: number, value: number): void {
  if (LITTLE_ENDIAN) bytes.writeUInt16LE(value, at);
  else bytes.writeUInt16BE(value, at);
}
