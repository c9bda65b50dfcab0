/** The daemon's end of the control API: gRPC on a unix socket. */
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { unlink } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { fromWire, toWire } from './codec.ts';
import { isWeftError, messageOf, WeftError } from './errors.ts';
import type { ControlHandlers, ErrorLog } from './handlers.ts';
import { KEY_ACTIONS, PROBLEM_LIMIT, type KeyAction, type Status } from './model.ts';
import { toRpcStatus, type RpcStatus } from './rpc-error.ts';
import { CONTROL } from './service.ts';
import { claimSocket, guardSocket, inUse } from './socket.ts';
import {
  keyPages,
  leasePages,
  leaseUpdates,
  memberPages,
  memberUpdates,
  peerPages,
  peerUpdates,
  planPages,
  rotationSteps,
  statuses,
} from './streams.ts';

/** Streams served at once, over all connections; one more is refused with WEFT_BUSY. */
const STREAM_LIMIT = 64;
/** Calls at once on one connection; further ones wait in the caller. */
const CALLS_PER_CONNECTION = 100;
/** A connection without a call is closed after this; callers that vanished leave none behind. */
const IDLE_MS = 60_000;
/** Time for the last words to calls under way when the daemon stops. */
const STOP_LIMIT_MS = 1000;

export interface ControlServerOptions {
  readonly socketPath: string;
  readonly handlers: ControlHandlers;
  readonly log: ErrorLog;
  /** Where the group `weft` is looked up; /etc/group unless told. */
  readonly groupFile?: string;
}

export interface ControlServer {
  /** Ends calls under way with WEFT_STOPPED, and removes the socket. */
  close(): Promise<void>;
}

/** Resolves when it listens. Throws WEFT_SOCKET_IN_USE or WEFT_SOCKET_PATH. */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const { socketPath, handlers, log, groupFile = '/etc/group' } = options;
  await claimSocket(socketPath);
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_concurrent_streams': CALLS_PER_CONNECTION,
    'grpc.max_connection_idle_ms': IDLE_MS,
  });
  const streams = new Streams(log);
  server.addService(CONTROL, implementation(handlers, streams, log));
  await listen(server, socketPath);
  const close = async (): Promise<void> => {
    streams.close();
    await shutDown(server);
    await unlink(socketPath).catch(() => undefined);
  };
  await guardSocket(socketPath, groupFile).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { close };
}

/** Named as in CONTROL. */
function implementation(handlers: ControlHandlers, streams: Streams, log: ErrorLog) {
  return {
    getStatus: (_call: unknown, reply: Reply): void => {
      try {
        reply(null, statusMessage(handlers.status()));
      } catch (thrown) {
        reply(answerTo(thrown, log));
      }
    },
    watchStatus: streams.serve((signal) => mapped(statuses(handlers, signal), statusMessage)),
    listLeases: streams.serve(() => mapped(leasePages(handlers), toWire)),
    watchLeases: streams.serve((signal) => mapped(leaseUpdates(handlers, signal), toWire)),
    getPlan: streams.serve(() => mapped(planPages(handlers), toWire)),
    listMembers: streams.serve(() => mapped(memberPages(handlers), toWire)),
    watchMembers: streams.serve((signal) => mapped(memberUpdates(handlers, signal), toWire)),
    listPeers: streams.serve(() => mapped(peerPages(handlers), toWire)),
    watchPeers: streams.serve((signal) => mapped(peerUpdates(handlers, signal), toWire)),
    listKeys: streams.serve(() => mapped(keyPages(handlers.keys()), toWire)),
    changeKey: streams.serve((_signal, request) => {
      const { action, key } = fromWire(request) as {
        readonly action: string;
        readonly key: string;
      };
      return mapped(keyPages(handlers.changeKey(keyAction(action), key)), toWire);
    }),
    rotateWireguardKey: streams.serve((signal) => mapped(rotationSteps(handlers, signal), toWire)),
  };
}

/** Throws WEFT_USAGE. */
function keyAction(word: string): KeyAction {
  const action = KEY_ACTIONS.find((known) => known === word);
  if (action !== undefined) return action;
  throw new WeftError('WEFT_USAGE', `a key cannot be told to ${JSON.stringify(word)}`, {
    fix: `ask for one of ${KEY_ACTIONS.join(', ')}`,
  });
}

type Reply = (error: RpcStatus | null, response?: object) => void;

function statusMessage(status: Status): object {
  return toWire({ ...status, problems: status.problems.slice(0, PROBLEM_LIMIT) });
}

async function* mapped<T, U>(
  values: AsyncIterable<T> | Iterable<T>,
  change: (value: T) => U,
): AsyncGenerator<U> {
  for await (const value of values) yield change(value);
}

function answerTo(thrown: unknown, log: ErrorLog): RpcStatus {
  if (!isWeftError(thrown)) log.error({ err: thrown }, 'a control request failed');
  return toRpcStatus(thrown);
}

type Call = ServerWritableStream<object, object>;
type Messages = (signal: AbortSignal, request: object) => AsyncIterable<object>;

/** The streaming calls under way. */
class Streams {
  readonly #log: ErrorLog;
  readonly #open = new Set<AbortController>();

  constructor(log: ErrorLog) {
    this.#log = log;
  }

  serve(messages: Messages): (call: Call) => void {
    return (call) => void this.#run(call, messages);
  }

  close(): void {
    for (const controller of this.#open) {
      controller.abort(new WeftError('WEFT_STOPPED', 'weftd is stopping'));
    }
  }

  /** Never rejects. */
  async #run(call: Call, messages: Messages): Promise<void> {
    const controller = new AbortController();
    call.once('cancelled', () => controller.abort());
    call.once('close', () => controller.abort());
    try {
      if (this.#open.size >= STREAM_LIMIT) throw busy();
      this.#open.add(controller);
      for await (const message of messages(controller.signal, call.request)) {
        if (controller.signal.aborted) break;
        if (!call.write(message)) await drained(call, controller.signal);
        // A page costs about a millisecond: the data plane's turn comes between two.
        await setImmediate();
      }
      if (isWeftError(controller.signal.reason)) throw controller.signal.reason;
      call.end();
    } catch (thrown) {
      call.emit('error', answerTo(thrown, this.#log));
    } finally {
      this.#open.delete(controller);
    }
  }
}

function busy(): WeftError {
  return new WeftError('WEFT_BUSY', `weftd already serves ${STREAM_LIMIT} watchers`, {
    fix: 'end one of the other weft commands and try again',
  });
}

async function drained(call: Call, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      call.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    call.on('drain', done);
    signal.addEventListener('abort', done);
  });
}

async function listen(server: Server, socketPath: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(notListening(error, socketPath));
    });
  });
}

function notListening(error: Error, socketPath: string): WeftError {
  // Two daemons that start at once both find the path free.
  if (error.message.includes('EADDRINUSE')) return inUse(socketPath);
  return new WeftError('WEFT_SOCKET_PATH', `cannot listen on ${socketPath} (${messageOf(error)})`, {
    fix: 'name another path with --socket, of at most 107 bytes',
    cause: error,
  });
}

async function shutDown(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const impatience = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, STOP_LIMIT_MS);
    server.tryShutdown(() => {
      clearTimeout(impatience);
      resolve();
    });
  });
}
