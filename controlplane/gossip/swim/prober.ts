/**
 * Whom we probe, and when: one member after the other, once a probe interval (specification §14), and whoever
 * somebody else suspects, at once. So the confirmations that a suspicion waits for (§13) do not take until chance
 * has us probe the suspect.
 */
import { below } from '../random.ts';
import type { Timer } from '../timers.ts';
import type { Core } from './core.ts';
import type { MemberRecord } from './members.ts';
import { Probe, type Verdict } from './probe.ts';
import type { Accusation } from './rumours.ts';

/** Members that look after a suspect: many more than the confirmations that count. The suspect is not to drown in pings. */
const CONFIRMERS = 10;
/** In ms: over so long their probes are spread. */
const CONFIRM_DELAY = 300;
/** Probes under way for confirmation. At the bound a suspicion is left to others. */
const CONFIRMATIONS_LIMIT = 32;

export interface ProberOptions {
  /** It did not answer. */
  readonly failed: (accusation: Accusation) => void;
  /** Everybody had his turn. */
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
  /** The next turn came while one was under way. */
  #isLate = false;

  constructor(core: Core, options: ProberOptions) {
    this.#core = core;
    this.#options = options;
  }

  start(): void {
    const { timers, random, settings } = this.#core;
    this.#timer = timers.after(below(random, settings.probeInterval), () => this.#turn());
  }

  /** Those under way are given up without a verdict. */
  abandon(): void {
    for (const probe of this.#probes.values()) probe.abandon();
    this.#probes.clear();
    this.#regular = undefined;
    if (this.#isLate) this.#next();
  }

  /** For good. */
  stop(): void {
    this.#timer?.cancel();
    this.#isLate = false;
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

  #wouldHelp(record: MemberRecord): boolean {
    const { self } = this.#core;
    const { suspicion } = record;
    if (this.#core.leaving || this.#probes.size > CONFIRMATIONS_LIMIT) return false;
    if (suspicion === undefined || !suspicion.isOpen || suspicion.isFrom(self.name)) return false;
    return ![...this.#probes.values()].some(({ target }) => target === record);
  }

  #confirm(record: MemberRecord): void {
    this.#core.counts.confirmationProbes++;
    this.#probe(record, (verdict) => {
      // Who does not hear the others either has no say.
      const isDeaf = verdict.nacksExpected > 0 && verdict.nacks === 0;
      if (!verdict.alive && !isDeaf) this.#accuse(verdict);
    });
  }

  /** A turn that comes while a probe is under way is taken when it ends. */
  #turn(): void {
    const { timers, settings } = this.#core;
    this.#timer = timers.after(settings.probeInterval, () => this.#turn());
    if (this.#regular === undefined) this.#next();
    else this.#isLate = true;
  }

  #next(): void {
    const { table, self } = this.#core;
    this.#isLate = false;
    const target = table.nextToProbe(
      (record) => record !== self && !record.isGone,
      this.#options.wrapped,
    );
    if (target === undefined) return;
    this.#regular = this.#probe(target, (verdict) => {
      this.#regular = undefined;
      if (!verdict.alive) this.#accuse(verdict);
      if (this.#isLate) this.#next();
    });
  }

  #probe(target: MemberRecord, done: (verdict: Verdict) => void): Probe {
    const { counts, awareness } = this.#core;
    counts.probes++;
    const probe = new Probe(this.#core, target, (verdict) => {
      this.#probes.delete(probe.seqNo);
      awareness.add(scoreOf(verdict));
      if (!verdict.alive) counts.probeFailures++;
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
