/** Our own queries, from the question to the last answer (specification §20.7). */
import { encodeSerf, NIL_BYTES, QUERY_ACK } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import { below, type Random } from '../random.ts';
import type { Timer, Timers } from '../timers.ts';
import type { Answering, Query, Response } from './answering.ts';
import type { QueryHandlers, QueryOptions, RunningQuery } from './face.ts';
import { filtersOf } from './filters.ts';

/** Queries that run at the same time. */
const RUNNING_LIMIT = 256;
/** Names that answer one query; as many as members may be. Beyond, answers are dropped. */
const ANSWERS_LIMIT = 65_536;
const NANOSECONDS = 1_000_000;

export interface AskingOptions {
  readonly name: string;
  readonly advertise: Endpoint;
  /** Bytes of a query. */
  readonly sizeLimit: number;
  /** In ms. */
  readonly defaultTimeout: () => number;
  readonly timers: Timers;
  readonly random: Random;
  readonly answering: Answering;
}

interface Running {
  readonly id: number;
  readonly handlers: QueryHandlers;
  readonly timer: Timer;
  readonly acked: Set<string>;
  readonly answered: Set<string>;
}

export class Asking {
  readonly #options: AskingOptions;
  /** By Lamport time: no two of ours have the same. */
  readonly #running = new Map<bigint, Running>();

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /** Throws a RangeError for a query that is too long, and for one too many. */
  ask(name: string, options: QueryOptions, handlers: QueryHandlers): RunningQuery {
    const { timers, random, answering, sizeLimit, defaultTimeout } = this.#options;
    if (this.#running.size >= RUNNING_LIMIT)
      throw new RangeError(`${RUNNING_LIMIT} queries are running: wait until one is done`);
    const timeout = Math.max(1, Math.round(options.timeout ?? defaultTimeout()));
    const query = this.#message(name, options, { id: below(random, 2 ** 31), timeout });
    const encoded = encodeSerf(query);
    if (encoded.length > sizeLimit)
      throw new RangeError(
        `the query takes ${encoded.length} bytes; ${sizeLimit} may be: shorten its name, payload or filters`,
      );
    const { lTime } = query;
    const close = (): void => this.#close(lTime);
    this.#running.set(lTime, {
      id: query.id,
      handlers,
      timer: timers.after(timeout, close),
      acked: new Set(),
      answered: new Set(),
    });
    answering.heard(query, encoded);
    return { deadline: timers.now + timeout, close };
  }

  /** By packet, relayed or not, or our own. Only the first of each member counts. */
  heard({ lTime, id, from, flags, payload }: Response): void {
    const running = this.#running.get(lTime);
    if (running === undefined || running.id !== id) return;
    const isAck = (flags & QUERY_ACK) !== 0;
    const heard = isAck ? running.acked : running.answered;
    if (heard.has(from) || heard.size >= ANSWERS_LIMIT) return;
    heard.add(from);
    if (isAck) running.handlers.acked?.(from);
    else running.handlers.answered?.(from, payload);
  }

  #message(name: string, options: QueryOptions, drawn: { id: number; timeout: number }): Query {
    const { name: sourceNode, advertise, answering } = this.#options;
    return {
      kind: 'query',
      lTime: answering.clock.time,
      id: drawn.id,
      addr: advertise.addr,
      port: advertise.port,
      sourceNode,
      filters: filtersOf(options),
      flags: options.ack === true ? QUERY_ACK : 0,
      relayFactor: options.relays ?? 0,
      timeout: BigInt(drawn.timeout * NANOSECONDS),
      name,
      payload: options.payload ?? NIL_BYTES,
    };
  }

  #close(lTime: bigint): void {
    const running = this.#running.get(lTime);
    if (running === undefined) return;
    this.#running.delete(lTime);
    running.timer.cancel();
    running.handlers.done?.();
  }
}
