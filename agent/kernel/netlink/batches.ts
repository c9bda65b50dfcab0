/**
 * Carries operations on entries out in batches: many messages a send, of which only the last asks for an
 * acknowledgement, as the kernel works a batch off in order and answers for whatever fails anyway. It does so
 * inside the send, so the batch's size is also how long the event loop stands still.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Operation, Outcome } from '../../state/kernel.ts';
import type { Refusal } from '../errno.ts';
import { KernelError } from '../errno.ts';
import { NLMSG_NOOP, NLM_F_ACK } from './constants.ts';
import { echoOf, type Echoes } from './echoes.ts';
import { ALREADY_GONE, writeOperation, type Entry } from './entries.ts';
import type { LinkTable } from './link-table.ts';
import { MessageWriter } from './message.ts';
import type { RequestSocket } from './socket.ts';

/** Messages a send: about 1 ms of the kernel's time; larger ones were no faster. */
const LARGEST_BATCH = 256;
const SMALLEST_BATCH = 8;
/**
 * Longest send, in ms. Most entries cost the kernel 4 µs, but an IPv4 route costs in proportion to the routes
 * there are over the same link: it looks for an equal next hop in a list by link (net/ipv4/fib_semantics.c,
 * fib_find_info), 200 µs at 10,000.
 */
const SEND_LIMIT = 4;
/** Bytes a send: below the default send buffer of 208 KiB. */
const BATCH_BYTES = 64 * 1024;

export const DONE: Outcome = { status: 'done' };

export function failed({ code, message }: Refusal): Outcome {
  return { status: 'failed', code, message };
}

export interface EntryOperation {
  readonly action: Operation['action'];
  readonly entry: Entry;
}

interface BatchParts {
  readonly socket: RequestSocket;
  readonly links: LinkTable;
  readonly echoes: Echoes;
  /** Port of the event socket, where markers go. */
  readonly eventPort: number;
}

export class Batches {
  readonly #parts: BatchParts;
  readonly #writer = new MessageWriter();
  readonly #marker = new MessageWriter();
  #size = LARGEST_BATCH;

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  /** One outcome an operation, in order; `EEXIST` of a creation is left to the caller. Never rejects. */
  async run(operations: readonly EntryOperation[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    while (outcomes.length < operations.length) await this.#runBatch(operations, outcomes);
    return outcomes;
  }

  /** Appends the outcomes of the next batch. */
  async #runBatch(operations: readonly EntryOperation[], outcomes: Outcome[]): Promise<void> {
    const { socket } = this.#parts;
    const from = outcomes.length;
    const first = socket.reserve(LARGEST_BATCH);
    const sent = this.#write(operations, from, first, outcomes);
    const last = first + sent.length - 1;
    if (sent.length === 0) return;
    this.#writer.addFlags(NLM_F_ACK);
    try {
      const { errors } = await this.#send(first, last);
      for (const [sequence, refusal] of errors) {
        const at = sent[sequence - first];
        const operation = at === undefined ? undefined : operations[at];
        if (at !== undefined && operation !== undefined)
          outcomes[at] = refusedAs(operation, refusal);
      }
    } catch (cause) {
      const failure = cause instanceof KernelError ? cause : new KernelError('EIO', String(cause));
      for (const at of sent) outcomes[at] = failed(failure);
    }
  }

  /** Writes as many as fit; an outcome for each, for now `done` if it was written. Returns which were. */
  #write(
    operations: readonly EntryOperation[],
    from: number,
    first: number,
    outcomes: Outcome[],
  ): number[] {
    const sent: number[] = [];
    this.#writer.reset();
    for (let at = from; at < operations.length; at++) {
      const operation = operations[at];
      if (operation === undefined || sent.length === this.#size) break;
      if (this.#writer.length >= BATCH_BYTES) break;
      outcomes.push(this.#writeOne(operation, first + sent.length, sent, at));
    }
    return sent;
  }

  #writeOne(operation: EntryOperation, sequence: number, sent: number[], at: number): Outcome {
    const { action, entry } = operation;
    const { links, echoes } = this.#parts;
    const record = entry.link === undefined ? undefined : links.get(entry.link);
    if (entry.link !== undefined && record === undefined) {
      if (action === 'remove') return DONE;
      return failed({ code: 'ENODEV', message: `there is no link ${entry.link}` });
    }
    writeOperation(this.#writer, action, entry, record?.index, sequence);
    sent.push(at);
    if (entry.kind === 'fdb' || entry.kind === 'address')
      echoes.expect(echoOf(entry, record?.index ?? 0, action === 'remove'));
    if (entry.kind === 'route' && entry.link !== undefined) links.carry(entry.link);
    return DONE;
  }

  /** The kernel reads a batch faster than we its events: those that are told back are awaited before the next. */
  async #send(first: number, last: number): ReturnType<RequestSocket['transact']> {
    const { socket, echoes } = this.#parts;
    const start = performance.now();
    const answer = socket.transact(this.#writer.written, first, last);
    await Promise.all([answer, echoes.isExpecting() ? this.mark() : undefined]);
    // From send to answer, as the package puts sends off; a busy event loop makes batches smaller too.
    this.#size = nextSize(this.#size, performance.now() - start);
    // The package reads on as long as there is something: without a turn, batches would follow each other in one go.
    await turn();
    return answer;
  }

  /** Sends the marker behind which no event of what was sent so far comes; resolves when it has come back. */
  mark(): Promise<void> {
    const { socket, echoes, eventPort } = this.#parts;
    const round = echoes.endRound();
    this.#marker.reset();
    this.#marker.begin(NLMSG_NOOP, 0, round);
    this.#marker.end();
    const passed = echoes.whenPassed(round);
    // Copied: it may wait in the queue while the next one is written.
    socket.mark(eventPort, Buffer.from(this.#marker.written));
    return passed;
  }
}

/** Halves after a send that took too long, and grows back when there is time. */
function nextSize(size: number, took: number): number {
  if (took > SEND_LIMIT) return Math.max(size >> 1, SMALLEST_BATCH);
  return took < SEND_LIMIT / 3 ? Math.min(size * 2, LARGEST_BATCH) : size;
}

function refusedAs({ action }: EntryOperation, refusal: Refusal): Outcome {
  return action === 'remove' && ALREADY_GONE.has(refusal.code) ? DONE : failed(refusal);
}
