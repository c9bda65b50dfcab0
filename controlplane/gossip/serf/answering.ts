/** Queries of others (and our own, which we answer as well): told once, passed on, acknowledged, answered (§20.7). */
import {
  encodeSerf,
  NIL_BYTES,
  QUERY_ACK,
  QUERY_NO_BROADCAST,
  type SerfMessage,
  type Tags,
} from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import { sample, type Random } from '../random.ts';
import type { Timers } from '../timers.ts';
import { isEndpoint, isSameEndpoint } from './addresses.ts';
import type { Broadcasts } from './broadcasts.ts';
import type { IncomingQuery } from './face.ts';
import { passes } from './filters.ts';
import { isLamportTime, LamportClock } from './lamport.ts';
import type { SerfMember, SerfMembers } from './members.ts';
import { Ring } from './ring.ts';

export type Query = Extract<SerfMessage, { kind: 'query' }>;
export type Response = Extract<SerfMessage, { kind: 'queryResponse' }>;

/** memberlist's protocol from which on members relay. */
const RELAY_PROTOCOL = 5;
/** What the trace of a query weighs: 65,536 of them are kept. */
const QUERY_WEIGHT = 64;
const NANOSECONDS = 1_000_000;

export interface AnsweringOptions {
  readonly self: {
    readonly name: string;
    readonly advertise: Endpoint;
    readonly tags: () => Tags;
  };
  /** Bytes of a response. */
  readonly sizeLimit: number;
  readonly timers: Timers;
  readonly random: Random;
  readonly members: SerfMembers;
  readonly broadcasts: Broadcasts;
  /** Sends a Serf message to one endpoint. */
  readonly send: (to: Endpoint, payload: Uint8Array) => void;
  /** A query for us. */
  readonly ask: (query: IncomingQuery) => void;
  /** Our own answer to our own query. */
  readonly answerSelf: (response: Response) => void;
}

export class Answering {
  readonly clock = new LamportClock();
  readonly #options: AnsweringOptions;
  readonly #ring = new Ring<undefined>();
  #count = 0;

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  /** How many were seen, each once. */
  get count(): number {
    return this.#count;
  }

  /** Nothing below is answered any more. */
  ignoreBelow(lTime: bigint): void {
    this.#ring.raise(lTime);
  }

  /** One from the network, or ours: `raw` is the message as it is passed on. */
  heard(query: Query, raw: Uint8Array): void {
    if (!isLamportTime(query.lTime) || query.timeout < 0n || !isEndpoint(query)) return;
    this.clock.witness(query.lTime);
    if (!this.#isNew(query)) return;
    this.#count++;
    const { self, broadcasts } = this.#options;
    if ((query.flags & QUERY_NO_BROADCAST) === 0) broadcasts.spread('query', raw);
    if (!passes(query.filters, { name: self.name, tags: self.tags() })) return;
    if ((query.flags & QUERY_ACK) !== 0) this.#respond(query, QUERY_ACK, NIL_BYTES);
    this.#options.ask(this.#incoming(query));
  }

  #isNew({ lTime, id }: Query): boolean {
    const { time: clock } = this.clock;
    return this.#ring.add({
      lTime,
      clock,
      key: String(id),
      value: undefined,
      weight: QUERY_WEIGHT,
    });
  }

  #incoming(query: Query): IncomingQuery {
    const { lTime, name, payload, sourceNode: from } = query;
    const { timers } = this.#options;
    const deadline = timers.now + Number(query.timeout) / NANOSECONDS;
    let answered = false;
    const respond = (answer: Uint8Array): void => {
      if (answered || timers.now > deadline) return;
      this.#respond(query, 0, answer);
      answered = true;
    };
    return { kind: 'query', lTime, name, payload, from, deadline, respond };
  }

  #respond(query: Query, flags: number, payload: Uint8Array): void {
    const { self, send, answerSelf, sizeLimit } = this.#options;
    const { lTime, id, addr, port } = query;
    const response: Response = {
      kind: 'queryResponse',
      lTime,
      id,
      from: self.name,
      flags,
      payload,
    };
    const encoded = encodeSerf(response);
    if (encoded.length > sizeLimit)
      throw new RangeError(
        `the answer takes ${encoded.length} bytes; ${sizeLimit} may be: shorten it`,
      );
    if (query.sourceNode === self.name && isSameEndpoint(query, self.advertise))
      return answerSelf(response);
    send({ addr, port }, encoded);
    this.#relay(query, encoded);
  }

  /** Over others as well, in case our own way to whoever asks is bad. */
  #relay({ relayFactor, addr, port, sourceNode }: Query, response: Uint8Array): void {
    const { self, send, members, random, sizeLimit } = this.#options;
    if (relayFactor === 0 || members.size < relayFactor + 1) return;
    const relayed = encodeSerf({
      kind: 'relay',
      destAddr: { ip: addr, port, zone: '' },
      destName: sourceNode,
      message: response,
    });
    if (relayed.length > sizeLimit) return;
    const canRelay = ({ name, status, vsn }: SerfMember): boolean =>
      status === 'alive' &&
      name !== self.name &&
      name !== sourceNode &&
      (vsn[1] ?? 0) >= RELAY_PROTOCOL;
    for (const member of sample(random, [...members], relayFactor, canRelay))
      send({ addr: member.addr, port: member.port }, relayed);
  }
}
