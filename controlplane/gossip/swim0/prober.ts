/**
 * Probing (§14): one member after the other, in person, then through others and by stream. A host that hears of a
 * suspicion probes the suspect out of turn: its word is needed, and the sooner all have spoken, the sooner it is
 * clear. The time that Lifeguard gives a suspect stays.
 */
import type { Message, StreamMessage } from '../codec/index.ts';
import type { Timer } from '../timers.ts';
import type { Context } from './context.ts';
import type { Dials } from './dials.ts';
import type { Member } from '../swim/member.ts';
import { isLiving, type Entry } from './members.ts';
import { endpointOf, protocolMax, type Outbox } from './outbox.ts';

type Ack = Extract<Message, { kind: 'ack' }>;

/** From these protocols on members answer pings by stream, and say when one through them has failed. */
const STREAM_PING_VERSION = 3;
const NACK_VERSION = 4;
/** Of those who hear of a suspicion, so many probe at once. Two confirmations are waited for. */
const CONFIRMERS = 10;
/** In ms: they do not do so all at the same moment. */
const CONFIRM_SPREAD = 100;

interface Probe {
  readonly target: Entry;
  readonly sent: number;
  /** When it is over, awake. */
  readonly end: number;
  /** Whether others were asked: then an answer says nothing about the distance. */
  isIndirect: boolean;
  /** How many of them will say that they failed, and did. */
  expectedNacks: number;
  nacks: number;
  byStream: boolean;
  timer: Timer;
}

export interface ProberOptions {
  readonly nextSeqNo: () => number;
  /** At the end of each round through the members. */
  readonly roundOver: () => void;
  readonly suspect: (target: Member) => void;
  readonly wantsConfirmation: (target: Member) => boolean;
}

export class Prober {
  readonly #context: Context;
  readonly #outbox: Outbox;
  readonly #dials: Dials;
  readonly #options: ProberOptions;
  /** By sequence number: at most one in turn and one for each suspect. */
  readonly #probes = new Map<number, Probe>();
  #inTurn: number | undefined;
  #ticker: Timer | undefined;

  constructor(context: Context, outbox: Outbox, dials: Dials, options: ProberOptions) {
    this.#context = context;
    this.#outbox = outbox;
    this.#dials = dials;
    this.#options = options;
  }

  start(): void {
    const { random, settings } = this.#context;
    this.#tickAfter(random() * settings.probeInterval);
  }

  stop(): void {
    this.#ticker?.cancel();
    this.abandon();
  }

  /** Ends all probes without a verdict. */
  abandon(): void {
    for (const probe of this.#probes.values()) probe.timer.cancel();
    this.#probes.clear();
    this.#inTurn = undefined;
  }

  ack({ seqNo, payload }: Ack): void {
    const probe = this.#probes.get(seqNo);
    if (probe === undefined) return;
    this.#end(seqNo, probe);
    this.#context.awareness.add(-1);
    if (probe.isIndirect) return;
    this.#context.delegate.acked(probe.target, this.#context.timers.now - probe.sent, payload);
  }

  nack(seqNo: number): void {
    const probe = this.#probes.get(seqNo);
    if (probe !== undefined) probe.nacks++;
  }

  /** Somebody else suspects this one. */
  confirm(suspect: Member): void {
    const { random, members, timers } = this.#context;
    if (random() * members.alive >= CONFIRMERS) return;
    timers.after(random() * CONFIRM_SPREAD, () => {
      const target = members.get(suspect.name);
      if (target?.state === 'suspect' && this.#options.wantsConfirmation(target))
        this.#probe(target);
    });
  }

  #tickAfter(delay: number): void {
    const { timers, settings } = this.#context;
    this.#ticker = timers.after(delay, () => {
      this.#tickAfter(settings.probeInterval);
      // A probe that takes longer, as one in bad health does, uses up ticks.
      if (this.#inTurn === undefined) this.#probeNext();
    });
  }

  #probeNext(): void {
    const { members, self } = this.#context;
    const target = members.nextInOrder(
      (member) => member !== self && isLiving(member),
      this.#options.roundOver,
    );
    if (target !== undefined) this.#inTurn = this.#probe(target);
  }

  #probe(target: Entry): number {
    const { timers, settings, awareness, counts } = this.#context;
    const seqNo = this.#options.nextSeqNo();
    const sent = timers.now;
    const end = sent + awareness.scaled(settings.probeInterval);
    const timer = timers.after(settings.probeTimeout, () => this.#askOthers(seqNo));
    this.#probes.set(seqNo, {
      target,
      sent,
      end,
      isIndirect: false,
      expectedNacks: 0,
      nacks: 0,
      byStream: false,
      timer,
    });
    counts.probes++;
    this.#ping(target, seqNo);
    return seqNo;
  }

  #ping(target: Entry, seqNo: number): void {
    const ping = this.#pingMessage(target.name, seqNo);
    if (target.state !== 'suspect') {
      this.#outbox.direct(target, ping, target);
      return;
    }
    // It hears in the same packet what is said of it, and can refute at once.
    const { name: node, incarnation } = target;
    const from = this.#context.self.name;
    this.#outbox.exactly(target, [ping, { kind: 'suspect', incarnation, node, from }]);
  }

  #pingMessage(node: string, seqNo: number): Extract<Message, { kind: 'ping' }> {
    return { kind: 'ping', seqNo, node, ...sourceOf(this.#context.self) };
  }

  #askOthers(seqNo: number): void {
    const probe = this.#probes.get(seqNo);
    if (probe === undefined) return;
    const { members, self, settings, timers, counts } = this.#context;
    const { target } = probe;
    probe.isIndirect = true;
    probe.timer = timers.after(probe.end - timers.now, () => this.#judge(seqNo));
    const others = members.sample(
      settings.indirectChecks,
      (member) => member !== self && member !== target && member.state === 'alive',
    );
    for (const other of others) {
      const nack = protocolMax(other) >= NACK_VERSION;
      if (nack) probe.expectedNacks++;
      counts.indirectPings++;
      const { name: node, addr, port } = target;
      const source = sourceOf(self);
      const message = { kind: 'indirectPing', seqNo, target: addr, port, node, nack, ...source };
      this.#outbox.direct(other, message as Message, other);
    }
    if (protocolMax(target) >= STREAM_PING_VERSION) this.#pingByStream(probe, seqNo);
  }

  #pingByStream(probe: Probe, seqNo: number): void {
    const timeout = probe.end - this.#context.timers.now;
    const ping: StreamMessage = this.#pingMessage(probe.target.name, seqNo);
    this.#dials.ask(endpointOf(probe.target), ping, timeout, (outcome) => {
      const { message } = outcome;
      if (message?.kind === 'ack' && message.seqNo === seqNo) probe.byStream = true;
    });
  }

  #judge(seqNo: number): void {
    const probe = this.#probes.get(seqNo);
    if (probe === undefined) return;
    const { awareness, counts } = this.#context;
    this.#end(seqNo, probe);
    if (probe.byStream) {
      counts.streamAnswers++;
      awareness.add(-1);
      return;
    }
    counts.probeFailures++;
    // Those whom we asked and who did not even say that they failed: then we may be the one who is not heard.
    const unheard = Math.max(0, probe.expectedNacks - probe.nacks);
    awareness.add(probe.expectedNacks > 0 ? unheard : 1);
    this.#options.suspect(probe.target);
  }

  #end(seqNo: number, probe: Probe): void {
    probe.timer.cancel();
    this.#probes.delete(seqNo);
    if (this.#inTurn === seqNo) this.#inTurn = undefined;
  }
}

/** Where to answer to. */
export function sourceOf({ addr, port, name }: Member): {
  sourceAddr: Uint8Array;
  sourcePort: number;
  sourceNode: string;
} {
  return { sourceAddr: addr, sourcePort: port, sourceNode: name };
}
