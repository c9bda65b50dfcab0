/**
 * Serf's table of members. memberlist says who can be reached; intents say whether a disappearance was meant
 * (specification §20.4). Each change is told by `changed`, once.
 */
import { decodeTags, type Tags } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Member } from '../swim/index.ts';
import type { Timers } from '../timers.ts';
import { endpointKey, isSameEndpoint } from './addresses.ts';
import type { MemberChange, MemberStatus } from './face.ts';
import { Intents } from './intents.ts';
import type { SerfSettings } from './settings.ts';

/** As many as a push/pull carries. At the bound the one that has been gone for longest is forgotten. */
const LIMIT = 65_536;
const NO_TAGS: Tags = new Map();

export interface SerfMember extends Endpoint {
  readonly name: string;
  /** Its endpoint's endpointKey. */
  readonly key: string;
  readonly meta: Uint8Array;
  /** What its meta says. */
  readonly tags: Tags;
  readonly vsn: Uint8Array;
  readonly incarnation: number;
  readonly status: MemberStatus;
  /** Of the last intent. */
  readonly statusLTime: bigint;
  /** In ms awake. */
  readonly since: number;
}

/** Of a class, so that thousands have one shape: as literals with spread parts each takes 430 bytes more. */
class Entry implements SerfMember {
  readonly name: string;
  addr: Uint8Array;
  port: number;
  meta: Uint8Array;
  tags: Tags;
  vsn: Uint8Array;
  incarnation: number;
  status: MemberStatus;
  statusLTime: bigint;
  since: number;
  /** To be forgotten as soon as it is gone. */
  prune = false;
  #key: string | undefined;

  constructor(
    node: Member,
    { status, statusLTime, since }: Pick<SerfMember, 'status' | 'statusLTime' | 'since'>,
  ) {
    this.name = node.name;
    this.addr = node.addr;
    this.port = node.port;
    this.meta = node.meta;
    this.tags = tagsOf(node.meta);
    this.vsn = node.vsn;
    this.incarnation = node.incarnation;
    this.status = status;
    this.statusLTime = statusLTime;
    this.since = since;
  }

  /** Few are ever asked for it. */
  get key(): string {
    this.#key ??= endpointKey(this);
    return this.#key;
  }

  /** What it says of itself now. */
  update({ addr, port, meta, vsn, incarnation }: Member): void {
    this.#key = undefined;
    this.addr = addr;
    this.port = port;
    if (this.meta !== meta) this.tags = tagsOf(meta);
    this.meta = meta;
    this.vsn = vsn;
    this.incarnation = incarnation;
  }
}

export interface SerfMembersOptions {
  readonly timers: Timers;
  readonly settings: SerfSettings;
  readonly changed: (member: SerfMember, change: MemberChange) => void;
}

export class SerfMembers {
  readonly #timers: Timers;
  readonly #settings: SerfSettings;
  readonly #changed: SerfMembersOptions['changed'];
  readonly #byName = new Map<string, Entry>();
  /** Leaving, left and failed: in the usual case few of thousands. */
  readonly #unsettled = new Set<Entry>();
  readonly #intents: Intents;
  #alive = 0;

  constructor({ timers, settings, changed }: SerfMembersOptions) {
    this.#timers = timers;
    this.#settings = settings;
    this.#changed = changed;
    this.#intents = new Intents(settings.intentTimeout);
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Alive or leaving. */
  get alive(): number {
    return this.#alive;
  }

  /** Those who are not simply alive. Not to be changed meanwhile. */
  get unsettled(): Iterable<SerfMember> {
    return this.#unsettled;
  }

  get(name: string): SerfMember | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): Iterator<SerfMember> {
    return this.#byName.values();
  }

  /** memberlist reaches it: for the first time, or again. */
  joined(node: Member): void {
    const known = this.#byName.get(node.name);
    if (known !== undefined && isHere(known)) return this.updated(node);
    const intent = known === undefined ? this.#intents.take(node.name) : undefined;
    if (known === undefined) this.#makeRoom();
    const entry = new Entry(node, {
      status: intent?.kind === 'leave' ? 'leaving' : 'alive',
      statusLTime: known?.statusLTime ?? intent?.lTime ?? 0n,
      since: this.#timers.now,
    });
    this.#byName.set(node.name, entry);
    if (known !== undefined) this.#unsettled.delete(known);
    this.#settle(entry);
    this.#alive++;
    this.#changed(entry, 'join');
  }

  /** memberlist reaches it no more. Who says so itself has left, even if its intent did not come through. */
  left(node: Member): void {
    const entry = this.#byName.get(node.name);
    if (entry === undefined || !isHere(entry)) return;
    entry.update(node);
    this.#alive--;
    const left = entry.status === 'leaving' || node.state === 'left';
    this.#set(entry, left ? 'left' : 'failed', left ? 'leave' : 'failed');
    if (left && entry.prune) this.#forget(entry);
  }

  /** Another meta or endpoint; nothing is told when they are the same. */
  updated(node: Member): void {
    const entry = this.#byName.get(node.name);
    if (entry === undefined) return;
    const isSame = Buffer.compare(entry.meta, node.meta) === 0 && isSameEndpoint(entry, node);
    entry.update(node);
    if (!isSame) this.#changed(entry, 'update');
  }

  /** Whether it is news, to be told to others. */
  joinIntent(name: string, lTime: bigint): boolean {
    const entry = this.#byName.get(name);
    if (entry === undefined)
      return this.#intents.add(name, { kind: 'join', lTime }, this.#timers.now);
    if (lTime <= entry.statusLTime) return false;
    entry.statusLTime = lTime;
    if (entry.status === 'leaving') this.#set(entry, 'alive', 'update');
    return true;
  }

  /** Whether it is news, to be told to others. `prune`: forget it as well. */
  leaveIntent(name: string, lTime: bigint, prune: boolean): boolean {
    const entry = this.#byName.get(name);
    if (entry === undefined)
      return this.#intents.add(name, { kind: 'leave', lTime }, this.#timers.now);
    if (lTime <= entry.statusLTime) return false;
    entry.statusLTime = lTime;
    entry.prune = prune;
    if (entry.status === 'alive') this.#set(entry, 'leaving', 'leaving');
    else if (entry.status === 'failed') this.#set(entry, 'left', 'leave');
    if (prune && entry.status === 'left') this.#forget(entry);
    return true;
  }

  /** Forgets those who have been gone for too long, and believes nobody's leave for too long. */
  reap(): void {
    const { now } = this.#timers;
    this.#intents.expire(now);
    for (const entry of this.#unsettled) {
      if (now - entry.since < this.#timeoutOf(entry.status)) continue;
      if (entry.status === 'leaving') this.#set(entry, 'alive', 'update');
      else this.#forget(entry);
    }
  }

  #timeoutOf(status: MemberStatus): number {
    switch (status) {
      case 'alive':
        return Infinity;
      case 'leaving':
        return this.#settings.leavingTimeout;
      case 'left':
        return this.#settings.leftTimeout;
      case 'failed':
        return this.#settings.failedTimeout;
    }
  }

  #set(entry: Entry, status: MemberStatus, change: MemberChange): void {
    entry.status = status;
    entry.since = this.#timers.now;
    this.#settle(entry);
    this.#changed(entry, change);
  }

  #settle(entry: Entry): void {
    if (entry.status === 'alive') this.#unsettled.delete(entry);
    else this.#unsettled.add(entry);
  }

  #forget(entry: Entry): void {
    this.#byName.delete(entry.name);
    this.#unsettled.delete(entry);
    this.#changed(entry, 'reap');
  }

  #makeRoom(): void {
    if (this.#byName.size < LIMIT) return;
    let oldest: Entry | undefined;
    for (const entry of this.#unsettled)
      if (!isHere(entry) && (oldest === undefined || entry.since < oldest.since)) oldest = entry;
    if (oldest !== undefined) this.#forget(oldest);
  }
}

export function isHere({ status }: Pick<SerfMember, 'status'>): boolean {
  return status === 'alive' || status === 'leaving';
}

/** By their meta: in a simulation thousands of nodes have the same of a member. */
const KNOWN_TAGS = new WeakMap<Uint8Array, Tags>();

/** Meta that does not parse is no tags: the member itself is not to blame for what it cannot be told apart by. */
function tagsOf(meta: Uint8Array): Tags {
  const known = KNOWN_TAGS.get(meta);
  if (known !== undefined) return known;
  const tags = decodeTags(meta);
  const value = tags.ok ? tags.value : NO_TAGS;
  KNOWN_TAGS.set(meta, value);
  return value;
}
