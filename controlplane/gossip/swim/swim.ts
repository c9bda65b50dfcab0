/** One member of a memberlist cluster, without I/O: SWIM with Lifeguard (specification §12 to §17). */
import { encodeMessage, NIL_BYTES, type Message, type StreamMessage } from '../codec/index.ts';
import type { Emit, Endpoint } from '../effects.ts';
import { BroadcastQueue } from '../queue.ts';
import { below, type Random } from '../random.ts';
import type { Timers } from '../timers.ts';
import { Awareness } from './awareness.ts';
import { sourceOf, type Core } from './core.ts';
import { newCounts, type Counts } from './counts.ts';
import type { Delegate } from './delegate.ts';
import { Gossiper } from './gossiper.ts';
import type { Member } from './member.ts';
import { MemberRecord, MemberTable, type Members } from './members.ts';
import { Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import { Prober } from './prober.ts';
import { PushPulls } from './push-pull.ts';
import { Relays } from './relays.ts';
import { aliveOf, Rumours } from './rumours.ts';
import { transmissions, type Settings } from './settings.ts';

/** In ms: a shorter stall nobody will have noticed. */
const LONG_STALL = 2_000;
/** So many members are asked what has happened, by one that has missed it. */
const CATCH_UP_EXCHANGES = 3;
/** In ms: no more often, except after a stall. */
const CATCH_UP_INTERVAL = 10_000;
/** So many members are told after it, by ourselves, that we live: gossip may reach those who doubt it too late. */
const WAKE_TOLD = 32;
/** In ms: so often a member whose ping we get without knowing it is asked whom it knows. */
const STRANGER_INTERVAL = 1_000;
/**
 * So many messages about others are told still by a member that leaves. One that joined thousands just now has as many
 * to tell, each longer than its leave and so ahead of it: it would be gone before it said so.
 */
const LAST_WORDS = 32;
/** In ms: our leave is not waited for any longer (Serf's broadcast timeout). */
const LEAVE_TIMEOUT = 5_000;

type Ping = Extract<Message, { kind: 'ping' }>;

export interface SwimOptions {
  readonly name: string;
  /** Where others reach us; a v4 address in 4 bytes. */
  readonly advertise: Endpoint;
  /** PMin, PMax, PCur, DMin, DMax, DCur. */
  readonly vsn: Uint8Array;
  readonly settings: Settings;
  /** Bytes around the messages of a packet, as packetOverhead gives them. */
  readonly overhead: () => number;
  readonly random: Random;
  readonly timers: Timers;
  /**
   * Ms since 1970, about as on the other hosts: then members take turns in probing (turns.ts). By default the time
   * awake, which says nothing to others.
   */
  readonly wallClock?: (() => number) | undefined;
  readonly emit: Emit;
  readonly delegate: Delegate;
}

export class Swim {
  readonly #core: Core;
  readonly #rumours: Rumours;
  readonly #prober: Prober;
  readonly #relays: Relays;
  readonly #gossiper: Gossiper;
  readonly #pushPulls: PushPulls;
  readonly #strangers: Pace;
  readonly #catchUps: Pace;
  readonly #queue: BroadcastQueue;

  constructor(options: SwimOptions) {
    const { settings, random, timers, delegate } = options;
    const table = new MemberTable(random);
    const queue = new BroadcastQueue(() => transmissions(settings, table.size));
    let seqNo = below(random, 2 ** 32);
    this.#queue = queue;
    this.#core = {
      settings,
      random,
      timers,
      wallClock: options.wallClock ?? (() => timers.now),
      delegate,
      table,
      self: selfRecord(options),
      awareness: new Awareness(settings.awarenessMax),
      outbox: new Outbox({ ...options, queue }),
      counts: newCounts(),
      leaving: false,
      broadcast: (name, message, done) => this.#broadcast(name, message, done),
      nextSeqNo: () => (seqNo = (seqNo + 1) >>> 0),
    };
    this.#gossiper = new Gossiper(this.#core);
    this.#rumours = new Rumours(this.#core, {
      suspected: (record) => this.#prober.confirmSoon(record),
      nearlyOver: (record) => this.#prober.callOnceMore(record),
      refuted: () => this.#gossiper.urgently(),
      takenForDead: () => this.#catchUp(),
    });
    this.#prober = new Prober(this.#core, {
      failed: (accusation) => this.#rumours.suspect(accusation),
      suspectAnswered: (record) => this.#hearOut(record),
      wrapped: () => this.#reap(),
    });
    this.#relays = new Relays(this.#core);
    this.#pushPulls = new PushPulls(this.#core, this.#rumours);
    this.#strangers = new Pace(timers, STRANGER_INTERVAL);
    this.#catchUps = new Pace(timers, CATCH_UP_INTERVAL);
    timers.onWake((slept) => this.#woke(slept));
  }

  get members(): Members {
    return this.#core.table;
  }

  get counts(): Readonly<Counts> {
    return { ...this.#core.counts, awareness: this.#core.awareness.score };
  }

  /** Messages about members that still are to be sent. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Once. The delegate is not told that we ourselves joined. */
  start(): void {
    const { self, table, timers, delegate } = this.#core;
    self.meta = delegate.meta();
    table.add(self);
    table.set(self, 'alive', timers.now);
    this.#rumours.announce();
    this.#prober.start();
    this.#pushPulls.start();
  }

  /** A message of a packet that came from `from`. */
  packet(from: Endpoint, message: Message): void {
    switch (message.kind) {
      case 'ping':
        return this.#pinged(message, from);
      case 'indirectPing':
        return this.#relays.ping(message, from);
      case 'ack':
        if (!this.#prober.ack(message.seqNo, message.payload)) this.#relays.ack(message.seqNo);
        return undefined;
      case 'nack':
        return this.#prober.nack(message.seqNo);
      case 'alive':
        return this.#rumours.alive(message, from);
      case 'suspect':
        return this.#rumours.suspect(message, from);
      case 'dead':
        return this.#rumours.dead(message, from);
      case 'user':
        return this.#core.delegate.user(message.payload);
    }
  }

  /** A stream that somebody opened. Returns the answer, if there is one; then the stream is done. */
  request(_from: Endpoint, message: StreamMessage): StreamMessage | undefined {
    switch (message.kind) {
      case 'ping':
        if (this.#isForUs(message)) return ackOf(message, NIL_BYTES);
        return undefined;
      case 'pushPull':
        return this.#pushPulls.answer(message);
      case 'user':
        this.#core.delegate.user(message.payload);
        return undefined;
      case 'ack':
      case 'err':
        this.#core.counts.ignored++;
        return undefined;
    }
  }

  /** What became of a dial: the answer, or undefined when everything was written and no answer wanted. */
  answered(id: number, message: StreamMessage | undefined): void {
    this.#core.outbox.answered(id, message);
  }

  failed(id: number, problem: string): void {
    this.#core.outbox.failed(id, problem);
  }

  /** Exchanges states with whoever is there. `done` with what went wrong, if anything did. */
  join(to: Endpoint, done: (problem: string | undefined) => void): void {
    this.#pushPulls.exchange(to, true, done);
  }

  /** The delegate's meta is another. */
  updateMeta(): void {
    const { self, delegate } = this.#core;
    if (this.#core.leaving) return;
    self.meta = delegate.meta();
    this.#rumours.announce();
    delegate.updated(self);
  }

  /** What we are to say ourselves comes next: most of what is queued about others is dropped, as they say it too. */
  quieten(): void {
    this.#queue.prune(LAST_WORDS);
  }

  /** Says goodbye. `done` once everybody was told, or after a while. Pings are answered as before. */
  leave(done: () => void): void {
    const { table, timers } = this.#core;
    if (this.#core.leaving) return done();
    this.quieten();
    const isAlone = table.alive <= 1;
    let waiting: (() => void) | undefined = done;
    const finish = (): void => {
      waiting?.();
      waiting = undefined;
      timer?.cancel();
    };
    const timer = isAlone ? undefined : timers.after(LEAVE_TIMEOUT, finish);
    this.#core.leaving = true;
    this.#prober.stop();
    this.#pushPulls.stop();
    this.#rumours.leave(finish);
    if (isAlone) finish();
  }

  /** A user message in a packet of its own, to a member with what it understands. May be lost. */
  sendUser(to: Member | Endpoint, payload: Uint8Array): void {
    const { outbox, table } = this.#core;
    const member = 'name' in to ? table.get(to.name) : undefined;
    const message: Message = { kind: 'user', payload };
    if (member === undefined) outbox.sendTo(to, message);
    else outbox.sendBare(member, [message]);
  }

  /** A user message by stream. `done` with what went wrong, if anything did. */
  sendUserStream(to: Endpoint, payload: Uint8Array, done?: (problem?: string) => void): void {
    const { outbox, settings } = this.#core;
    const how = { answer: false, timeout: settings.streamTimeout };
    outbox.dial(to, { kind: 'user', payload }, how, (_answer, problem) => done?.(problem));
  }

  /** Something new is queued, here or by the delegate. */
  gossipSoon(): void {
    this.#gossiper.soon();
  }

  /** Up to `count` different members that pass. */
  sample(count: number, passes: (member: Member) => boolean): Member[] {
    return this.#core.table.sample(count, passes);
  }

  /** What fits no packet is told to nobody: it would wait in the queue for ever. */
  #broadcast(name: string, message: Message, done?: () => void): void {
    const encoded = encodeMessage(message);
    if (!this.#core.outbox.fits(encoded)) return done?.();
    this.#queue.add(encoded, done === undefined ? { name } : { name, done });
    // A leave comes right behind its intent (Serf's), and would wait at every hop for the round after that one's.
    if (message.kind === 'dead') this.#gossiper.urgently();
    else this.#gossiper.soon();
  }

  #pinged(ping: Ping, from: Endpoint): void {
    const { outbox, table, delegate } = this.#core;
    if (!this.#isForUs(ping)) return;
    const source = sourceOf(ping, from);
    const member = table.get(ping.sourceNode);
    outbox.send(source, ackOf(ping, delegate.ackPayload()), member);
    if (member !== undefined) this.#rumours.contradict(member);
    else if (ping.sourceNode !== '') this.#ask(source);
  }

  /** It knows us, and we do not know it: we were started anew, perhaps under an incarnation that nobody believes. */
  #ask(stranger: Endpoint): void {
    if (!this.#core.leaving && this.#strangers.allows('')) this.join(stranger, () => {});
  }

  /** It is alive, and will say so to all; if that does not reach us, we ask for it. */
  #hearOut(record: MemberRecord): void {
    const { timers, settings } = this.#core;
    const { suspicion } = record;
    suspicion?.renew();
    timers.after(settings.probeTimeout, () => {
      const isHeard = record.suspicion === undefined || record.suspicion !== suspicion;
      if (!isHeard && !this.#core.leaving) this.#pushPulls.exchange(record, false, () => {});
    });
  }

  #isForUs({ node }: Pick<Ping, 'node'>): boolean {
    if (node === '' || node === this.#core.self.name) return true;
    this.#core.counts.ignored++;
    return false;
  }

  /**
   * The process stood still. What we did not hear in the meantime was not others' fault; and they may have taken us
   * for dead, so they are told that we are not before they ask.
   */
  #woke(slept: number): void {
    const { awareness, counts, leaving, table, self, outbox } = this.#core;
    counts.stalls++;
    awareness.add(1);
    this.#prober.abandon();
    this.#relays.abandon();
    if (slept < LONG_STALL || leaving) return;
    this.#rumours.announce();
    for (const member of table.sample(WAKE_TOLD, (each) => each !== self && !each.isGone))
      outbox.sendBare(member, [aliveOf(self)]);
    this.#gossiper.urgently();
    this.#pushPulls.exchangeWithSome(CATCH_UP_EXCHANGES);
  }

  /**
   * Others took us for dead, so for longer than a suspicion lasts we did not hear them. What they told each other
   * meanwhile they do not tell again, and the next push/pull of a large cluster is minutes away.
   */
  #catchUp(): void {
    if (!this.#core.leaving && this.#catchUps.allows(''))
      this.#pushPulls.exchangeWithSome(CATCH_UP_EXCHANGES);
  }

  #reap(): void {
    const { table, settings, timers, delegate } = this.#core;
    const { now } = timers;
    const over = table.forget(({ since }) => now - since > settings.gossipToTheDead);
    for (const record of over) delegate.reaped(record);
  }
}

function selfRecord({ name, advertise, vsn }: SwimOptions): MemberRecord {
  return new MemberRecord(name, { ...advertise, vsn, meta: NIL_BYTES, incarnation: 0 });
}

function ackOf({ seqNo }: Pick<Ping, 'seqNo'>, payload: Uint8Array) {
  return { kind: 'ack', seqNo, payload } as const;
}
