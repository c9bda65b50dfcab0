/**
 * The addresses of one subnet of a network that are this host's: in use, resting after use, and a few in reserve, so that
 * an attach needs no round trip to etcd. What it wants of etcd it asks for one after the other; each request may be
 * repeated, and is until it is answered. Pure.
 */
import { addressToInteger, type Address } from '../ip/address.ts';
import { pauseBefore, type Backoff, type Random } from '../state/clock.ts';
import { addressAt, givenFrom, refusalIn, type Given, type NetworkSubnet } from './subnet.ts';

export type ClaimRequest =
  /** Whose are the addresses? */
  | { readonly type: 'list' }
  /** Each that is nobody's, or this host's, is this host's then. */
  | { readonly type: 'claim'; readonly addresses: readonly Address[] }
  /** Each that is this host's is nobody's then. */
  | { readonly type: 'drop'; readonly addresses: readonly Address[] };

export type ClaimAnswer =
  | { readonly type: 'listed'; readonly others: readonly Address[] }
  /** `taken`: those that are others', and what stands there; all others are ours. */
  | { readonly type: 'claimed'; readonly taken: ReadonlyMap<Address, string> }
  | { readonly type: 'dropped' }
  /** There is no such network any more. */
  | { readonly type: 'gone' }
  /** It is not known whether it was carried out. */
  | { readonly type: 'failed' };

export type ClaimOutcome =
  | { readonly type: 'given'; readonly ticket: number; readonly address: Address }
  | { readonly type: 'refused'; readonly ticket: number; readonly why: ClaimRefusal }
  /** Somebody else has the address of this endpoint: this host was away for too long. */
  | {
      readonly type: 'lost';
      readonly owner: string;
      readonly address: Address;
      readonly value: string;
    };

export type ClaimRefusal =
  | { readonly problem: 'full' }
  | { readonly problem: 'gone' }
  /** In words after "is". */
  | { readonly problem: 'never'; readonly text: string }
  | { readonly problem: 'own'; readonly owner: string }
  /** What stands in etcd. */
  | { readonly problem: 'others'; readonly value: string };

/** In one request; etcd takes 128 operations in a transaction. */
export const BATCH = 64;
/** Addresses in reserve, as long as it is no more than a small part of what is free. */
const RESERVE = 8;
const RESERVE_PART = 32n;
/** So long after it was in use nobody gets an address, in ms, unless there is no other: others may still send to it. */
export const REST = 30_000;
const RETRY: Backoff = { first: 100, factor: 2, limit: 5_000 };

interface Holding {
  /** An endpoint. */
  owner: string | undefined;
  /** etcd says so. */
  claimed: boolean;
  restUntil: number;
}

interface Waiting {
  readonly ticket: number;
  readonly owner: string;
  readonly asked: Address | undefined;
}

export class ClaimPool {
  readonly subnet: NetworkSubnet;
  readonly #random: Random;
  readonly #given: Given;
  readonly #own = new Map<Address, Holding>();
  /** As last known. */
  #others = new Set<Address>();
  #waiting: Waiting[] = [];
  #outcomes: ClaimOutcome[] = [];
  #underWay: ClaimRequest | undefined;
  #retryAt = 0;
  #failures = 0;
  /** Whether what is known of others is as of just now. */
  #list: 'never' | 'fresh' | 'stale' = 'never';
  /** The network is no more, and nobody can claim anything. */
  #isGone = false;
  /** From the first: where the next look begins; somewhere, so that two hosts do not want the same. */
  #next: bigint;

  constructor(subnet: NetworkSubnet, random: Random) {
    this.subnet = subnet;
    this.#random = random;
    this.#given = givenFrom(subnet);
    const size = this.#given.last - this.#given.first + 1n;
    this.#next = BigInt(Math.floor(random() * Number(size < 65_536n ? size : 65_536n)));
  }

  /** What became of takes, and of what was held; each once. */
  outcomes(): readonly ClaimOutcome[] {
    return this.#outcomes.splice(0);
  }

  /** This host has, or may have, addresses here. */
  get isIdle(): boolean {
    return this.#own.size === 0 && this.#waiting.length === 0 && this.#underWay === undefined;
  }

  has(address: Address): boolean {
    return this.#own.has(address);
  }

  /** What endpoints have, and who. */
  *inUse(): Iterable<readonly [Address, string]> {
    for (const [address, { owner }] of this.#own) if (owner !== undefined) yield [address, owner];
  }

  ownerOf(address: Address): string | undefined {
    return this.#own.get(address)?.owner;
  }

  /** An outcome comes of each ticket, now or later. */
  take(ticket: number, owner: string, asked: Address | undefined, now: number): void {
    if (asked === undefined) {
      const address = this.#spares(now)[0];
      if (address === undefined) this.#waiting.push({ ticket, owner, asked });
      else this.#give(ticket, address, owner);
      return;
    }
    const text = refusalIn(this.subnet, asked);
    if (text !== undefined) return this.#refuse(ticket, { problem: 'never', text });
    const holding = this.#own.get(asked);
    if (holding?.owner !== undefined && holding.owner !== owner)
      return this.#refuse(ticket, { problem: 'own', owner: holding.owner });
    if (holding?.claimed === true && !this.#isUnderWay(asked)) this.#give(ticket, asked, owner);
    else this.#waiting.push({ ticket, owner, asked });
  }

  /** Nobody waits for it any more. */
  cancel(ticket: number): void {
    this.#waiting = this.#waiting.filter((each) => each.ticket !== ticket);
  }

  /** It has had it since before this start. `isClaimed`: etcd says so. */
  hold(address: Address, owner: string, isClaimed: boolean): void {
    this.#own.set(address, { owner, claimed: isClaimed, restUntil: 0 });
  }

  release(address: Address, owner: string, now: number): void {
    const holding = this.#own.get(address);
    if (holding?.owner !== owner) return;
    holding.owner = undefined;
    // What etcd has not confirmed to this process may stand there by an earlier one, and is dropped.
    const isSure = holding.claimed || this.#isUnderWay(address);
    holding.restUntil = isSure ? now + REST : Infinity;
  }

  /** Another host wants it: who has it here; undefined: nobody, and it will be dropped. */
  give(address: Address): string | undefined {
    const holding = this.#own.get(address);
    if (holding?.owner !== undefined) return holding.owner;
    // Nobody gets it meanwhile; see #surplus.
    if (holding !== undefined) holding.restUntil = Infinity;
    return undefined;
  }

  /** The host's lease in etcd has ended, and all its keys with it. */
  leaseLost(): void {
    for (const [address, holding] of this.#own) {
      holding.claimed = false;
      if (holding.owner === undefined && !this.#isUnderWay(address)) this.#own.delete(address);
    }
    this.#list = 'stale';
  }

  // ---- what is asked of etcd ----

  /** What to ask now; undefined while something is under way, or there is nothing to ask before wakeAt. */
  next(now: number): ClaimRequest | undefined {
    if (this.#underWay !== undefined) {
      if (this.#retryAt === Infinity || now < this.#retryAt) return undefined;
    } else {
      this.#serve(now);
      this.#underWay = this.#wanted(now);
    }
    if (this.#underWay !== undefined) this.#retryAt = Infinity;
    return this.#underWay;
  }

  wakeAt(now: number): number {
    if (this.#underWay !== undefined) return this.#retryAt;
    let wake = Infinity;
    for (const { owner, restUntil } of this.#own.values())
      if (owner === undefined && restUntil > now && restUntil < wake) wake = restUntil;
    return wake;
  }

  answered(answer: ClaimAnswer, now: number): void {
    const request = this.#underWay;
    if (request === undefined) return;
    if (answer.type === 'failed') {
      this.#retryAt = now + pauseBefore(this.#failures++, RETRY, this.#random);
      return;
    }
    this.#underWay = undefined;
    this.#failures = 0;
    this.#isGone = answer.type === 'gone';
    if (answer.type === 'gone') this.#gone(request);
    if (answer.type === 'listed') {
      this.#others = new Set(answer.others.filter((address) => !this.#own.has(address)));
      this.#list = 'fresh';
    }
    if (answer.type === 'claimed' && request.type === 'claim')
      for (const address of request.addresses) this.#claimed(address, answer.taken.get(address));
    if (answer.type === 'dropped' && request.type === 'drop')
      for (const address of request.addresses) this.#own.delete(address);
    this.#serve(now);
  }

  #wanted(now: number): ClaimRequest | undefined {
    const unclaimed = [...this.#own].filter(
      ([, { claimed, owner }]) => !claimed && owner !== undefined,
    );
    if (unclaimed.length > 0) return this.#claim(unclaimed.map(([address]) => address));
    const asked = this.#waiting.flatMap((each) => each.asked ?? []);
    if (asked.length > 0) return this.#claim([...new Set(asked)]);
    if (!this.#isUsed && this.#waiting.length === 0) return this.#drop([...this.#own.keys()]);
    const missing = this.#waiting.length + this.#reserve - this.#spares(now).length;
    if (missing > 0 && (this.#waiting.length > 0 || missing > this.#reserve / 2)) {
      if (this.#list === 'never') return { type: 'list' };
      const free = this.#free(Math.min(missing, BATCH));
      if (free.length > 0) {
        this.#list = 'stale';
        return this.#claim(free);
      }
      if (this.#waiting.length > 0) {
        if (this.#list === 'stale') return { type: 'list' };
        this.#starve();
        return this.#wanted(now);
      }
    }
    return this.#drop(this.#surplus(now));
  }

  #claim(addresses: readonly Address[]): ClaimRequest {
    return { type: 'claim', addresses: addresses.slice(0, BATCH) };
  }

  #drop(addresses: readonly Address[]): ClaimRequest | undefined {
    return addresses.length === 0
      ? undefined
      : { type: 'drop', addresses: addresses.slice(0, BATCH) };
  }

  /** Nothing is free: what rests is given too; who gets nothing of it is refused. */
  #starve(): void {
    const resting = [...this.#own]
      .filter(
        ([, { owner, claimed, restUntil }]) =>
          owner === undefined && claimed && restUntil < Infinity,
      )
      .sort(([, a], [, b]) => a.restUntil - b.restUntil);
    for (const { ticket, owner } of this.#waiting.splice(0)) {
      const [address] = resting.shift() ?? [];
      if (address === undefined) this.#refuse(ticket, { problem: 'full' });
      else this.#give(ticket, address, owner);
    }
    this.#list = 'stale';
  }

  #claimed(address: Address, value: string | undefined): void {
    const holding = this.#own.get(address);
    const askers = this.#waiting.filter(({ asked }) => asked === address);
    if (value === undefined) {
      this.#others.delete(address);
      if (holding === undefined)
        this.#own.set(address, { owner: undefined, claimed: true, restUntil: 0 });
      else holding.claimed = true;
      for (const { ticket, owner } of askers) {
        this.cancel(ticket);
        const now = this.#own.get(address)?.owner;
        if (now === undefined || now === owner) this.#give(ticket, address, owner);
        else this.#refuse(ticket, { problem: 'own', owner: now });
      }
      return;
    }
    this.#others.add(address);
    this.#own.delete(address);
    if (holding?.owner !== undefined)
      this.#outcomes.push({ type: 'lost', owner: holding.owner, address, value });
    for (const { ticket } of askers) {
      this.cancel(ticket);
      this.#refuse(ticket, { problem: 'others', value });
    }
    this.#list = 'stale';
  }

  #gone(request: ClaimRequest): void {
    for (const { ticket } of this.#waiting.splice(0)) this.#refuse(ticket, { problem: 'gone' });
    if (request.type !== 'claim') return;
    // Whoever has one keeps it here; it is nobody else's, as nobody can claim any more.
    for (const address of request.addresses) {
      const holding = this.#own.get(address);
      if (holding !== undefined) holding.claimed = true;
    }
  }

  /** Who waits for any gets what is in reserve. */
  #serve(now: number): void {
    const spares = this.#spares(now);
    for (const { ticket, owner, asked } of this.#waiting.slice()) {
      if (asked !== undefined) continue;
      const address = spares.shift();
      if (address === undefined) return;
      this.cancel(ticket);
      this.#give(ticket, address, owner);
    }
  }

  #give(ticket: number, address: Address, owner: string): void {
    this.#own.set(address, { owner, claimed: true, restUntil: 0 });
    this.#outcomes.push({ type: 'given', ticket, address });
  }

  #refuse(ticket: number, why: ClaimRefusal): void {
    this.#outcomes.push({ type: 'refused', ticket, why });
  }

  // ---- what there is ----

  get #isUsed(): boolean {
    for (const { owner } of this.#own.values()) if (owner !== undefined) return true;
    return false;
  }

  /** Ours, nobody's, and not about to be dropped. */
  #spares(now: number): Address[] {
    return [...this.#own]
      .filter(
        ([address, { owner, claimed, restUntil }]) =>
          owner === undefined && claimed && restUntil <= now && !this.#isUnderWay(address),
      )
      .map(([address]) => address);
  }

  /** To be given back: more than the reserve, or wanted by another host. */
  #surplus(now: number): Address[] {
    const wanted = [...this.#own].filter(([, { restUntil }]) => restUntil === Infinity);
    return [...wanted.map(([address]) => address), ...this.#spares(now).slice(this.#reserve)];
  }

  get #reserve(): number {
    if (this.#isGone) return 0;
    const free = this.#given.count - BigInt(this.#others.size + this.#own.size);
    const part = free / RESERVE_PART;
    return part < BigInt(RESERVE) ? Number(part < 0n ? 0n : part) : RESERVE;
  }

  #isUnderWay(address: Address): boolean {
    const request = this.#underWay;
    return request !== undefined && request.type !== 'list' && request.addresses.includes(address);
  }

  /** Round the range; costs as many steps as addresses are not free. */
  #free(count: number): Address[] {
    const { first, last, except } = this.#given;
    const size = last - first + 1n;
    const found: Address[] = [];
    const busy = BigInt(this.#own.size + this.#others.size + except.size + count);
    const looks = busy < size ? busy : size;
    let at = this.#next % size;
    for (let look = 0n; look < looks && found.length < count; look++) {
      const address = addressAt(this.subnet, first + at);
      if (!this.#own.has(address) && !this.#others.has(address) && !except.has(address))
        found.push(address);
      at = (at + 1n) % size;
    }
    const latest = found.at(-1);
    if (latest !== undefined) this.#next = addressToInteger(latest) - first + 1n;
    return found;
  }
}
