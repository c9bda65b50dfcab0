/** The network between hosts: delay, loss, duplicates, reordering, and cuts of single directions. */
import { decodeMessage, type Message } from '../../../controlplane/gossip/codec/index.ts';
import type { Dial, Effect, Endpoint, SendPacket } from '../../../controlplane/gossip/effects.ts';
import type { Random } from '../../../controlplane/gossip/random.ts';
import { Event, type EventQueue } from './events.ts';
import { PACKET_OVERHEAD, type Host, type Input, type Program } from './host.ts';
import { exponential } from './random.ts';
import { packetBytes, PACKET_BOUND, streamBytes } from './sizes.ts';
import { Exchange } from './exchange.ts';

/** Shares are of all packets, times in ms. */
export interface Conditions {
  /** One way: at least `delay`, and on average `jitter` more. */
  readonly delay: number;
  readonly jitter: number;
  readonly loss: number;
  readonly duplication: number;
  /** So many are held up, by up to `holdUp`, and overtaken meanwhile. */
  readonly reordering: number;
  readonly holdUp: number;
}

/** One switch between all. */
export const CALM: Conditions = {
  delay: 0.1,
  jitter: 0.1,
  loss: 0,
  duplication: 0,
  reordering: 0,
  holdUp: 0,
};

/** A direction that is closed. */
export interface Cut {
  blocks(from: Host, to: Host): boolean;
}

/** The network of hosts on 10.0.0.0/8, each found by its address. */
export class Network {
  readonly events: EventQueue;
  readonly #random: Random;
  readonly #hosts: Host[] = [];
  readonly cuts = new Set<Cut>();
  conditions: Conditions = CALM;
  /** Further loss of what a host sends and gets. */
  readonly lossOf = new Map<Host, number>();
  readonly counts = { packets: 0, messages: 0, bytes: 0, streams: 0, streamBytes: 0, largest: 0 };

  constructor(events: EventQueue, random: Random) {
    this.events = events;
    this.#random = random;
  }

  add(host: Host): void {
    this.#hosts[host.index] = host;
  }

  find({ addr }: Endpoint): Host | undefined {
    const [a = 0, b = 0, c = 0, d = 0] = addr.subarray(-4);
    return a === 10 ? this.#hosts[(b << 16) | (c << 8) | d] : undefined;
  }

  emit(from: Host, effect: Effect): void {
    if (effect.kind === 'packet') this.#send(from, effect);
    else this.#dial(from, effect);
  }

  /** One way, drawn anew each time. */
  delay(): number {
    const { delay, jitter, reordering, holdUp } = this.conditions;
    const heldUp = reordering > 0 && this.#random() < reordering ? this.#random() * holdUp : 0;
    return delay + exponential(this.#random, jitter) + heldUp;
  }

  /** Whether a packet gets through now. */
  passes(from: Host, to: Host): boolean {
    if (!to.isMachineUp || !from.isMachineUp || this.isCut(from, to)) return false;
    const loss = this.lossBetween(from, to);
    return loss === 0 || this.#random() >= loss;
  }

  isCut(from: Host, to: Host): boolean {
    for (const cut of this.cuts) if (cut.blocks(from, to)) return true;
    return false;
  }

  lossBetween(from: Host, to: Host): number {
    const { loss } = this.conditions;
    if (this.lossOf.size === 0) return loss;
    const arrives = (1 - (this.lossOf.get(from) ?? 0)) * (1 - (this.lossOf.get(to) ?? 0));
    return 1 - (1 - loss) * arrives;
  }

  /** In how many rounds all of these segments have come through, when those lost are sent again in the next. */
  rounds(segments: number, loss: number): number {
    if (loss === 0) return 1;
    const share = this.#random() ** (1 / segments);
    return Math.max(1, Math.ceil(Math.log(1 - share) / Math.log(loss)));
  }

  #send(from: Host, { to, parts, crc }: SendPacket): void {
    const bytes = packetBytes(parts, crc);
    if (parts.length === 0 || bytes > PACKET_BOUND)
      throw new Error(`${from.name} sends a packet of ${parts.length} messages, ${bytes} bytes`);
    const { counts } = this;
    counts.packets++;
    counts.messages += parts.length;
    counts.bytes += bytes;
    counts.largest = Math.max(counts.largest, bytes);
    from.counts.packets++;
    from.counts.bytes += bytes;
    const host = this.find(to);
    if (host === undefined || !this.passes(from, host)) return;
    const { duplication } = this.conditions;
    this.#deliver(from, host, parts, bytes);
    if (duplication > 0 && this.#random() < duplication) this.#deliver(from, host, parts, bytes);
  }

  #deliver(from: Host, to: Host, parts: readonly Uint8Array[], bytes: number): void {
    this.events.add(this.events.now + this.delay(), new Delivery(from, to, parts, bytes));
  }

  #dial(from: Host, dial: Dial): void {
    new Exchange(this, from, dial).start();
  }

  /** The bytes of a stream's message. */
  countStream(from: Host, message: Dial['message']): number {
    const bytes = streamBytes(message);
    this.counts.streams++;
    this.counts.streamBytes += bytes;
    from.counts.streams++;
    from.counts.streamBytes += bytes;
    return bytes;
  }
}

class Delivery extends Event implements Input {
  readonly #from: Host;
  readonly #to: Host;
  readonly #parts: readonly Uint8Array[];
  readonly bytes: number;

  constructor(from: Host, to: Host, parts: readonly Uint8Array[], bytes: number) {
    super();
    this.#from = from;
    this.#to = to;
    this.#parts = parts;
    this.bytes = PACKET_OVERHEAD + bytes;
  }

  override fire(): void {
    if (this.#to.isMachineUp) this.#to.receive(this);
  }

  handle(program: Program, now: number): void {
    for (const part of this.#parts) program.packet(now, this.#from.endpoint, decoded(part));
  }
}

/** A broadcast goes to many, as one array of bytes: it is decoded once. */
const DECODED = new WeakMap<Uint8Array, Message>();
const NACK = 11;

/** Pings, indirect pings, acks and nacks. */
function isSentOnce([type = 0]: Uint8Array): boolean {
  return type <= 2 || type === NACK;
}

function decoded(part: Uint8Array): Message {
  if (isSentOnce(part)) return decode(part);
  const known = DECODED.get(part);
  if (known !== undefined) return known;
  const message = decode(part);
  DECODED.set(part, message);
  return message;
}

function decode(part: Uint8Array): Message {
  const result = decodeMessage(part);
  if (!result.ok) throw new Error(`a message that cannot be read: ${result.detail}`);
  return result.value;
}
