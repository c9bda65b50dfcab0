/**
 * What is said of members, and what we make of it: the rules for alive, suspect and dead (specification §12). The
 * higher incarnation wins; of one incarnation dead and left win over suspect, and suspect over alive.
 */
import type { Message } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Core } from './core.ts';
import {
  isAddress,
  isSame,
  isSameEndpoint,
  isSamePlace,
  MemberRecord,
  type Claim,
} from './members.ts';
import { Pace } from './pace.ts';
import { Suspicion, suspicionTimes } from './suspicion.ts';

export type Alive = Omit<Extract<Message, { kind: 'alive' }>, 'kind'>;
export type Accusation = Omit<Extract<Message, { kind: 'dead' }>, 'kind'>;

/** Incarnations travel in 32 bits. Nobody gets beyond this one. */
const INCARNATION_LIMIT = 2 ** 32 - 1;
/** Bytes of a node's versions. */
const VERSIONS_LENGTH = 6;
/** In ms: so often one member is told directly what we know of it. */
const REPLY_INTERVAL = 1_000;
/** In ms: so often one who is out of date is told of a member that lives; and how many in that time. */
const CORRECTION_INTERVAL = 1_000;
const CORRECTIONS = 32;
/** How many members tell somebody what they know of him, when they do not hear it from himself. */
const REPLIES = 10;

export interface RumoursOptions {
  /** Somebody else suspects a member, and now we do. */
  readonly suspected: (record: MemberRecord) => void;
  /** A suspicion is nearly over: one more look. */
  readonly nearlyOver: (record: MemberRecord) => void;
  /** Our refutation is queued: somebody suspects us, or takes us for dead. */
  readonly refuted: () => void;
  /** Somebody takes us for dead, or did: we may have refuted the suspicion already. */
  readonly takenForDead: () => void;
}

export class Rumours {
  readonly #core: Core;
  readonly #options: RumoursOptions;
  readonly #replies: Pace;
  readonly #corrections: Pace;

  constructor(core: Core, options: RumoursOptions) {
    this.#core = core;
    this.#options = options;
    this.#replies = new Pace(core.timers, REPLY_INTERVAL);
    this.#corrections = new Pace(core.timers, CORRECTION_INTERVAL, CORRECTIONS);
  }

  /** `from`: where the packet came from, if it came by packet. */
  alive(claim: Alive, from?: Endpoint): void {
    const { self, table, counts } = this.#core;
    const known = table.get(claim.node);
    if (known !== undefined && known !== self && isNoNews(known, claim)) return;
    if (known === self && this.#core.leaving) return;
    if (!isSane(claim)) return void counts.ignored++;
    const heard = claim.port === 0 ? { ...claim, port: self.port } : claim;
    if (known === self) return this.#aliveSelf(heard);
    if (known === undefined) return this.#meet(heard);
    const moves = !isSameEndpoint(known, heard);
    if (moves && !this.#mayMove(known)) return this.#conflict(known, heard);
    if (!moves && heard.incarnation <= known.incarnation) return this.#outdated(known, heard, from);
    this.#accept(known, heard);
  }

  /** `sender`: who passes it on, if it came by packet. */
  suspect(accusation: Accusation, sender?: Endpoint): void {
    const { table, self, counts, settings, timers } = this.#core;
    const { node, incarnation, from } = accusation;
    const record = table.get(node);
    if (record === undefined) return;
    if (incarnation < record.incarnation) return this.#outlived(record, from, sender);
    if (record.suspicion !== undefined && incarnation === record.incarnation) {
      if (!record.suspicion.confirm(from)) return;
      if (from === self.name) counts.confirmations++;
      return this.#core.broadcast(node, { kind: 'suspect', ...accusation });
    }
    if (record.isGone) return;
    if (record === self) return this.#refute(accusation);
    // Of a higher incarnation it confirms nothing: the member has answered what we suspect it of.
    this.#acquit(record);
    this.#core.broadcast(node, { kind: 'suspect', ...accusation });
    record.incarnation = incarnation;
    table.set(record, 'suspect', timers.now);
    const times = suspicionTimes(settings, table.size);
    record.suspicion = new Suspicion(timers, times, from, {
      nearlyOver: () => this.#askAround(record, from),
      over: () => this.#expired(record),
    });
    if (from === self.name) counts.suspicions++;
    else this.#options.suspected(record);
  }

  /** From itself: it leaves. `sender`: who passes it on, if it came by packet. */
  dead(accusation: Accusation, sender?: Endpoint): void {
    const { table, self } = this.#core;
    const { node, incarnation, from } = accusation;
    const record = table.get(node);
    if (record === undefined) return;
    if (record === self && from !== node && !record.isGone) this.#options.takenForDead();
    if (incarnation < record.incarnation) return this.#outlived(record, from, sender);
    // Before we leave we are neither; then nobody takes us for dead but ourselves.
    if (record.isGone) return;
    if (record === self) return this.#refute(accusation);
    this.#bury(record, accusation);
  }

  /** We go. `done`: everybody was told. */
  leave(done: () => void): void {
    const { self } = this.#core;
    const { name, incarnation } = self;
    this.#bury(self, { node: name, from: name, incarnation }, done);
  }

  /** It lives: if we believe otherwise it is told, so that it can refute it. */
  contradict(record: MemberRecord): void {
    if (record.state === 'alive' || !this.#replies.allows(record.name)) return;
    this.#core.outbox.sendBare(record, [this.#opinionOf(record)]);
  }

  /** Tells everybody what we are now, as a new incarnation that is higher than `above`. */
  announce(above = 0): void {
    const { self } = this.#core;
    self.incarnation = Math.min(INCARNATION_LIMIT, Math.max(self.incarnation, above) + 1);
    this.#core.broadcast(self.name, aliveOf(self));
  }

  #aliveSelf(claim: Alive): void {
    const { self } = this.#core;
    if (!isSameEndpoint(self, claim)) return this.#conflict(self, claim);
    if (claim.incarnation < self.incarnation) return;
    const isOurs = isSame(self.meta, claim.meta) && isSame(self.vsn, claim.vsn);
    if (claim.incarnation === self.incarnation && isOurs) return;
    this.#refute({ incarnation: claim.incarnation, node: self.name, from: '' });
  }

  #meet(claim: Alive): void {
    const { table, counts } = this.#core;
    if (claim.incarnation === 0) return;
    const record = new MemberRecord(claim.node, claim);
    if (table.add(record)) this.#accept(record, claim);
    else counts.ignored++;
  }

  /** To another address. */
  #mayMove({ state, since }: MemberRecord): boolean {
    const { timers, settings } = this.#core;
    if (state === 'left') return true;
    const { deadNodeReclaim } = settings;
    return state === 'dead' && deadNodeReclaim > 0 && timers.now - since > deadNodeReclaim;
  }

  #conflict(record: MemberRecord, claim: Alive): void {
    this.#core.counts.conflicts++;
    this.#core.delegate.conflict(record, new MemberRecord(claim.node, claim));
  }

  #accept(record: MemberRecord, claim: Alive): void {
    const { table, timers, delegate } = this.#core;
    this.#acquit(record);
    this.#core.broadcast(record.name, { kind: 'alive', ...claim });
    const wasGone = record.isGone;
    const { meta } = record;
    record.update(claim);
    table.set(record, 'alive', timers.now);
    if (wasGone) delegate.joined(record);
    else if (record.meta !== meta) delegate.updated(record);
  }

  /**
   * Perhaps it was started anew and does not know what it was before: it is told, so that it can say that it is
   * alive. If it is not it whom we heard, one of a few who heard the same tells it.
   */
  #outdated(record: MemberRecord, claim: Claim, from: Endpoint | undefined): void {
    const { random, table, outbox } = this.#core;
    if (claim.incarnation === record.incarnation && record.state === 'alive') return;
    if (from === undefined) return;
    const isItself = isSamePlace(from, record);
    if (!isItself && random() >= REPLIES / table.size) return;
    if (this.#replies.allows(record.name)) outbox.sendBare(record, [this.#opinionOf(record)]);
  }

  #opinionOf(record: MemberRecord): Message {
    const { name: node, incarnation, state } = record;
    if (state === 'alive') return aliveOf(record);
    const from = state === 'left' ? node : this.#core.self.name;
    return { kind: state === 'suspect' ? 'suspect' : 'dead', node, incarnation, from };
  }

  #refute({ incarnation, from }: Accusation): void {
    const { awareness, counts, self } = this.#core;
    counts.refutations++;
    awareness.add(1);
    this.announce(incarnation);
    this.#refuted(self, from);
    this.#options.refuted();
  }

  /** Who accuses us is told by ourselves, and again if it has not heard: others may pass it on too late. */
  #refuted(record: MemberRecord, from: string): void {
    const { table, outbox, self } = this.#core;
    const accuser = table.get(from);
    if (record !== self || accuser === undefined || accuser === self) return;
    if (this.#core.leaving) return;
    if (this.#replies.allows(from)) outbox.sendBare(accuser, [aliveOf(self)]);
  }

  /** What is said of it is out of date: who says it is told, at most now and then. */
  #outlived(record: MemberRecord, from: string, sender: Endpoint | undefined): void {
    this.#refuted(record, from);
    const { outbox, leaving } = this.#core;
    if (sender === undefined || record.state !== 'alive' || leaving) return;
    if (this.#corrections.allows(textOf(sender))) outbox.sendTo(sender, aliveOf(record));
  }

  /** Lest we missed that the suspect lives: we say once more what it is accused of; who knows better will tell us. */
  #askAround(record: MemberRecord, from: string): void {
    const { name: node, incarnation } = record;
    this.#core.broadcast(node, { kind: 'suspect', node, incarnation, from });
    this.#options.nearlyOver(record);
  }

  #expired(record: MemberRecord): void {
    const { self, counts } = this.#core;
    counts.deathsDeclared++;
    const { name: node, incarnation } = record;
    this.#bury(record, { node, incarnation, from: self.name });
  }

  #bury(record: MemberRecord, accusation: Accusation, done?: () => void): void {
    const { table, timers, delegate } = this.#core;
    this.#acquit(record);
    this.#core.broadcast(record.name, { kind: 'dead', ...accusation }, done);
    record.incarnation = accusation.incarnation;
    const state = accusation.from === accusation.node ? 'left' : 'dead';
    table.set(record, state, timers.now);
    delegate.left(record);
  }

  #acquit(record: MemberRecord): void {
    record.suspicion?.cancel();
    record.suspicion = undefined;
  }
}

export function aliveOf({ name: node, addr, port, meta, vsn, incarnation }: MemberRecord): Message {
  return { kind: 'alive', node, addr, port, meta, vsn, incarnation };
}

function textOf({ addr, port }: Endpoint): string {
  return `${addr.join('.')} ${port}`;
}

/** Nearly everything that is heard was heard before. */
function isNoNews(known: MemberRecord, claim: Alive): boolean {
  const isNew = claim.incarnation !== known.incarnation || known.state !== 'alive';
  return !isNew && isSameEndpoint(known, claim);
}

/** Versions of less than six bytes make Go panic, so nobody sends them. */
function isSane({ node, addr, vsn }: Alive): boolean {
  const min = vsn[0] ?? 0;
  const max = vsn[1] ?? 0;
  return node !== '' && isAddress(addr) && vsn.length >= VERSIONS_LENGTH && min > 0 && min <= max;
}
