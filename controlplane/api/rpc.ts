/** Calls to the daemon's socket, whatever service they are of. */
import { Client, credentials, type ClientReadableStream } from '@grpc/grpc-js';
import { fromWire } from './codec.ts';
import { WeftError } from './errors.ts';
import { fromRpcError } from './rpc-error.ts';
import { listenerOn } from './socket.ts';

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
  readonly #client: Client;
  readonly #socketPath: string;

  private constructor(client: Client, socketPath: string) {
    this.#client = client;
    this.#socketPath = socketPath;
  }

  /** Throws WEFT_UNREACHABLE or WEFT_FORBIDDEN when nobody answers on the socket. */
  static async open(socketPath: string): Promise<Rpc> {
    const listener = await listenerOn(socketPath);
    if (listener.state === 'none') throw unreachable(socketPath, listener.code);
    const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
      'grpc.enable_channelz': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': MESSAGE_LIMIT,
    });
    return new Rpc(client, socketPath);
  }

  async one<T extends object>(method: RpcMethod, request: object, limitMs: number): Promise<T> {
    const { path, requestSerialize, responseDeserialize } = method;
    const deadline = Date.now() + limitMs;
    return await new Promise<T>((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        { deadline },
        (error, response) => {
          if (error === null && response !== undefined) resolve(fromWire(response) as T);
          else reject(fromRpcError(error, this.#socketPath));
        },
      );
    });
  }

  /** `limitMs` for the whole stream; none for one that goes on until the caller stops. */
  async *many<T extends object>(
    method: RpcMethod,
    request: object,
    limitMs?: number,
  ): AsyncGenerator<T> {
    const options = limitMs === undefined ? {} : { deadline: Date.now() + limitMs };
    const call: ClientReadableStream<object> = this.#client.makeServerStreamRequest<object, object>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      options,
    );
    // Cancelling is an error event too, which comes when nobody iterates any more.
    call.on('error', () => undefined);
    try {
      for await (const message of call) yield fromWire(message as object) as T;
    } catch (error) {
      throw fromRpcError(error, this.#socketPath);
    } finally {
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
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
