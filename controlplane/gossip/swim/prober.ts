/**
 * Whom we probe, and when: once a probe interval the one whose turn it is (turns.ts), and whoever somebody else
 * suspects, at once. So the confirmations that a suspicion waits for (specification §13) do not take until chance
 * has us probe the suspect.
 */
import { below } from '../random.ts';
import type { Timer } from '../timers.ts';
import type { Core } from './core.ts';
import type { MemberRecord } from './members.ts';
import { Probe, type Verdict } from './probe.ts';
import type { Accusation } from './rumours.ts';
import { phaseOf, turnOf } from './turns.ts';

/** Members that look after a suspect: many more than the confirmations that count. The suspect is not to drown in pings. */
const CONFIRMERS = 10;
/** Members that call a suspect whose time is nearly over, each of several times: in a small cluster all. */
const CALLERS = 50;
/** In ms: over so long their probes are spread. */
const CONFIRM_DELAY = 300;
/** Probes under way for confirmation. At the bound a suspicion is left to others. */
const CONFIRMATIONS_LIMIT = 32;

export interface ProberOptions {
  /** It did not answer. */
  readonly failed: (accusation: Accusation) => void;
  /** It did, and is suspected. */
  readonly suspectAnswered: (record: MemberRecord) => void;
  /** Everybody had a turn. */
  readonly wrapped: () => void;
}

export class Prober {
  readonly #core: Core;
  readonly #options: ProberOptions;
  /** Under way, by number. */
  readonly #probes = new Map<number, Probe>();
  /** The one whose turn it is. */
  #regular: Probe | undefined;
  #timer: Timer | undefined;
  /** Of the next turn, by number. */
  #period = -1;
  /** Turns since everybody had one. */
  #turns = 0;
  /** Whose turn came while one was under way. */
  #late: MemberRecord | undefined;

  constructor(core: Core, options: ProberOptions) {
    this.#core = core;
    this.#options = options;
  }

  start(): void {
    this.#waitForTurn();
  }

  /** Those under way are given up without a verdict. */
  abandon(): void {
    for (const probe of this.#probes.values()) probe.abandon();
    this.#probes.clear();
    this.#regular = undefined;
    this.#probeLate();
  }

  /** For good. */
  stop(): void {
    this.#timer?.cancel();
    this.#late = undefined;
    this.abandon();
  }

  /** Whether it was ours. */
  ack(seqNo: number, payload: Uint8Array): boolean {
    const probe = this.#probes.get(seqNo);
    probe?.ack(payload);
    return probe !== undefined;
  }

  nack(seqNo: number): void {
    this.#probes.get(seqNo)?.nack();
  }

  /** Somebody else suspects it. */
  confirmSoon(record: MemberRecord): void {
    const { random, table, timers } = this.#core;
    if (random() >= CONFIRMERS / table.size) return;
    const { suspicion } = record;
    timers.after(below(random, CONFIRM_DELAY), () => {
      const isStill = suspicion !== undefined && record.suspicion === suspicion;
      if (isStill && this.#wouldHelp(record)) this.#confirm(record);
    });
  }

  /** Its time is nearly over: whether it answers after all. That it does not says nothing new. */
  callOnceMore(record: MemberRecord): void {
    const { random, table } = this.#core;
    if (random() < CALLERS / table.size) this.#probeSuspect(record, () => {});
  }

  #wouldHelp(record: MemberRecord): boolean {
    const { self } = this.#core;
    const { suspicion } = record;
    if (suspicion === undefined || !suspicion.isOpen || suspicion.isFrom(self.name)) return false;
    return ![...this.#probes.values()].some(({ target }) => target === record);
  }

  #confirm(record: MemberRecord): void {
    this.#probeSuspect(record, (verdict) => {
      // Who does not hear the others either has no say.
      const isDeaf = verdict.nacksExpected > 0 && verdict.nacks === 0;
      if (!verdict.alive && !isDeaf) this.#accuse(verdict);
    });
  }

  #probeSuspect(record: MemberRecord, done: (verdict: Verdict) => void): void {
    if (this.#core.leaving || this.#probes.size > CONFIRMATIONS_LIMIT) return;
    this.#core.counts.confirmationProbes++;
    this.#probe(record, done);
  }

  #waitForTurn(): void {
    const { wallClock, timers, settings } = this.#core;
    const now = wallClock();
    let period = Math.floor(now / settings.probeInterval);
    if (period === this.#period || this.#timeOf(period) <= now) period++;
    this.#period = period;
    const delay = this.#timeOf(period) - now;
    this.#timer = timers.after(delay, () => this.#turn());
  }

  /** A turn that comes while a probe is under way is taken when it ends; of several the last one. */
  #turn(): void {
    const target = this.#targetOf(this.#period);
    this.#waitForTurn();
    this.#turns++;
    if (this.#turns >= this.#core.table.size) {
      this.#turns = 0;
      this.#options.wrapped();
    }
    if (this.#regular !== undefined) this.#late = target;
    else if (target !== undefined) this.#probeInTurn(target);
  }

  #probeInTurn(target: MemberRecord): void {
    this.#regular = this.#probe(target, (verdict) => {
      this.#regular = undefined;
      if (!verdict.alive) this.#accuse(verdict);
      this.#probeLate();
    });
  }

  #probeLate(): void {
    const target = this.#late;
    this.#late = undefined;
    if (target !== undefined && !target.isGone) this.#probeInTurn(target);
  }

  #targetOf(period: number): MemberRecord | undefined {
    const { table, self } = this.#core;
    if (table.alive < 2) return undefined;
    return table.further(self, turnOf(period, table.alive));
  }

  /** When, on the clock on the wall, the one of this period is probed. */
  #timeOf(period: number): number {
    const { settings } = this.#core;
    const target = this.#targetOf(period);
    const phase = target === undefined ? 0 : phaseOf(target.name);
    return (period + phase) * settings.probeInterval;
  }

  #probe(target: MemberRecord, done: (verdict: Verdict) => void): Probe {
    const { counts, awareness } = this.#core;
    counts.probes++;
    const probe = new Probe(this.#core, target, (verdict) => {
      this.#probes.delete(probe.seqNo);
      awareness.add(scoreOf(verdict));
      if (!verdict.alive) counts.probeFailures++;
      else if (target.suspicion !== undefined) this.#options.suspectAnswered(target);
      done(verdict);
    });
    this.#probes.set(probe.seqNo, probe);
    return probe;
  }

  #accuse({ target, incarnation }: Verdict): void {
    const { self } = this.#core;
    this.#options.failed({ node: target.name, incarnation, from: self.name });
  }
}

/** What a probe says of ourselves: those who should have told us that they got no answer, and did not. */
function scoreOf({ alive, nacksExpected, nacks }: Verdict): number {
  if (alive) return -1;
  return nacksExpected > 0 ? nacksExpected - nacks : 1;
}
