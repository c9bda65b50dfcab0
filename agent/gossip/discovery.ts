/**
 * Which hosts of the same etcd are not in the gossip: their leases say where they listen, and the members say who
 * is there. Pure. A change of a lease or a member costs the same however many there are.
 */
import type { SocketAddress } from '../ip/socket-address.ts';
import type { LeaseChange } from '../subnet/leases.ts';

export class Discovery {
  /** By the lease's key. */
  readonly #told = new Map<string, SocketAddress>();
  readonly #leases = new Tally();
  /** By the member's name. */
  readonly #living = new Map<string, SocketAddress>();
  readonly #alive = new Tally();
  /** Told by a lease, and no living member is there; the one to try next comes first. */
  readonly #missing = new Set<SocketAddress>();

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
    const taken = [...takeFirst(this.#missing, most)];
    for (const place of taken) {
      this.#missing.delete(place);
      this.#missing.add(place);
    }
    return taken;
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

function* takeFirst<T>(values: Iterable<T>, most: number): Generator<T> {
  let taken = 0;
  for (const value of values) {
    if (taken++ === most) return;
    yield value;
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
