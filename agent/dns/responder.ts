/** From a question's bytes to an answer's: our names at once, what is kept too, the rest when other servers answered. */
import type { Answers, Asker } from '../../controlplane/dns/answers.ts';
import { readQuery, type BadQuery, type Query } from '../../controlplane/dns/query.ts';
import { writeReply } from '../../controlplane/dns/reply.ts';
import { writeResponse, type Response } from '../../controlplane/dns/response.ts';
import type { AskerKey } from '../../controlplane/dns/shares.ts';
import { EDNS_LIMIT, HEADER, PLAIN_LIMIT, RCODE } from '../../controlplane/dns/wire.ts';
import type { Counts } from './counts.ts';
import type { Forwarder } from './forwarder.ts';

/** Bytes of an answer by TCP: all that the two bytes of its length can say. */
const STREAM_LIMIT = 65_535;

const SERVFAIL = { rcode: RCODE.SERVFAIL, aa: false };
const REFUSED = { rcode: RCODE.REFUSED, aa: false };
const NO_QUESTION: BadQuery = { kind: 'bad', rcode: RCODE.SERVFAIL, end: HEADER, edns: false };

export interface Question {
  /** Valid until respond returns. */
  readonly bytes: Uint8Array;
  readonly from: AskerKey;
  /** Undefined: it may not ask here. */
  readonly asker: Asker | undefined;
  readonly isStream: boolean;
}

/** Called when the answer comes later: gives what will take it. */
export type Later = () => (answer: Uint8Array | undefined) => void;

/** The answer comes later. */
export const LATER = -1;

export class Responder {
  readonly #answers: Answers;
  readonly #forwarder: Forwarder;
  readonly #counts: Counts;
  readonly #broke: (cause: unknown) => void;
  readonly #scratch = new Uint8Array(STREAM_LIMIT);

  /** `broke`: an error of our own was caught, and the question answered with SERVFAIL. */
  constructor(
    answers: Answers,
    forwarder: Forwarder,
    counts: Counts,
    broke: (cause: unknown) => void,
  ) {
    this.#broke = broke;
    this.#answers = answers;
    this.#forwarder = forwarder;
    this.#counts = counts;
  }

  /** Writes the answer to `out`, and returns its length; 0: none; LATER. Never throws: a question shall end nothing. */
  respond(question: Question, out: Uint8Array, later: Later): number {
    try {
      return this.#respond(question, out, later);
    } catch (cause) {
      return this.#sorry(question.bytes, out, cause);
    }
  }

  #sorry(bytes: Uint8Array, out: Uint8Array, cause: unknown): number {
    this.#counts.errors++;
    this.#broke(cause);
    if (bytes.length < HEADER) return 0;
    return writeReply(out, bytes, NO_QUESTION, SERVFAIL, PLAIN_LIMIT);
  }

  #respond(question: Question, out: Uint8Array, later: Later): number {
    const { bytes, asker, isStream } = question;
    const query = readQuery(bytes, bytes.length);
    if (query === undefined) {
      this.#counts.refused++;
      return 0;
    }
    if (query.kind === 'bad' || asker === undefined) {
      this.#counts.refused++;
      const reply = query.kind === 'bad' ? { rcode: query.rcode, aa: false } : REFUSED;
      return writeReply(out, bytes, query, reply, PLAIN_LIMIT);
    }
    const limit = isStream ? STREAM_LIMIT : Math.min(query.limit, EDNS_LIMIT);
    const reply = this.#answers.answer(query, asker);
    if (reply === 'forward') return this.#forward(question, query, out, limit, later);
    this.#counts.own++;
    return writeReply(out, bytes, query, reply, limit);
  }

  #forward(
    { bytes, from }: Question,
    query: Query,
    out: Uint8Array,
    limit: number,
    later: Later,
  ): number {
    const kept = this.#forwarder.writeKept(out, bytes, query, limit);
    if (kept > 0) {
      this.#counts.cached++;
      return kept;
    }
    const asked = Uint8Array.from(bytes);
    const deliver = later();
    const isAsked = this.#forwarder.ask(asked, query, from, (response) => {
      deliver(this.#write(asked, query, response, limit));
    });
    if (isAsked) return LATER;
    this.#counts.dropped++;
    return writeReply(out, bytes, query, SERVFAIL, limit);
  }

  /** Valid until the next is written. */
  #write(
    asked: Uint8Array,
    query: Query,
    response: Response | undefined,
    limit: number,
  ): Uint8Array {
    const out = this.#scratch;
    this.#counts[response === undefined ? 'failed' : 'forwarded']++;
    try {
      const length =
        response === undefined
          ? writeReply(out, asked, query, SERVFAIL, limit)
          : writeResponse(out, asked, query, response, 0, limit);
      return out.subarray(0, length);
    } catch (cause) {
      return out.subarray(0, this.#sorry(asked, out, cause));
    }
  }
}
