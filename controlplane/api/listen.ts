/** Connections to the control API's socket, handed to gRPC with a note of who is at the other end. */
import { ServerCredentials, type Server } from '@grpc/grpc-js';
import { createServer, type Socket } from 'node:net';
import { messageOf, WeftError } from './errors.ts';
import { inUse } from './socket.ts';

/** Who is at the other end, in words; undefined where that is not known. */
export type PeerOf = (socket: Socket) => string | undefined;

/** Resolves when it listens, with what ends that. Throws WEFT_SOCKET_IN_USE or WEFT_SOCKET_PATH. */
export async function listen(
  server: Server,
  socketPath: string,
  peerOf: PeerOf,
): Promise<() => void> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createServer((socket) => {
    // What gRPC tells of its caller: a unix socket has no address.
    const value = peerOf(socket);
    if (value !== undefined) Object.defineProperty(socket, 'remoteAddress', { value });
    injector.injectConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(notListening(error, socketPath));
    listener.once('error', onError);
    listener.listen(socketPath, () => {
      listener.off('error', onError);
      resolve();
    });
  });
  return () => listener.close();
}

function notListening(error: NodeJS.ErrnoException, socketPath: string): WeftError {
  // Two daemons that start at once both find the path free.
  if (error.code === 'EADDRINUSE') return inUse(socketPath);
  return new WeftError('WEFT_SOCKET_PATH', `cannot listen on ${socketPath} (${messageOf(error)})`, {
    fix: 'name another path with --socket, of at most 107 bytes',
    cause: error,
  });
}
