/**
 * Exchanges by stream that heal what gossip lost: now and then one member, by chance, is asked whether it knows the
 * same. Each message stands alone; none is waited for.
 *
 *   asker                            asked
 *   1 all: one fingerprint     →
 *                              ←     2 owners: a fingerprint of each, if all is not the same
 *   3 states: what I have      →
 *     of those that differ
 *                              ←     4 records: what you lack of them, or have older
 *
 * After 3 the asked one knows what the asker knew, after 4 the other way round.
 */
import type { Endpoint } from '../effects.ts';
import { below, type Random } from '../random.ts';
import type { Timer, Timers } from '../timers.ts';
import {
  encodeEnvelope,
  isWithin,
  userMessage,
  type Envelope,
  type Host,
  type OwnerPage,
  type OwnerState,
} from './envelope.ts';
import { isSame } from './fingerprint.ts';
import { ownerPages, statePages, versionPages } from './pages.ts';
import { idOf, isNewer, type Version } from './record.ts';
import type { Table } from './table.ts';

/** Two questions of ours are at least so far apart, in ms. */
const PAUSE = 1_000;
/** So many of the members who see another one appear ask it, on average. */
const ASKERS = 3;
/** So many answers of several pages may be under way; more questions are left alone, their askers will ask others. */
const ANSWERS_LIMIT = 16;
/** Up to so many members the interval is as set; with each doubling beyond, it is added once more (memberlist's push/pull). */
const SCALE_FROM = 32;

export interface HealingOptions {
  readonly self: Host;
  readonly random: Random;
  readonly timers: Timers;
  readonly table: Table;
  /** In ms; between two questions, while there is nothing to heal. */
  readonly interval: number;
  /** Other members that keep records, by name. */
  readonly peers: ReadonlyMap<string, Endpoint>;
  /** Delivers a user message and calls back once, with the problem if there is one. */
  readonly sendStream: (
    to: Endpoint,
    payload: Uint8Array,
    done: (problem?: string) => void,
  ) => void;
  /** What others told, for the table. */
  readonly take: (versions: readonly Version[], from: Host) => void;
}

export class Healing {
  readonly #options: HealingOptions;
  #timer: (Timer & { readonly at: number }) | undefined;
  #pause = PAUSE;
  #last = -Infinity;
  /** Who appeared last and is to be asked. */
  #newcomer: string | undefined;
  #answers = 0;
  readonly counts = { questions: 0, answers: 0, unanswered: 0, problems: 0 };

  constructor(options: HealingOptions) {
    this.#options = options;
  }

  /** A member that keeps records is new, or is back; it is among the peers already. */
  appeared(name: string): void {
    const { random, peers } = this.#options;
    if (random() * peers.size >= ASKERS) return this.#schedule(this.#pause);
    this.#newcomer = name;
    this.hurry();
  }

  /** Something is wrong, or may be: asks as soon as may be, and then at growing intervals. */
  hurry(): void {
    this.#pause = PAUSE;
    this.#schedule(0);
  }

  /** One step of an exchange. */
  receive(envelope: Envelope & { readonly sender: Host }): void {
    const { sender, all, owners, states, versions } = envelope;
    if (versions.length > 0) this.#options.take(versions, sender);
    if (all !== undefined && !isSame(all, this.#all())) this.#send(sender, this.#ownerPages());
    if (owners !== undefined) this.#send(sender, this.#statePages(owners));
    if (states.length > 0) this.#complete(sender, states);
  }

  /** Owners whose records count: ourselves, and members that are there. */
  readonly isPresent = (owner: string): boolean =>
    owner === this.#options.self.name || this.#options.peers.has(owner);

  #all(): ReturnType<Table['fingerprint']> {
    return this.#options.table.fingerprintOfAll(this.isPresent);
  }

  #schedule(delay: number): void {
    const { timers, peers } = this.#options;
    if (peers.size === 0) return;
    const at = Math.max(timers.now + delay, this.#last + PAUSE);
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const timer = timers.after(at - timers.now, () => this.#ask());
    this.#timer = { at, cancel: () => timer.cancel() };
  }

  #ask(): void {
    const { random, timers, peers, self, sendStream } = this.#options;
    this.#timer = undefined;
    if (peers.size === 0) return;
    const to = peers.get(this.#newcomer ?? '') ?? [...peers.values()][below(random, peers.size)];
    this.#newcomer = undefined;
    this.#last = timers.now;
    this.#pause = Math.min(2 * this.#pause, this.#interval());
    this.#schedule(this.#pause * (0.5 + random()));
    this.counts.questions++;
    const question = userMessage([encodeEnvelope({ sender: self, all: this.#all() })]);
    sendStream(to as Endpoint, question, (problem) => {
      if (problem !== undefined) this.counts.problems++;
    });
  }

  #interval(): number {
    const doublings = Math.ceil(Math.log2((this.#options.peers.size + 1) / SCALE_FROM));
    return this.#options.interval * (1 + Math.max(0, doublings));
  }

  #ownerPages(): Generator<Uint8Array> {
    const { self, table } = this.#options;
    const present = [...table.owners()].filter(this.isPresent);
    return ownerPages(
      self,
      present.map((owner) => [owner, table.fingerprint(owner)]),
    );
  }

  #statePages(page: OwnerPage): Generator<Uint8Array> {
    const { self, table, timers } = this.#options;
    const ours = [...table.owners()].filter(
      (owner) => this.isPresent(owner) && isWithin(page, owner),
    );
    const differing = [...new Set([...page.owners.keys(), ...ours])].filter((owner) => {
      const theirs = page.owners.get(owner) ?? { high: 0, low: 0 };
      return !isSame(theirs, table.fingerprint(owner));
    });
    const versionsOf = (owner: string): readonly Version[] =>
      this.isPresent(owner) ? table.versions(owner, timers.now) : [];
    return statePages(self, differing, versionsOf);
  }

  /** Takes what they have, and gives what they lack. */
  #complete(to: Host, states: readonly OwnerState[]): void {
    const { self, table, timers, take } = this.#options;
    const missing: Version[] = [];
    for (const { owner, versions, ...range } of states) {
      take(versions, to);
      if (!this.isPresent(owner)) continue;
      const theirs = new Map(versions.map((version) => [idOf(version), version]));
      for (const version of table.versions(owner, timers.now)) {
        const id = idOf(version);
        const known = theirs.get(id);
        if (isWithin(range, id) && (known === undefined || isNewer(version, known)))
          missing.push(version);
      }
    }
    this.#send(to, versionPages(self, missing));
  }

  /** One page after the other, so that much to say is not all in memory and on the way at once. */
  #send(to: Endpoint, pages: Generator<Uint8Array>): void {
    if (this.#answers >= ANSWERS_LIMIT) {
      this.counts.unanswered++;
      return;
    }
    this.#answers++;
    this.counts.answers++;
    const next = (problem?: string): void => {
      const page = problem === undefined ? pages.next() : undefined;
      if (page?.done === false)
        return this.#options.sendStream(to, userMessage([page.value]), next);
      this.#answers--;
      if (problem !== undefined) this.counts.problems++;
    };
    next();
  }
}
