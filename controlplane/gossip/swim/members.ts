/** The member table: records by name, and the ring in which the living probe each other (specification §12, §14). */
import type { Endpoint } from '../effects.ts';
import { sample, type Random } from '../random.ts';
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
  #records: MemberRecord[] = [];
  /** Neither dead nor left, in the order of their names. */
  readonly #ring: MemberRecord[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#records.length;
  }

  get alive(): number {
    return this.#ring.length;
  }

  get(name: string): MemberRecord | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): Iterator<MemberRecord> {
    return this.#records.values();
  }

  /** One that is dead so far. False at the bound. */
  add(record: MemberRecord): boolean {
    if (this.size >= MEMBERS_LIMIT) return false;
    this.#byName.set(record.name, record);
    this.#records.push(record);
    return true;
  }

  /** Of one that is in the table. */
  set(record: MemberRecord, state: MemberState, now: number): void {
    if (record.state === state) return;
    const wasGone = record.isGone;
    record.state = state;
    record.since = now;
    if (wasGone === record.isGone) return;
    const place = this.#placeOf(record.name);
    if (wasGone) this.#ring.splice(place, 0, record);
    else this.#ring.splice(place, 1);
  }

  /** The one `places` further on in the ring than `record`; it has to be in it. */
  further(record: MemberRecord, places: number): MemberRecord {
    const at = (this.#placeOf(record.name) + places) % this.#ring.length;
    return this.#ring[at] as MemberRecord;
  }

  /** Forgets those who are dead or left, and pass. Returns them. */
  forget(passes: (record: MemberRecord) => boolean): readonly MemberRecord[] {
    const gone = this.#records.filter((record) => record.isGone && passes(record));
    if (gone.length === 0) return gone;
    for (const { name } of gone) this.#byName.delete(name);
    this.#records = this.#records.filter(({ name }) => this.#byName.has(name));
    return gone;
  }

  sample(count: number, passes: (record: MemberRecord) => boolean): MemberRecord[] {
    return sample(this.#random, this.#records, count, passes);
  }

  #placeOf(name: string): number {
    let low = 0;
    let high = this.#ring.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ring[middle] as MemberRecord).name < name) low = middle + 1;
      else high = middle;
    }
    return low;
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
