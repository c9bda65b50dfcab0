/**
 * Socket options that the `netlink` package has no call for. Its sockets do not tell their file descriptor, so
 * it is found by the socket's inode: the kernel lists inode by port, and our own descriptors link to inodes.
 * Synchronous on purpose: /proc/thread-self is the network namespace the socket was made in only as long as
 * this thread has not moved on.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';
import {
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_NO_ENOBUFS,
  SK_MEMINFO_DROPS,
  SK_MEMINFO_VARS,
  SO_MEMINFO,
  SOL_NETLINK,
  SOL_SOCKET,
  SO_ATTACH_FILTER,
  SO_RCVBUFFORCE,
} from './constants.ts';
import { errnoName, KernelError } from '../errno.ts';
import { LITTLE_ENDIAN } from './message.ts';

export interface SocketTuning {
  /** SO_RCVBUFFORCE: room in the kernel for what we have not read yet, beyond net.core.rmem_max. */
  readonly receiveBytes: number;
  /** NETLINK_GET_STRICT_CHK, NETLINK_EXT_ACK, NETLINK_CAP_ACK: dumps filtered by the kernel, refusals with its own words. */
  readonly request: boolean;
  /** Drops messages that report what the socket at this port did. */
  readonly notFrom?: number | undefined;
}

const libc = koffi.load(null);
/** linux/filter.h: struct sock_fprog. Without a name, as koffi's are one list for the whole process. */
const FilterProgram = koffi.struct({ length: 'uint16_t', filter: 'uint8_t *' });
const setInteger = libc.func('int setsockopt(int, int, int, int *, uint32_t)');
const getCounters = libc.func('int getsockopt(int, int, int, uint32_t *, _Inout_ uint32_t *)');
const setFilter = libc.func('setsockopt', 'int', [
  'int',
  'int',
  'int',
  koffi.pointer(FilterProgram),
  'uint32_t',
]);

/** Returns what counts the messages the kernel dropped so far, as nobody read them in time. */
export type DropCounter = () => number;

/**
 * Throws a KernelError when the socket is not found or an option is refused.
 *
 * NETLINK_NO_ENOBUFS always: dropped messages would otherwise make the socket report an error, on which the
 * package ends the whole process from C++ (its PollHandler builds an exception of a null string).
 */
export function tuneSocket(protocol: number, port: number, tuning: SocketTuning): DropCounter {
  const fd = descriptorOf(protocol, port);
  integerOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, tuning.receiveBytes);
  integerOption(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
  if (tuning.request) {
    for (const option of [NETLINK_GET_STRICT_CHK, NETLINK_EXT_ACK, NETLINK_CAP_ACK])
      integerOption(fd, SOL_NETLINK, option, 1);
  }
  if (tuning.notFrom !== undefined) {
    const filter = dropSender(tuning.notFrom);
    const program = { length: filter.length / 8, filter };
    check(setFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, koffi.sizeof(FilterProgram)));
  }
  const counters = new Uint32Array(SK_MEMINFO_VARS);
  return () => {
    check(getCounters(fd, SOL_SOCKET, SO_MEMINFO, counters, [counters.byteLength]));
    return counters[SK_MEMINFO_DROPS] ?? 0;
  };
}

function integerOption(fd: number, level: number, option: number, value: number): void {
  check(setInteger(fd, level, option, [value], 4));
}

function check(status: number): void {
  if (status !== 0) throw new KernelError(errnoName(koffi.errno()));
}

function descriptorOf(protocol: number, port: number): number {
  const target = `socket:[${inodeOf(protocol, port)}]`;
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`) === target) return Number(name);
    } catch {
      // Closed between the listing and the look at it; ours is open.
    }
  }
  throw new KernelError('EBADF', 'the netlink socket is not among the open files');
}

/** Columns of the table: address, protocol, port, …, inode last. */
function inodeOf(protocol: number, port: number): string {
  for (const line of readFileSync('/proc/thread-self/net/netlink', 'utf8').split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[1] === String(protocol) && columns[2] === String(port)) return columns.at(-1) ?? '';
  }
  throw new KernelError('ENOENT', 'the netlink socket is not in the kernel’s table');
}

/** linux/bpf_common.h. */
const LOAD_WORD_AT = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
/** Where nlmsg_pid stands in struct nlmsghdr. */
const PORT_OFFSET = 12;

/**
 * A classic BPF program (linux/filter.h, struct sock_filter): load nlmsg_pid; equal: keep 0 bytes, else all.
 * BPF reads words in network order, nlmsg_pid stands in the machine's, so the constant is swapped.
 */
export function dropSender(port: number): Buffer {
  const asStored = Buffer.alloc(4);
  if (LITTLE_ENDIAN) asStored.writeUInt32LE(port);
  else asStored.writeUInt32BE(port);
  return Buffer.concat([
    instruction(LOAD_WORD_AT, 0, 0, PORT_OFFSET),
    instruction(JUMP_IF_EQUAL, 0, 1, asStored.readUInt32BE()),
    instruction(RETURN, 0, 0, 0),
    instruction(RETURN, 0, 0, 0xffff_ffff),
  ]);
}

function instruction(code: number, ifTrue: number, ifFalse: number, constant: number): Buffer {
  const bytes = Buffer.alloc(8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  view.setUint16(0, code, LITTLE_ENDIAN);
  view.setUint8(2, ifTrue);
  view.setUint8(3, ifFalse);
  view.setUint32(4, constant, LITTLE_ENDIAN);
  return bytes;
}
