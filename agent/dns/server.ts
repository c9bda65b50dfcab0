/** Takes questions where it is told to, by UDP and TCP. */
import type { Server as StreamServer } from 'node:net';
import type { Answers, Asker } from '../../controlplane/dns/answers.ts';
import { OUTSIDERS, Shares, type AskerKey } from '../../controlplane/dns/shares.ts';
import { long } from '../../controlplane/dns/wire.ts';
import { address, addressToBytes, familyOf, parseAddress, type Address } from '../ip/address.ts';
import { socketAddress } from '../ip/socket-address.ts';
import { listeningSocket } from '../kernel/bound-socket.ts';
import { DatagramBatches, type Handler } from '../kernel/datagram-batches.ts';
import { KernelError } from '../kernel/errno.ts';
import { inNamespace, openNamespace } from '../kernel/namespace.ts';
import { isServed } from '../kernel/sockets-at.ts';
import { allowedBy, type Allowed } from './allowed.ts';
import { Connections, type StreamDoor } from './connections.ts';
import { Counts } from './counts.ts';
import type { Forwarder } from './forwarder.ts';
import type { Aliases, DnsCounts, DnsProblem, Listener } from './messages.ts';
import { LATER, Responder } from './responder.ts';

/** A place where it could not listen is tried again after this long, in ms. */
const RETRY = 1_000;
/** Bytes of an answer by TCP. */
const STREAM_LIMIT = 65_535;
/** Bytes of questions that may wait in the kernel: of many askers, and of one alone. */
const ROOM = { shared: 4 * 1024 * 1024, inside: 256 * 1024 };
/** Where the address stands in a struct sockaddr of either family, and its length. */
const PLACE = { 4: { offset: 4, length: 4 }, 6: { offset: 8, length: 16 } } as const;

interface Open {
  readonly datagrams: DatagramBatches;
  readonly streams: StreamServer;
}

/** A listener, as questions need it. */
interface Place {
  readonly asker: Asker;
  readonly allowed: Allowed;
  /** Who asks, whatever the source of a question. */
  readonly only: Address | undefined;
}

export interface ServerParts {
  readonly answers: Answers;
  readonly forwarder: Forwarder;
  /** An error of our own was caught. */
  readonly broke: (cause: unknown) => void;
  /** Some listeners cannot listen; all of them are told. */
  readonly problems: (problems: readonly DnsProblem[]) => void;
}

export class Server {
  readonly #parts: ServerParts;
  readonly #counts = new Counts();
  readonly #responder: Responder;
  readonly #shares = new Shares();
  readonly #connections = new Connections();
  readonly #open = new Map<string, Open>();
  readonly #problems = new Map<string, { readonly message: string; readonly why: string }>();
  readonly #scratch = new Uint8Array(STREAM_LIMIT);
  #listeners: readonly Listener[] = [];
  #internal: ReadonlySet<string> = new Set();
  /** Networks of those that are in several. */
  #members: ReadonlyMap<AskerKey, readonly string[]> = new Map();
  #aliases: ReadonlyMap<AskerKey, Aliases> = new Map();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#responder = new Responder(parts.answers, parts.forwarder, this.#counts, parts.broke);
  }

  get counts(): DnsCounts {
    const { waiting, kept } = this.#parts.forwarder;
    const { count: connections, refused } = this.#connections;
    return this.#counts.with({ waiting, kept, connections, refused });
  }

  /** From these networks no question leaves. */
  setInternal(networks: readonly string[]): void {
    const before = this.#internal;
    this.#internal = new Set(networks);
    for (const listener of this.#listeners) {
      const key = keyOf(listener);
      const open = this.#open.get(key);
      const isSame = mayLeave(listener, before) === mayLeave(listener, this.#internal);
      if (open !== undefined && !isSame) this.#close(key, open);
    }
    this.#openMissing();
  }

  /** Networks of askers that are in several, by address: they see the names of all, whichever gateway they ask. */
  setMembers(members: ReadonlyMap<Address, readonly string[]>): void {
    this.#members = byAsker(members);
  }

  /** Names that askers alone have, by address. */
  setAliases(aliases: ReadonlyMap<Address, Aliases>): void {
    this.#aliases = byAsker(aliases);
  }

  /** These, and no others; those that stay the same stay open. */
  setListeners(listeners: readonly Listener[]): void {
    this.#listeners = listeners;
    const wanted = new Set(listeners.map(keyOf));
    for (const [key, open] of this.#open) {
      if (wanted.has(key)) continue;
      this.#close(key, open);
    }
    this.#openMissing();
  }

  /** Answers a question of this host's own. What is told is valid until that returns. */
  lookUp(
    { question, networks, forwards }: Asker & { readonly question: Uint8Array },
    tell: (answer: Uint8Array | undefined) => void,
  ): void {
    const place = this.#placeOf({ address: HERE, port: 0, networks, from: [] });
    const asker = { ...place.asker, forwards: forwards && place.asker.forwards };
    this.#answerWhole(question, asker, askerKey(LOOPBACK, 0, LOOPBACK.length), tell);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const [key, open] of this.#open) this.#close(key, open);
  }

  #close(key: string, { datagrams, streams }: Open): void {
    this.#open.delete(key);
    datagrams.close();
    streams.close();
  }

  #openMissing(): void {
    clearTimeout(this.#timer);
    const before = JSON.stringify([...this.#problems]);
    this.#problems.clear();
    for (const listener of this.#listeners)
      if (!this.#open.has(keyOf(listener))) this.#try(listener);
    if (this.#problems.size > 0) this.#timer = setTimeout(() => this.#openMissing(), RETRY);
    if (JSON.stringify([...this.#problems]) === before) return;
    this.#parts.problems(
      [...this.#problems].map(([subject, problem]) => ({ subject, ...problem })),
    );
  }

  #try(listener: Listener): void {
    const key = keyOf(listener);
    const failed = (cause: Error): void => {
      const open = this.#open.get(key);
      if (open === undefined) return;
      this.#close(key, open);
      this.#note(listener, cause.message);
      this.#timer = setTimeout(() => this.#openMissing(), RETRY);
    };
    try {
      this.#open.set(key, this.#listen(listener, failed));
    } catch (cause) {
      const { message } = cause as Error;
      const isTaken = cause instanceof KernelError && cause.code === 'EADDRINUSE';
      this.#note(listener, isTaken ? takenBy(listener) : message);
    }
  }

  #note({ address, port, inside }: Listener, why: string): void {
    const at = socketAddress(address, port);
    const where = inside === undefined ? at : `${at} inside of endpoint ${inside.endpoint}`;
    const message = `DNS cannot listen on ${where} (${why}); it is tried again`;
    this.#problems.set(inside?.endpoint ?? at, { message, why });
  }

  #listen(listener: Listener, failed: (cause: Error) => void): Open {
    const { inside } = listener;
    if (inside === undefined) return this.#listenHere(listener, failed);
    using namespace = openNamespace(inside.namespace);
    return inNamespace(namespace, () => {
      // Docker's own has other ports, and rules that lead questions there before they are at ours.
      if (isServed(listener.address)) throw new KernelError('EADDRINUSE');
      return this.#listenHere(listener, failed);
    });
  }

  /** In the namespace that the thread is in. */
  #listenHere(listener: Listener, failed: (cause: Error) => void): Open {
    const { address, port } = listener;
    const place = this.#placeOf(listener);
    const datagrams = this.#datagrams(address, port, place, failed);
    try {
      const fd = listeningSocket(address, port);
      const streams = this.#connections.serve(fd, this.#door(place), failed, place.only);
      return { datagrams, streams };
    } catch (cause) {
      datagrams.close();
      throw cause;
    }
  }

  #placeOf({ networks, from, inside }: Listener): Place {
    const forwards = mayLeave({ networks }, this.#internal);
    const asker = { networks, forwards };
    return { asker, allowed: allowedBy(from), only: inside?.asker };
  }

  #askerAt({ asker }: Place, from: AskerKey): Asker {
    if (asker.networks === 'all') return asker;
    const networks = this.#members.get(from);
    const aliases = this.#aliases.get(from);
    if (networks === undefined && aliases === undefined) return asker;
    const named = aliases === undefined ? asker : { ...asker, aliases };
    if (networks === undefined) return named;
    return { ...named, networks, forwards: mayLeave({ networks }, this.#internal) };
  }

  #datagrams(
    address: Address,
    port: number,
    place: Place,
    failed: (cause: Error) => void,
  ): DatagramBatches {
    const { offset, length } = PLACE[familyOf(address)];
    const only = place.only && keyOfAddress(place.only);
    const room = place.only === undefined ? ROOM.shared : ROOM.inside;
    const handler: Handler = (datagram, size, peer, out, isBusy) => {
      const isAllowed = place.allowed(peer, offset, length);
      const from = isAllowed ? (only ?? askerKey(peer, offset, length)) : OUTSIDERS;
      this.#counts.udp++;
      if (!this.#shares.admit(from, performance.now(), isBusy)) {
        this.#counts.dropped++;
        return 0;
      }
      const bytes = datagram.length === size ? datagram : datagram.subarray(0, size);
      const asker = isAllowed ? this.#askerAt(place, from) : undefined;
      const written = this.#responder.respond({ bytes, from, asker, isStream: false }, out, () => {
        const to = Uint8Array.from(peer);
        return (answer) => {
          if (answer !== undefined) datagrams.send(answer, to);
        };
      });
      return written === LATER ? 0 : written;
    };
    const datagrams = new DatagramBatches(address, port, room, handler, failed);
    return datagrams;
  }

  /** Who is over its share waits, as nothing of a stream may be dropped. */
  #door(place: Place): StreamDoor {
    return (text) => {
      const address = parseAddress(place.only ?? text.split('%')[0] ?? '');
      const peer = address === undefined ? NOBODY : addressToBytes(address);
      if (!place.allowed(peer, 0, peer.length)) return undefined;
      const from = askerKey(peer, 0, peer.length);
      return {
        mayAsk: () => this.#shares.admit(from, performance.now(), true),
        ask: (question, answer) =>
          this.#answerWhole(question, this.#askerAt(place, from), from, answer),
      };
    };
  }

  #answerWhole(
    bytes: Uint8Array,
    asker: Asker,
    from: AskerKey,
    answer: (bytes: Uint8Array | undefined) => void,
  ): void {
    this.#counts.tcp++;
    const out = this.#scratch;
    const question = { bytes, from, asker, isStream: true };
    const written = this.#responder.respond(question, out, () => answer);
    if (written !== LATER) answer(written === 0 ? undefined : out.subarray(0, written));
  }
}

const NOBODY = new Uint8Array();
const HERE = address('127.0.0.1');
const LOOPBACK = addressToBytes(HERE);

/** Whether a question may leave this host: one that is only in internal networks has no other way out either. */
function mayLeave(
  { networks }: Pick<Listener, 'networks'>,
  internal: ReadonlySet<string>,
): boolean {
  return (
    networks === 'all' || networks.length === 0 || networks.some((name) => !internal.has(name))
  );
}

function takenBy({ address, inside }: Listener): string {
  if (inside === undefined) return 'another server listens there';
  return `another server has ${address} there, as Docker's own has on networks of its users`;
}

/** Listeners with the same one are the same. */
function keyOf(listener: Listener): string {
  return JSON.stringify(listener);
}

function byAsker<T>(values: ReadonlyMap<Address, T>): ReadonlyMap<AskerKey, T> {
  return new Map([...values].map(([address, value]) => [keyOfAddress(address), value]));
}

function keyOfAddress(of: Address): AskerKey {
  const bytes = addressToBytes(of);
  return askerKey(bytes, 0, bytes.length);
}

/** A number, where one holds it. */
function askerKey(bytes: Uint8Array, offset: number, length: number): AskerKey {
  if (length === 4) return long(bytes, offset);
  return Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1');
}
