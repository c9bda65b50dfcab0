/** How calls are answered, whatever service they are of. */
import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { setImmediate } from 'node:timers/promises';
import { isWeftError, WeftError } from './errors.ts';
import type { ControlLog, ErrorLog } from './handlers.ts';
import { toRpcStatus, type RpcStatus } from './rpc-error.ts';

/** Streams served at once, over all connections; one more is refused with WEFT_BUSY. */
const STREAM_LIMIT = 64;

type Reply = (error: RpcStatus | null, response?: object) => void;
type UnaryCall = Pick<ServerUnaryCall<object, object>, 'request'>;

/** A call of one message and one answer. */
export function unary(
  answer: (request: object) => object | Promise<object>,
  log: ErrorLog,
): (call: UnaryCall, reply: Reply) => void {
  return (call, reply) =>
    void (async () => answer(call.request))().then(
      (response) => reply(null, response),
      (thrown: unknown) => reply(answerTo(thrown, log)),
    );
}

type Answering = (call: never, ...rest: never[]) => void;

/** Logs who asks for those of `changes`, when they are asked for. */
export function audited<T extends Readonly<Record<string, Answering>>>(
  implementation: T,
  changes: readonly (keyof T & string)[],
  log: ControlLog,
): T {
  const told = changes.map((name) => {
    const answer = implementation[name] as (call: Called, ...rest: unknown[]) => void;
    const tell = (call: Called, ...rest: unknown[]): void => {
      log.info({ call: name, by: call.getPeer() }, 'a change is asked for by the control API');
      answer(call, ...rest);
    };
    return [name, tell] as const;
  });
  return { ...implementation, ...Object.fromEntries(told) };
}

type Called = Pick<ServerUnaryCall<object, object>, 'getPeer'>;

export async function* mapped<T, U>(
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
export class Streams {
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
