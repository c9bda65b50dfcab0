/**
 * One question to other servers: the fastest first, the next beside it when that takes long, all of them again, until
 * one answers or the time is over. Each is asked from a socket of its own, so from a port of its own.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import type { Query } from '../../controlplane/dns/query.ts';
import {
  matchOf,
  readResponse,
  refusesEdns,
  type Response,
} from '../../controlplane/dns/response.ts';
import { chanceOf, upstreamQuery } from '../../controlplane/dns/upstream-query.ts';
import type { Upstreams } from '../../controlplane/dns/upstreams.ts';
import { RCODE } from '../../controlplane/dns/wire.ts';
import { familyOf } from '../ip/address.ts';
import { partsOf, type SocketAddress } from '../ip/socket-address.ts';

/** Those who ask give up after 5 s (resolv.conf(5)), and then ask the next server if there is one; in ms. */
const TIME_LIMIT = 4_000;
/** Before the same servers are asked once more, in ms. */
const AGAIN = 1_000;
const ROUNDS = 3;
const TCP_LIMIT = 3_000;

/** Answers that another server may have better. */
const UNABLE: readonly number[] = [RCODE.SERVFAIL, RCODE.REFUSED, RCODE.FORMERR, RCODE.NOTIMP];

function isAble(response: Response | undefined): response is Response {
  return response !== undefined && !UNABLE.includes(response.rcode);
}

interface Attempt {
  readonly server: SocketAddress;
  readonly began: number;
  readonly cleanup: () => void;
}

export class Lookup {
  readonly #upstreams: Upstreams;
  readonly #asked: Uint8Array;
  readonly #query: Query;
  readonly #done: (response: Response | undefined) => void;
  readonly #open = new Set<Attempt>();
  readonly #deadline: NodeJS.Timeout;
  /** Whom to ask next. */
  #queue: readonly SocketAddress[];
  #timer: NodeJS.Timeout | undefined;
  #isDone = false;

  /** `done` is called once, and never at once; undefined: nobody could tell. */
  constructor(
    upstreams: Upstreams,
    asked: Uint8Array,
    query: Query,
    done: (response: Response | undefined) => void,
  ) {
    this.#upstreams = upstreams;
    this.#asked = asked;
    this.#query = query;
    this.#done = done;
    const order = upstreams.order() as readonly SocketAddress[];
    this.#queue = Array.from({ length: ROUNDS }, () => order).flat();
    this.#deadline = setTimeout(() => this.#end(undefined), TIME_LIMIT);
    this.#next();
  }

  close(): void {
    this.#isDone = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#timer);
    for (const { cleanup } of this.#open) cleanup();
    this.#open.clear();
  }

  #end(response: Response | undefined): void {
    if (this.#isDone) return;
    for (const { server, began } of this.#open)
      if (performance.now() - began > this.#upstreams.headStart(server))
        this.#upstreams.failed(server);
    this.close();
    this.#done(response);
  }

  #next(): void {
    clearTimeout(this.#timer);
    const [server, ...rest] = this.#queue;
    if (server === undefined) {
      if (this.#open.size === 0) setImmediate(() => this.#end(undefined));
      return;
    }
    this.#queue = rest;
    // Those that were asked already come behind those that were not.
    const isRoundOver = rest[0] === undefined || this.#isAsked(rest[0]) || rest[0] === server;
    const pause = isRoundOver ? AGAIN : this.#upstreams.headStart(server);
    this.#timer = setTimeout(() => this.#next(), pause);
    this.#askByUdp(server);
  }

  #isAsked(server: SocketAddress): boolean {
    return [...this.#open].some((attempt) => attempt.server === server);
  }

  #askByUdp(server: SocketAddress, edns = this.#upstreams.takesEdns(server)): void {
    const { address, port } = partsOf(server);
    const family = familyOf(address);
    const message = this.#message(edns);
    const socket: Socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      // It is an address: without this Node would ask a thread for it.
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    let isOpen = true;
    const finish = this.#begin(server, () => {
      isOpen = false;
      socket.close();
    });
    const fail = (): void => {
      if (finish() !== undefined) this.#failed(server);
    };
    socket.on('error', fail);
    socket.on('message', (bytes) => {
      if (edns && refusesEdns(bytes, message)) {
        if (finish() !== undefined) this.#askByUdp(server, false);
        return;
      }
      const match = matchOf(bytes, message, this.#query.end);
      if (match === 'other') return;
      const ms = finish();
      if (ms === undefined) return;
      const response = match === 'same' ? readResponse(bytes) : undefined;
      if (!edns && isAble(response)) this.#upstreams.tookPlain(server);
      // One that does not keep letters, and one that has more to say, are asked by TCP.
      if (match === 'other-case' || response?.isTruncated === true) this.#askByTcp(server);
      else this.#answered(server, response, ms);
    });
    // Connected, it takes packets from there only, and hears that nobody listens.
    // Node tells this way, too, that there is no way to it; its types do not know.
    const connected = (cause?: Error): void => {
      if (cause !== undefined) fail();
      // Another may have answered meanwhile.
      else if (isOpen) socket.send(message);
    };
    socket.connect(port, address, connected);
  }

  #askByTcp(server: SocketAddress): void {
    const { address, port } = partsOf(server);
    const message = this.#message(this.#upstreams.takesEdns(server));
    const socket = connect({ host: address, port, timeout: TCP_LIMIT });
    const finish = this.#begin(server, () => socket.destroy());
    const fail = (): void => {
      if (finish() !== undefined) this.#failed(server);
    };
    socket.on('error', fail).on('timeout', fail).on('close', fail);
    const frame = Buffer.alloc(2 + message.length);
    frame.writeUInt16BE(message.length);
    frame.set(message, 2);
    socket.write(frame);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE()) return;
      const bytes = received.subarray(2, 2 + received.readUInt16BE());
      const ms = finish();
      if (ms === undefined) return;
      const isOurs = matchOf(bytes, message, this.#query.end) !== 'other';
      this.#answered(server, isOurs ? readResponse(bytes) : undefined, ms);
    });
  }

  #message(edns: boolean): Uint8Array {
    const chance = randomBytes(chanceOf(this.#query));
    return upstreamQuery(this.#asked, this.#query, chance, edns);
  }

  /** One more is asked. What is returned ends that, and tells how long it took in ms; undefined if it has ended. */
  #begin(server: SocketAddress, cleanup: () => void): () => number | undefined {
    const attempt = { server, began: performance.now(), cleanup };
    this.#open.add(attempt);
    return () => {
      if (!this.#open.delete(attempt)) return undefined;
      cleanup();
      return performance.now() - attempt.began;
    };
  }

  #answered(server: SocketAddress, response: Response | undefined, ms: number): void {
    if (!isAble(response)) {
      this.#failed(server);
      return;
    }
    this.#upstreams.answered(server, ms);
    this.#end(response);
  }

  /** It is not asked again, and the next has its turn at once. */
  #failed(server: SocketAddress): void {
    this.#upstreams.failed(server);
    this.#queue = this.#queue.filter((other) => other !== server);
    this.#next();
  }
}
