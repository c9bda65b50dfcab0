/**
 * What is said of members, and what follows from it (§12): a higher incarnation wins; of one incarnation, dead and
 * left win over suspect, and suspect over alive. Only a member itself can raise its incarnation.
 */
import { encodeMessage, type Message } from '../codec/index.ts';
import { isAddress, isSameAddress } from './address.ts';
import type { Context } from './context.ts';
import { MEMBERS_LIMIT, isLiving, type Entry } from './members.ts';
import type { Member } from '../swim/member.ts';
import { PACKET_BUDGET, type Outbox } from './outbox.ts';
import { Suspicion, suspicionTimes } from './suspicion.ts';

export type Alive = Omit<Extract<Message, { kind: 'alive' }>, 'kind'>;
export type Accusation = Omit<Extract<Message, { kind: 'suspect' }>, 'kind'>;

const HIGHEST_INCARNATION = 0xffff_ffff;
/** A message as long as this never fits a packet beside its wrapping, and would wait for ever. */
const LONGEST = PACKET_BUDGET - 100;
/** In ms: so often at most a member is told what is known of it. */
const TELL_INTERVAL = 1_000;
/** Members that were told lately and are remembered; beyond it the list starts anew. */
const TOLD_LIMIT = 1_024;

/** What the parts of the core do for each other at news. */
export interface Reactions {
  /** Something is queued. */
  readonly gossip: () => void;
  /** Something is queued that cannot wait. */
  readonly gossipAtOnce: () => void;
  /** Somebody else suspects it. */
  readonly suspected: (suspect: Member) => void;
}

export class Rumours {
  readonly #context: Context;
  readonly #outbox: Outbox;
  readonly #reactions: Reactions;
  readonly #suspicions = new Map<string, Suspicion>();
  /** When whom we told what is known of it. */
  readonly #told = new Map<string, number>();
  #isLeaving = false;

  constructor(context: Context, outbox: Outbox, reactions: Reactions) {
    this.#context = context;
    this.#outbox = outbox;
    this.#reactions = reactions;
  }

  /** Whether more voices against it would change anything. */
  wantsConfirmation({ name }: Member): boolean {
    return this.#suspicions.get(name)?.isOpen === true;
  }

  alive(message: Alive): void {
    const { members, self, counts } = this.#context;
    const alive = message.port === 0 ? { ...message, port: self.port } : message;
    if (!isSound(alive)) {
      counts.refusedMembers++;
      return;
    }
    const known = members.get(alive.node);
    if (known === self) this.#aliveSelf(alive);
    else if (known === undefined) this.#appears(alive);
    else if (isSameEndpoint(known, alive)) this.#aliveAgain(known, alive);
    else if (this.#isFree(known)) this.#takeOver(known, alive);
    else this.#conflict(known, alive);
  }

  suspect({ incarnation, node, from }: Accusation): void {
    const { members, self, timers } = this.#context;
    const known = members.get(node);
    if (known === undefined || incarnation < known.incarnation) return;
    const running = this.#suspicions.get(node);
    if (running !== undefined) {
      if (running.confirm(from)) this.#tell('suspect', { incarnation, node, from });
      return;
    }
    if (known.state !== 'alive') return;
    if (known === self) {
      this.#refute(incarnation, from);
      return;
    }
    this.#tell('suspect', { incarnation, node, from });
    known.incarnation = incarnation;
    members.change(known, 'suspect', timers.now);
    this.#startSuspicion(known, from);
    if (from !== self.name) this.#reactions.suspected(known);
  }

  dead({ incarnation, node, from }: Accusation, told?: () => void): void {
    const { members, self, timers, delegate } = this.#context;
    const known = members.get(node);
    if (known === undefined || incarnation < known.incarnation) return;
    this.#cancelSuspicion(node);
    if (!isLiving(known)) return;
    if (known === self && !this.#isLeaving) {
      this.#refute(incarnation, from);
      return;
    }
    this.#tell('dead', { incarnation, node, from }, told);
    known.incarnation = incarnation;
    members.change(known, from === node ? 'left' : 'dead', timers.now);
    delegate.left(known);
  }

  /** Our own record changed, or others may have lost it: tell them, above all that they know. */
  renew(): void {
    const { self } = this.#context;
    self.incarnation = next(self.incarnation);
    this.tellSelf();
  }

  tellSelf(): void {
    this.#tellAlive(this.#context.self);
  }

  /** `told`: when enough others were told. */
  leave(told: () => void): void {
    const { name: node, incarnation } = this.#context.self;
    this.#isLeaving = true;
    this.dead({ incarnation, node, from: node }, told);
  }

  /** Of a member that is forgotten. */
  forget({ name }: Member): void {
    this.#cancelSuspicion(name);
    this.#told.delete(name);
  }

  #appears(alive: Alive): void {
    const { members, counts, timers, delegate } = this.#context;
    if (alive.incarnation < 1) return;
    if (members.size >= MEMBERS_LIMIT) {
      counts.refusedMembers++;
      return;
    }
    const { node: name, addr, port, meta, vsn, incarnation } = alive;
    const state = 'alive';
    const entry: Entry = { name, addr, port, meta, vsn, incarnation, state, since: timers.now };
    members.add(entry);
    this.#tellAlive(entry);
    delegate.joined(entry);
  }

  #aliveAgain(known: Entry, alive: Alive): void {
    if (alive.incarnation > known.incarnation) this.#revive(known, alive);
    else this.#tellWhatIsKnown(known, alive);
  }

  /** Another address of a name that is free: whatever the incarnation. */
  #takeOver(known: Entry, alive: Alive): void {
    known.addr = alive.addr;
    known.port = alive.port;
    this.#revive(known, alive);
  }

  #revive(known: Entry, { incarnation, meta, vsn }: Alive): void {
    const { members, timers, delegate } = this.#context;
    this.#cancelSuspicion(known.name);
    const wasLiving = isLiving(known);
    const isOther = Buffer.compare(known.meta, meta) !== 0;
    known.incarnation = incarnation;
    if (isOther) known.meta = meta;
    if (Buffer.compare(known.vsn, vsn) !== 0) known.vsn = vsn;
    members.change(known, 'alive', timers.now);
    this.#tellAlive(known);
    if (!wasLiving) delegate.joined(known);
    else if (isOther) delegate.updated(known);
  }

  /** Left, or dead for so long that its name may be another host's now. */
  #isFree({ state, since }: Member): boolean {
    const { settings, timers } = this.#context;
    return state === 'left' || (state === 'dead' && timers.now - since > settings.deadReclaim);
  }

  #aliveSelf(alive: Alive): void {
    const { self } = this.#context;
    if (this.#isLeaving) return;
    if (!isSameEndpoint(self, alive)) {
      this.#conflict(self, alive);
      return;
    }
    if (alive.incarnation < self.incarnation) return;
    const isEcho =
      alive.incarnation === self.incarnation &&
      Buffer.compare(alive.meta, self.meta) === 0 &&
      Buffer.compare(alive.vsn, self.vsn) === 0;
    if (!isEcho) this.#refute(alive.incarnation, undefined);
  }

  #conflict(known: Member, alive: Alive): void {
    const { counts, delegate, timers } = this.#context;
    counts.conflicts++;
    delegate.conflict(known, { ...alive, name: alive.node, state: 'alive', since: timers.now });
  }

  /** Whoever said so is told in person, too. */
  #refute(incarnation: number, accuser: string | undefined): void {
    const { self, awareness, counts, members } = this.#context;
    self.incarnation = next(Math.max(self.incarnation, incarnation));
    awareness.add(1);
    counts.refutations++;
    this.tellSelf();
    this.#reactions.gossipAtOnce();
    const to = accuser === undefined ? undefined : members.get(accuser);
    if (to !== undefined && to !== self) this.#outbox.exactly(to, [aliveMessage(self)]);
  }

  #startSuspicion(suspect: Entry, from: string): void {
    const { members, settings, timers, self, counts } = this.#context;
    const { name: node, incarnation } = suspect;
    counts.suspicions++;
    const suspicion = new Suspicion(from, suspicionTimes(members.size, settings), timers, () => {
      this.#suspicions.delete(node);
      counts.deaths++;
      this.dead({ incarnation, node, from: self.name });
    });
    this.#suspicions.set(node, suspicion);
  }

  #cancelSuspicion(name: string): void {
    this.#suspicions.get(name)?.cancel();
    this.#suspicions.delete(name);
  }

  /**
   * One that was restarted and counts from 1 again does not know that nobody believes it. What is known of it makes
   * it refute at once.
   */
  #tellWhatIsKnown(known: Entry, alive: Alive): void {
    const { timers, self, members } = this.#context;
    if (known.state === 'alive' && alive.incarnation === known.incarnation) return;
    const last = this.#told.get(known.name) ?? -Infinity;
    if (timers.now - last < TELL_INTERVAL || members.get(self.name) !== self) return;
    if (this.#told.size >= TOLD_LIMIT) this.#told.clear();
    this.#told.set(known.name, timers.now);
    const { name: node, incarnation } = known;
    const isAlive = known.state === 'alive';
    const message: Message = isAlive
      ? aliveMessage(known)
      : { kind: 'suspect', incarnation, node, from: self.name };
    this.#outbox.exactly(known, [message]);
  }

  #tellAlive(entry: Entry): void {
    this.#queue(entry.name, aliveMessage(entry));
  }

  #tell(kind: 'suspect' | 'dead', accusation: Accusation, done?: () => void): void {
    this.#queue(accusation.node, { kind, ...accusation }, done);
  }

  #queue(name: string, message: Message, done?: () => void): void {
    const part = encodeMessage(message);
    if (part.length > LONGEST) {
      done?.();
      return;
    }
    this.#context.queue.add(part, { name, done });
    this.#reactions.gossip();
  }
}

export function aliveMessage({ name: node, addr, port, meta, vsn, incarnation }: Member): Message {
  return { kind: 'alive', incarnation, node, addr, port, meta, vsn };
}

/** §11: too few versions are no reason, impossible ones are. */
function isSound({ addr, node, vsn }: Alive): boolean {
  const [min = 0, max = 0] = vsn;
  const isPossible = vsn.length < 3 || (min > 0 && max > 0 && min <= max);
  return isAddress(addr) && node !== '' && isPossible;
}

function isSameEndpoint(known: Member, { addr, port }: Alive): boolean {
  return known.port === port && isSameAddress(known.addr, addr);
}

/** Nobody knows what comes after the highest, so it stays. */
function next(incarnation: number): number {
  return Math.min(incarnation + 1, HIGHEST_INCARNATION);
}
