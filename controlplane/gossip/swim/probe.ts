/**
 * One probe of one member (specification §14): a ping, then pings over others and by stream, then a verdict. It is
 * alive as soon as anything comes back. Unlike memberlist's, a ping that is not answered is sent again: where 30 % of
 * the packets get lost, a thousand members would otherwise suspect more of each other than can be refuted in time.
 */
import type { Timer } from '../timers.ts';
import { sourceFields, type Core } from './core.ts';
import type { MemberRecord } from './members.ts';

/** From these versions of the protocol on: answers pings by stream; says so when it got no answer for us. */
const STREAM_PING_PROTOCOL = 3;
const NACK_PROTOCOL = 4;
/** So many pings at most, this share of the time for an answer apart: half of them before others are asked. */
const PINGS = 4;
const PINGS_APART = 1 / 2;

export interface Verdict {
  readonly target: MemberRecord;
  readonly alive: boolean;
  /** What the probe was about. */
  readonly incarnation: number;
  /** Who was asked to say so when it gets no answer, and how many did. */
  readonly nacksExpected: number;
  readonly nacks: number;
}

export class Probe {
  readonly target: MemberRecord;
  readonly seqNo: number;
  readonly #core: Core;
  readonly #done: (verdict: Verdict) => void;
  readonly #incarnation: number;
  readonly #started: number;
  /** In ms: when the verdict is due. */
  readonly #length: number;
  #timer: Timer;
  #nextPing: Timer | undefined;
  #pings = 0;
  #stage: 'direct' | 'indirect' | 'over' = 'direct';
  #nacksExpected = 0;
  #nacks = 0;

  /** Starts at once. */
  constructor(core: Core, target: MemberRecord, done: (verdict: Verdict) => void) {
    const { settings, awareness, timers } = core;
    this.#core = core;
    this.target = target;
    this.seqNo = core.nextSeqNo();
    this.#done = done;
    this.#incarnation = target.incarnation;
    this.#started = timers.now;
    this.#length = settings.probeInterval * (awareness.score + 1);
    this.#timer = timers.after(settings.probeTimeout, () => this.#askOthers());
    this.#ping();
  }

  ack(payload: Uint8Array): void {
    const { timers, delegate } = this.#core;
    // Of an answer to one of several nobody knows how long it took (Karn's algorithm, RFC 6298 §3).
    const isMeasure = this.#stage === 'direct' && this.#pings === 1;
    this.#finish(true);
    if (isMeasure) delegate.acked(this.target, timers.now - this.#started, payload);
  }

  nack(): void {
    if (this.#nacks < this.#nacksExpected) this.#nacks++;
  }

  /** Without a verdict. */
  abandon(): void {
    this.#stage = 'over';
    this.#timer.cancel();
    this.#nextPing?.cancel();
  }

  #ping(): void {
    const { settings, timers } = this.#core;
    this.#sendPing();
    this.#pings++;
    if (this.#pings < PINGS)
      this.#nextPing = timers.after(PINGS_APART * settings.probeTimeout, () => this.#ping());
  }

  #sendPing(): void {
    const { outbox, self } = this.#core;
    const { target, seqNo } = this;
    const { name: node } = target;
    const ping = { kind: 'ping', seqNo, node, ...sourceFields(self) } as const;
    if (target.state !== 'suspect') return outbox.send(target, ping, target);
    const incarnation = this.#incarnation;
    const accusation = { kind: 'suspect', node, incarnation, from: self.name } as const;
    outbox.sendBare(target, [ping, accusation]);
  }

  #askOthers(): void {
    const { outbox, self, settings, table, timers } = this.#core;
    const { target, seqNo } = this;
    const { name: node, addr, port } = target;
    this.#stage = 'indirect';
    const left = Math.max(0, this.#length - (timers.now - this.#started));
    this.#timer = timers.after(left, () => this.#finish(false));
    const others = table.sample(
      settings.indirectChecks,
      (other) => other !== self && other !== target && other.state === 'alive',
    );
    for (const other of others) {
      const nack = other.protocolMax >= NACK_PROTOCOL;
      if (nack) this.#nacksExpected++;
      const about = { seqNo, node, target: addr, port, nack, ...sourceFields(self) };
      outbox.send(other, { kind: 'indirectPing', ...about }, other);
    }
    if (target.protocolMax >= STREAM_PING_PROTOCOL) this.#pingByStream(left);
  }

  #pingByStream(timeout: number): void {
    const { outbox, self, counts } = this.#core;
    const { target, seqNo } = this;
    const ping = { kind: 'ping', seqNo, node: target.name, ...sourceFields(self) } as const;
    outbox.dial(target, ping, { answer: true, timeout }, (answer) => {
      if (this.#stage === 'over' || answer?.kind !== 'ack' || answer.seqNo !== seqNo) return;
      counts.streamOnlyProbes++;
      this.#finish(true);
    });
  }

  #finish(alive: boolean): void {
    if (this.#stage === 'over') return;
    this.abandon();
    this.#done({
      target: this.target,
      alive,
      incarnation: this.#incarnation,
      nacksExpected: this.#nacksExpected,
      nacks: this.#nacks,
    });
  }
}
