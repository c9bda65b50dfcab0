/**
 * Calls to the daemon's socket, whatever service they are of: the caller's side of gRPC (github.com/grpc/grpc,
 * doc/PROTOCOL-HTTP2.md) on Node's own HTTP/2. Not grpc-js, which takes as long to load as Node does to start: `weft`
 * makes one call and ends.
 */
import {
  connect as openSession,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { fromWire } from './codec.ts';
import { isWeftError, WeftError } from './errors.ts';
import { endOf, failureOf, faultOf, LATE, VANISHED, type RpcEnd } from './rpc-end.ts';
import { frameOf, Unframing } from './rpc-frames.ts';
import { connectTo } from './socket.ts';

/** As control.proto promises. */
const MESSAGE_LIMIT = 8 << 20;

/** What proto/service-definition.ts makes of a method. */
export interface RpcMethod {
  readonly path: string;
  readonly requestSerialize: (message: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => object;
}

/** Every call throws a WeftError. Close it, or the process stays alive. */
export class Rpc {
  readonly #session: ClientHttp2Session;
  readonly #socketPath: string;

  private constructor(socket: Socket, socketPath: string) {
    // The name is no host's: it only has to be one.
    this.#session = openSession('http://weftd', { createConnection: () => socket });
    this.#socketPath = socketPath;
    // The calls under way end too, and tell.
    this.#session.on('error', () => undefined);
  }

  /** Throws WEFT_UNREACHABLE or WEFT_FORBIDDEN when nobody answers on the socket. */
  static async open(socketPath: string): Promise<Rpc> {
    const connection = await connectTo(socketPath);
    if (connection.state === 'none') throw unreachable(socketPath, connection.code);
    return new Rpc(connection.socket, socketPath);
  }

  async one<T extends object>(method: RpcMethod, request: object, limitMs: number): Promise<T> {
    let answer: T | undefined;
    // To its end: a failure may follow.
    for await (const message of this.many<T>(method, request, limitMs)) answer = message;
    if (answer === undefined) throw failureOf(VANISHED, this.#socketPath);
    return answer;
  }

  /** `limitMs` for the whole stream; none for one that goes on until the caller stops. */
  async *many<T extends object>(
    method: RpcMethod,
    request: object,
    limitMs?: number,
  ): AsyncGenerator<T> {
    const call = this.#begin(method.path, limitMs);
    let end: RpcEnd = VANISHED;
    // A call that fails before its first message has headers alone.
    call.on('response', (headers) => (end = endOf(headers) ?? end));
    call.on('trailers', (trailers) => (end = endOf(trailers) ?? end));
    call.on('error', () => undefined);
    const late = (): void => {
      end = LATE;
      call.close(constants.NGHTTP2_CANCEL);
    };
    const alarm = limitMs === undefined ? undefined : setTimeout(late, limitMs);
    try {
      call.end(frameOf(method.requestSerialize(request)));
      const unframing = new Unframing(MESSAGE_LIMIT);
      for await (const chunk of chunksOf(call))
        for (const bytes of unframing.push(chunk))
          yield fromWire(method.responseDeserialize(bytes)) as T;
    } catch (error) {
      throw isWeftError(error) ? error : faultOf(error);
    } finally {
      clearTimeout(alarm);
      call.close(constants.NGHTTP2_CANCEL);
    }
    if (end.code !== 0) throw failureOf(end, this.#socketPath);
  }

  close(): void {
    this.#session.destroy();
  }

  #begin(path: string, limitMs: number | undefined): ClientHttp2Stream {
    try {
      return this.#session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...(limitMs === undefined ? {} : { 'grpc-timeout': `${limitMs}m` }),
      });
    } catch {
      // The session is over.
      throw failureOf(VANISHED, this.#socketPath);
    }
  }
}

/** Until it ends, in whatever way: its trailers tell, or that there are none. */
async function* chunksOf(call: ClientHttp2Stream): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of call) yield chunk as Buffer;
  } catch {
    // As above.
  }
}

function unreachable(socketPath: string, code: string): WeftError {
  if (code === 'EACCES' || code === 'EPERM') {
    return new WeftError('WEFT_FORBIDDEN', `you may not talk to weftd on ${socketPath}`, {
      fix: 'use sudo, or join the group weft',
    });
  }
  return new WeftError('WEFT_UNREACHABLE', `weftd does not answer on ${socketPath}`, {
    fix: 'start it with systemctl start weftd, or name its socket with --socket',
  });
}
