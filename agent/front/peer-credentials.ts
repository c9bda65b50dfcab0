/** Who is at the other end of a unix socket, as the kernel has it: unix(7), SO_PEERCRED. */
import koffi from 'koffi';
import type { Socket } from 'node:net';

/** asm-generic/socket.h */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: three integers. */
const CREDENTIALS = 3;

const getCredentials = koffi
  .load(null)
  .func('int getsockopt(int, int, int, _Out_ int32_t *, _Inout_ uint32_t *)');

/** `uid 0, gid 0, pid 4711`; undefined where the kernel does not say. The process may have ended since. */
export function peerOf(socket: Socket): string | undefined {
  // Node does not tell it otherwise.
  const { fd } = (socket as Socket & { readonly _handle?: { readonly fd?: number } })._handle ?? {};
  if (fd === undefined || fd < 0) return undefined;
  const values = new Int32Array(CREDENTIALS);
  const length = new Uint32Array([values.byteLength]);
  if (getCredentials(fd, SOL_SOCKET, SO_PEERCRED, values, length) !== 0) return undefined;
  const [pid, uid, gid] = values;
  return `uid ${uid}, gid ${gid}, pid ${pid}`;
}
