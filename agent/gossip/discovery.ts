/**
 * Which hosts of the same etcd are not in the gossip: their leases say where they listen, and the members say who
 * is there. Pure. A change of a lease or a member costs the same however many there are.
 */
import type { SocketAddress } from '../ip/socket-address.ts';
import type { Random } from '../state/clock.ts';
import type { LeaseChange } from '../subnet/leases.ts';

export class Discovery {
  /** By the lease's key. */
  readonly #told = new Map<string, SocketAddress>();
  readonly #leases = new Tally();
  /** By the member's name. */
  readonly #living = new Map<string, SocketAddress>();
  readonly #alive = new Tally();
  /** Told by a lease, and no living member is there. */
  readonly #missing: Shuffled;

  constructor(random: Random) {
    this.#missing = new Shuffled(random);
  }

  /** Of members other than this host. */
  get living(): number {
    return this.#living.size;
  }

  get missing(): number {
    return this.#missing.size;
  }

  isAlive(place: SocketAddress): boolean {
    return this.#alive.has(place);
  }

  /** Other hosts' leases. */
  leases(changes: readonly LeaseChange[]): void {
    for (const change of changes)
      this.#tell(change.id, change.type === 'put' ? change.lease.gossip : undefined);
  }

  /** None of the leases told before counts any more. */
  forgetLeases(): void {
    for (const key of this.#told.keys()) this.#tell(key, undefined);
  }

  /** `place`: where the member listens; undefined if it is not alive. */
  member(name: string, place: SocketAddress | undefined): void {
    const before = this.#living.get(name);
    if (before === place) return;
    if (place === undefined) this.#living.delete(name);
    else {
      this.#living.set(name, place);
      this.#alive.add(place);
      this.#settle(place);
    }
    if (before === undefined) return;
    this.#alive.remove(before);
    this.#settle(before);
  }

  /** This host's member is a new one, that knows nobody yet. */
  forgetMembers(): void {
    for (const name of this.#living.keys()) this.member(name, undefined);
  }

  /** Up to `most` of the missing; the next call begins with others. */
  seeds(most: number): SocketAddress[] {
    return this.#missing.next(most);
  }

  #tell(key: string, place: SocketAddress | undefined): void {
    const before = this.#told.get(key);
    if (before === place) return;
    if (place === undefined) this.#told.delete(key);
    else {
      this.#told.set(key, place);
      this.#leases.add(place);
      this.#settle(place);
    }
    if (before === undefined) return;
    this.#leases.remove(before);
    this.#settle(before);
  }

  #settle(place: SocketAddress): void {
    const isMissing = this.#leases.has(place) && !this.#alive.has(place);
    if (!isMissing) this.#missing.delete(place);
    else this.#missing.add(place);
  }
}

/**
 * In an order of chance, so that of many hosts that start at once not all try the same first. Nothing here takes
 * longer when there are many.
 */
class Shuffled {
  readonly #random: Random;
  readonly #list: SocketAddress[] = [];
  readonly #places = new Map<SocketAddress, number>();
  #cursor = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#list.length;
  }

  add(place: SocketAddress): void {
    if (this.#places.has(place)) return;
    const last = this.#list.length;
    this.#put(place, last);
    this.#swap(last, Math.floor(this.#random() * (last + 1)));
  }

  delete(place: SocketAddress): void {
    const at = this.#places.get(place);
    if (at === undefined) return;
    this.#swap(at, this.#list.length - 1);
    this.#list.pop();
    this.#places.delete(place);
  }

  /** Goes round. */
  next(most: number): SocketAddress[] {
    const count = Math.min(most, this.#list.length);
    const taken = Array.from(
      { length: count },
      (_, i) => this.#list[(this.#cursor + i) % this.#list.length] as SocketAddress,
    );
    this.#cursor = this.#list.length === 0 ? 0 : (this.#cursor + count) % this.#list.length;
    return taken;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#list[a], this.#list[b]] as [SocketAddress, SocketAddress];
    this.#put(second, a);
    this.#put(first, b);
  }

  #put(place: SocketAddress, at: number): void {
    this.#list[at] = place;
    this.#places.set(place, at);
  }
}

/** How often each thing is there: two leases, or two members, may name one place. */
class Tally {
  readonly #counts = new Map<SocketAddress, number>();

  has(place: SocketAddress): boolean {
    return this.#counts.has(place);
  }

  add(place: SocketAddress): void {
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1);
  }

  remove(place: SocketAddress): void {
    const left = (this.#counts.get(place) ?? 0) - 1;
    if (left > 0) this.#counts.set(place, left);
    else this.#counts.delete(place);
  }
}
