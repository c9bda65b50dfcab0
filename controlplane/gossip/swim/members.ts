/** The member table: records by name, and the order in which they are probed (specification §12, §14). */
import type { Endpoint } from '../effects.ts';
import { below, sample, shuffle, type Random } from '../random.ts';
import type { Member, MemberState } from './member.ts';
import type { Suspicion } from './suspicion.ts';

/** As many as a push/pull carries. At the bound new ones are not taken. */
export const MEMBERS_LIMIT = 65_536;

/** How a v4 address in 16 bytes begins. */
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** What a member says of itself. Arrays are shared, never changed. */
export interface Claim extends Endpoint {
  readonly meta: Uint8Array;
  readonly vsn: Uint8Array;
  readonly incarnation: number;
}

/** A record as the core changes it. Thousands of nodes with thousands each stand in one simulation: keep it small. */
export class MemberRecord implements Member {
  readonly name: string;
  addr: Uint8Array;
  port: number;
  meta: Uint8Array;
  vsn: Uint8Array;
  incarnation: number;
  /** To be set by MemberTable.set alone. */
  state: MemberState = 'dead';
  since = 0;
  /** While it is suspect. */
  suspicion: Suspicion | undefined = undefined;

  constructor(name: string, { addr, port, meta, vsn }: Claim) {
    this.name = name;
    this.addr = addr;
    this.port = port;
    this.meta = meta;
    this.vsn = vsn;
    this.incarnation = 0;
  }

  /** What is as it was keeps its array, so that the new one need not be kept. */
  update({ addr, port, meta, vsn, incarnation }: Claim): void {
    if (!isSame(this.addr, addr)) this.addr = addr;
    if (!isSame(this.meta, meta)) this.meta = meta;
    if (!isSame(this.vsn, vsn)) this.vsn = vsn;
    this.port = port;
    this.incarnation = incarnation;
  }

  get isGone(): boolean {
    return this.state === 'dead' || this.state === 'left';
  }

  /** Highest version of memberlist's protocol that it understands. */
  get protocolMax(): number {
    return this.vsn[1] ?? 0;
  }
}

/** The table, to read. */
export interface Members extends Iterable<Member> {
  get(name: string): Member | undefined;
  /** Of every state, ourselves included. */
  readonly size: number;
  /** Neither dead nor left, ourselves included. */
  readonly alive: number;
}

export class MemberTable implements Members {
  readonly #random: Random;
  readonly #byName = new Map<string, MemberRecord>();
  #order: MemberRecord[] = [];
  #next = 0;
  #alive = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#order.length;
  }

  get alive(): number {
    return this.#alive;
  }

  get(name: string): MemberRecord | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): Iterator<MemberRecord> {
    return this.#order.values();
  }

  /** One that is dead so far, at a random place of the order. False at the bound. */
  add(record: MemberRecord): boolean {
    if (this.size >= MEMBERS_LIMIT) return false;
    this.#byName.set(record.name, record);
    const last = this.#order.push(record) - 1;
    const place = below(this.#random, last + 1);
    this.#order[last] = this.#order[place] as MemberRecord;
    this.#order[place] = record;
    return true;
  }

  /** Of one that is in the table. */
  set(record: MemberRecord, state: MemberState, now: number): void {
    if (record.state === state) return;
    const wasGone = record.isGone;
    record.state = state;
    record.since = now;
    if (wasGone !== record.isGone) this.#alive += wasGone ? 1 : -1;
  }

  /** The next in order that passes; each once before anyone twice. `wrapped` is called when all had their turn. */
  nextToProbe(
    passes: (record: MemberRecord) => boolean,
    wrapped: () => void,
  ): MemberRecord | undefined {
    for (let checks = this.size; checks > 0; checks--) {
      if (this.#next >= this.size) {
        wrapped();
        shuffle(this.#random, this.#order);
        this.#next = 0;
      }
      const record = this.#order[this.#next++];
      if (record !== undefined && passes(record)) return record;
    }
    return undefined;
  }

  /** Forgets them. Returns them. */
  remove(passes: (record: MemberRecord) => boolean): readonly MemberRecord[] {
    const removed = this.#order.filter(passes);
    if (removed.length === 0) return removed;
    for (const record of removed) {
      this.#byName.delete(record.name);
      if (!record.isGone) this.#alive--;
    }
    const before = this.#order.slice(0, this.#next).filter(passes).length;
    this.#order = this.#order.filter((record) => !passes(record));
    this.#next -= before;
    return removed;
  }

  sample(count: number, passes: (record: MemberRecord) => boolean): MemberRecord[] {
    return sample(this.#random, this.#order, count, passes);
  }
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** As memberlist does it: a v4 address in 16 bytes is another one. */
export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && isSame(a.addr, b.addr);
}

/** Whether both reach the same socket, however the address is written. */
export function isSamePlace(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && isSame(unmapped(a.addr), unmapped(b.addr));
}

/** A v4 address in 16 bytes in its 4. */
function unmapped(addr: Uint8Array): Uint8Array {
  const isMapped = addr.length === 16 && isSame(addr.subarray(0, 12), MAPPED);
  return isMapped ? addr.subarray(12) : addr;
}

/** Whether it can be dialled. */
export function isAddress({ length }: Uint8Array): boolean {
  return length === 4 || length === 16;
}
