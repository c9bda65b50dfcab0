/**
 * One member of a SWIM cluster with Lifeguard's extensions, as memberlist speaks it. Pure: what arrives is handed in,
 * what is to be done comes out as effects and calls of the delegate, and time is that of `Timers`.
 */
import type { Message, StreamMessage } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import { BroadcastQueue } from '../queue.ts';
import { isAddress } from './address.ts';
import { Awareness } from './awareness.ts';
import { noCounts, transmitLimit, type Context, type Counts, type SwimOptions } from './context.ts';
import { Dials, type Outcome } from './dials.ts';
import { Exchange } from './exchange.ts';
import { Gossiper } from './gossiper.ts';
import type { Member } from '../swim/member.ts';
import { isLiving, Members, type Entry, type MembersView } from './members.ts';
import { Outbox } from './outbox.ts';
import { Prober } from './prober.ts';
import { Relays } from './relays.ts';
import { Rumours } from './rumours.ts';

type Ping = Extract<Message, { kind: 'ping' }>;
type Source = Pick<Ping, 'sourceAddr' | 'sourcePort'>;

/** After a stall as long as this, in ms, others may have given us up. */
const LONG_STALL = 2_000;
/** Members that tell us at once what we missed in it. */
const CATCH_UP = 3;
/** In ms. So often at most a stranger who takes us for a member is asked who it is. */
const STRANGER_INTERVAL = 500;
/** In ms. Longest wait for a departure to be told. */
const LEAVE_TIMEOUT = 5_000;

export class Swim {
  readonly members: MembersView;
  readonly #context: Context;
  readonly #outbox: Outbox;
  readonly #dials: Dials;
  readonly #gossiper: Gossiper;
  readonly #rumours: Rumours;
  readonly #prober: Prober;
  readonly #relays: Relays;
  readonly #exchange: Exchange;
  #seqNo = 0;
  #isLeaving = false;
  #lastStranger = -Infinity;

  constructor(options: SwimOptions) {
    const members = new Members(options.random);
    const { settings } = options;
    this.members = members;
    this.#context = {
      ...options,
      members,
      queue: new BroadcastQueue(() => transmitLimit(settings.retransmitMult, members.size)),
      awareness: new Awareness(settings.awarenessMax),
      counts: noCounts(),
      self: selfOf(options),
    };
    this.#outbox = new Outbox(this.#context);
    this.#dials = new Dials(options.emit);
    this.#gossiper = new Gossiper(this.#context, this.#outbox);
    this.#rumours = new Rumours(this.#context, this.#outbox, {
      gossip: () => this.#gossiper.soon(),
      gossipAtOnce: () => this.#gossiper.atOnce(),
      suspected: (suspect) => this.#prober.confirm(suspect),
    });
    this.#prober = new Prober(this.#context, this.#outbox, this.#dials, {
      nextSeqNo: () => this.#nextSeqNo(),
      roundOver: () => this.#reap(),
      suspect: ({ name: node, incarnation }) =>
        this.#rumours.suspect({ incarnation, node, from: options.name }),
      wantsConfirmation: (target) => this.#rumours.wantsConfirmation(target),
    });
    this.#relays = new Relays(this.#context, this.#outbox);
    this.#exchange = new Exchange(this.#context, this.#dials, this.#rumours);
    options.timers.onWake((slept) => this.#wake(slept));
  }

  get counts(): Readonly<Counts> {
    return this.#context.counts;
  }

  /** Lifeguard's health score: 0 is healthy. */
  get awareness(): number {
    return this.#context.awareness.score;
  }

  /** Messages of the core that are still to be told. */
  get queued(): number {
    return this.#context.queue.size;
  }

  start(): void {
    const { members, self, delegate } = this.#context;
    self.meta = delegate.meta();
    members.add(self);
    this.#rumours.tellSelf();
    delegate.joined(self);
    this.#prober.start();
    this.#exchange.start(() => this.#isLeaving);
  }

  /** One message of a packet from this source. */
  packet(from: Endpoint, message: Message): void {
    switch (message.kind) {
      case 'ping':
        this.#pinged(from, message);
        break;
      case 'indirectPing':
        this.#relays.ping(message, sourceOr(message, from), this.#nextSeqNo());
        break;
      case 'ack':
        if (!this.#relays.ack(message.seqNo)) this.#prober.ack(message);
        break;
      case 'nack':
        this.#prober.nack(message.seqNo);
        break;
      case 'alive':
        this.#rumours.alive(message);
        break;
      case 'suspect':
        this.#rumours.suspect(message);
        break;
      case 'dead':
        this.#rumours.dead(message);
        break;
      case 'user':
        this.#context.delegate.user(message.payload);
    }
  }

  /** What somebody says by a stream of its own, and our answer; undefined for none. */
  request(_from: Endpoint, message: StreamMessage): StreamMessage | undefined {
    switch (message.kind) {
      case 'ping':
        return this.#isMeant(message.node) ? this.#ackOf(message) : undefined;
      case 'pushPull':
        return this.#exchange.answer(message);
      case 'user':
        this.#context.delegate.user(message.payload);
        return undefined;
      case 'ack':
      case 'err':
        return undefined;
    }
  }

  /** The fate of a Dial: its answer, undefined if none was wanted. */
  answered(id: number, message: StreamMessage | undefined): void {
    this.#dials.settle(id, { message });
  }

  /** The fate of a Dial: why it came to nothing. */
  failed(id: number, problem: string): void {
    this.#dials.settle(id, { problem });
  }

  /** Makes two clusters one. `done` is told why it did not, if so. */
  join(to: Endpoint, done: (problem: string | undefined) => void): void {
    this.#exchange.with(to, true, done);
  }

  /** Our meta is another: tells everybody. */
  updateMeta(): void {
    const { self, delegate } = this.#context;
    self.meta = delegate.meta();
    this.#rumours.renew();
    delegate.updated(self);
  }

  /** Says good-bye; `done` when enough were told. Pings are still answered afterwards. */
  leave(done: () => void): void {
    const { timers, members } = this.#context;
    if (this.#isLeaving) {
      done();
      return;
    }
    this.#isLeaving = true;
    this.#prober.stop();
    const isAlone = members.alive === 1;
    let isDone = false;
    const end = (): void => {
      if (isDone) return;
      isDone = true;
      limit.cancel();
      done();
    };
    const limit = timers.after(isAlone ? 0 : LEAVE_TIMEOUT, end);
    this.#rumours.leave(end);
  }

  /** A user message by packet. */
  sendUser(to: Member | Endpoint, payload: Uint8Array): void {
    this.#outbox.user(to, payload);
  }

  /** A user message by stream, which may be large. `done` is told what went wrong, if anything did. */
  sendUserStream(
    { addr, port }: Endpoint,
    payload: Uint8Array,
    done: (problem?: string) => void = () => {},
  ): void {
    const { streamTimeout } = this.#context.settings;
    const finish = ({ problem }: Outcome): void => done(problem);
    this.#dials.tell({ addr, port }, { kind: 'user', payload }, streamTimeout, finish);
  }

  /** The delegate has something new to tell. */
  gossipSoon(): void {
    this.#gossiper.soon();
  }

  /** Up to `count` different members that pass, by chance. */
  sample(count: number, passes: (member: Member) => boolean): Member[] {
    return this.#context.members.sample(count, passes);
  }

  #pinged(from: Endpoint, ping: Ping): void {
    if (!this.#isMeant(ping.node)) return;
    const known = this.members.get(ping.sourceNode);
    const to = sourceOr(ping, from);
    this.#outbox.direct(to, this.#ackOf(ping), known);
    if (known === undefined && ping.sourceNode !== '') this.#meetStranger(to);
  }

  /** Somebody takes us for a member of its cluster, of which we know nothing: as after a restart. */
  #meetStranger(to: Endpoint): void {
    const { timers } = this.#context;
    if (this.#isLeaving || timers.now - this.#lastStranger < STRANGER_INTERVAL) return;
    this.#lastStranger = timers.now;
    this.#exchange.with(to, true, () => {});
  }

  #isMeant(node: string): boolean {
    return node === '' || node === this.#context.name;
  }

  #ackOf({ seqNo }: { seqNo: number }): Extract<Message, { kind: 'ack' }> {
    return { kind: 'ack', seqNo, payload: this.#context.delegate.ackPayload() };
  }

  /** Of 32 bits. */
  #nextSeqNo(): number {
    this.#seqNo = (this.#seqNo + 1) >>> 0;
    return this.#seqNo;
  }

  #reap(): void {
    const { members, timers, settings, delegate, self } = this.#context;
    const gone = members.reap(
      (entry) =>
        entry !== self && !isLiving(entry) && timers.now - entry.since > settings.gossipToTheDead,
    );
    for (const entry of gone) {
      this.#rumours.forget(entry);
      delegate.reaped(entry);
    }
  }

  /** What we did not hear while we stood still is nobody's fault; and others may think that we are dead. */
  #wake(slept: number): void {
    this.#prober.abandon();
    this.#relays.abandon();
    this.#context.awareness.add(1);
    if (slept < LONG_STALL || this.#isLeaving) return;
    this.#rumours.renew();
    this.#gossiper.atOnce();
    this.#exchange.withSome(CATCH_UP);
  }
}

function selfOf({ name, advertise, vsn, timers }: SwimOptions): Entry {
  const { addr, port } = advertise;
  const meta = new Uint8Array(0);
  return { name, addr, port, meta, vsn, incarnation: 1, state: 'alive', since: timers.now };
}

function sourceOr({ sourceAddr, sourcePort }: Source, from: Endpoint): Endpoint {
  return isAddress(sourceAddr) && sourcePort !== 0 ? { addr: sourceAddr, port: sourcePort } : from;
}
