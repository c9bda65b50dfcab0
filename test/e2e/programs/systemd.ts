/** Listens where systemd would, and prints each message on a line: `tsx systemd.ts PATH` (sd_notify(3)). */
import koffi from 'koffi';
import { socketAddress } from '../../../agent/front/notify.ts';

/** sys/socket.h of Linux. */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MESSAGE_BYTES = 4096;

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, uint8_t *, uint32_t)');
const recv = libc.func('int64_t recv(int, _Out_ uint8_t *, uint64_t, int)');

const address = socketAddress(process.argv[2] ?? '');
if (address === undefined) throw new RangeError('name the path of the socket');
const fd = Number(socket(AF_UNIX, SOCK_DGRAM, 0));
if (bind(fd, address, address.length) !== 0) throw new Error(`bind: errno ${koffi.errno()}`);
console.log('listening');
for (;;) {
  const message = Buffer.alloc(MESSAGE_BYTES);
  const length = Number(recv(fd, message, message.length, 0));
  if (length < 0) break;
  console.log(message.toString('utf8', 0, length));
}
