/**
 * Entries whose host says nothing of them at the moment: those that a start finds in the kernel, and those of a host
 * whose weftd is away. Its kernel forwards on, so they stay until it is known better: somebody else claims their place,
 * or their host is there again and does not name them, or it has no lease any more. Pure.
 */
import type { Address } from '../ip/address.ts';
import {
  keyOf,
  type FdbEntry,
  type Key,
  type Neighbour,
  type Resource,
} from '../state/resource.ts';

export interface SliceTarget {
  set(slice: string, resources: readonly Resource[]): void;
}

interface Group {
  readonly remote: Address;
  readonly resources: readonly Resource[];
}

export class KeptEntries {
  readonly #target: SliceTarget;
  /** By slice: what there is of one endpoint. */
  readonly #groups = new Map<string, Group>();
  readonly #slices = new Map<Key, string>();

  constructor(target: SliceTarget) {
    this.#target = target;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Neighbours without a forwarding entry lead nowhere, and are not kept. */
  keep(resources: readonly Resource[]): void {
    const neighbours = new Map<string, Neighbour[]>();
    for (const each of resources) {
      if (each.kind !== 'neighbour') continue;
      const place = `${each.link} ${each.mac}`;
      neighbours.set(place, [...(neighbours.get(place) ?? []), each]);
    }
    for (const entry of resources)
      if (entry.kind === 'fdb')
        this.#add(entry, neighbours.get(`${entry.link} ${entry.mac}`) ?? []);
  }

  #add(entry: FdbEntry, neighbours: readonly Neighbour[]): void {
    const slice = `kept ${keyOf(entry)}`;
    const resources = [entry, ...neighbours];
    this.claim(resources.map(keyOf));
    for (const each of resources) this.#slices.set(keyOf(each), slice);
    this.#groups.set(slice, { remote: entry.remote, resources });
    this.#target.set(slice, resources);
  }

  /** These places are somebody's. */
  claim(keys: readonly Key[]): void {
    for (const key of keys) {
      const slice = this.#slices.get(key);
      if (slice !== undefined) this.#drop(slice);
    }
  }

  /** Whoever is at one of these addresses has said all that it has to say. */
  settle(addresses: readonly Address[]): void {
    this.#dropWhere(({ remote }) => addresses.includes(remote));
  }

  /** These are all the addresses at which hosts are. */
  retain(addresses: ReadonlySet<Address>): void {
    this.#dropWhere(({ remote }) => !addresses.has(remote));
  }

  /** These links stand no more. */
  leave(links: readonly string[]): void {
    this.#dropWhere(
      ({ resources: [first] }) => first?.kind === 'fdb' && links.includes(first.link),
    );
  }

  #dropWhere(isOver: (group: Group) => boolean): void {
    for (const [slice, group] of Array.from(this.#groups)) if (isOver(group)) this.#drop(slice);
  }

  #drop(slice: string): void {
    for (const each of this.#groups.get(slice)?.resources ?? []) this.#slices.delete(keyOf(each));
    this.#groups.delete(slice);
    this.#target.set(slice, []);
  }
}
