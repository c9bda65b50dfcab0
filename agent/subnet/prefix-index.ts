/**
 * Which prefixes are taken, and by whom: answers "what overlaps this one?" without a scan. Two prefixes overlap
 * exactly when one contains the other, so what overlaps P is: the prefixes that contain it (one look-up for
 * each length in use, of which there are few), and those inside it (neighbours in the order of addresses).
 */
import { addressToBytes, type Family } from '../ip/address.ts';
import { baseOf, familyOfPrefix, lengthOf, prefixOf, type Prefix } from '../ip/prefix.ts';

interface Place {
  readonly prefix: Prefix;
  /** Once it was needed: see orderOf. */
  order?: string;
  /** One, but for keys that spell the same prefix differently. */
  readonly owners: string[];
}

export class PrefixIndex {
  readonly #places = new Map<Prefix, Place>();
  /** In the order of addresses; made when it is first needed, which is never where all prefixes are of one length. */
  #sorted: Place[] | undefined;
  /** How many prefixes there are of each length. */
  readonly #lengths: Readonly<Record<Family, Map<number, number>>> = { 4: new Map(), 6: new Map() };

  /** Number of different prefixes. */
  get size(): number {
    return this.#places.size;
  }

  add(prefix: Prefix, owner: string): void {
    const known = this.#places.get(prefix);
    if (known !== undefined) {
      if (!known.owners.includes(owner)) known.owners.push(owner);
      return;
    }
    const place: Place = { prefix, owners: [owner] };
    this.#places.set(prefix, place);
    this.#sorted?.splice(firstFrom(this.#sorted, orderOf(place)), 0, place);
    this.#count(prefix, 1);
  }

  delete(prefix: Prefix, owner: string): void {
    const place = this.#places.get(prefix);
    const at = place?.owners.indexOf(owner) ?? -1;
    if (place === undefined || at < 0) return;
    place.owners.splice(at, 1);
    if (place.owners.length > 0) return;
    this.#places.delete(prefix);
    const index = this.#sorted?.indexOf(place, firstFrom(this.#sorted, orderOf(place))) ?? -1;
    if (index >= 0) this.#sorted?.splice(index, 1);
    this.#count(prefix, -1);
  }

  /** The owners of every prefix that contains `prefix`, is equal to it, or lies inside it. */
  *overlapping(prefix: Prefix): Generator<string> {
    for (const place of this.#containing(prefix)) yield* place.owners;
    for (const place of this.#inside(prefix)) yield* place.owners;
  }

  overlaps(prefix: Prefix): boolean {
    for (const _ of this.overlapping(prefix)) return true;
    return false;
  }

  /** Shorter prefixes that contain this one. */
  *#containing(prefix: Prefix): Generator<Place> {
    const length = lengthOf(prefix);
    for (const shorter of this.#lengths[familyOfPrefix(prefix)].keys()) {
      if (shorter >= length) continue;
      const place = this.#places.get(prefixOf(baseOf(prefix), shorter));
      if (place !== undefined) yield place;
    }
  }

  /** This prefix and longer ones inside it: they sort between its first and its last address. */
  *#inside(prefix: Prefix): Generator<Place> {
    const length = lengthOf(prefix);
    const same = this.#places.get(prefix);
    if (same !== undefined) yield same;
    if (!this.#hasLonger(prefix)) return;
    this.#sorted ??= [...this.#places.values()].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
    const last = lastOrderOf(prefix);
    for (let i = firstFrom(this.#sorted, firstOrderOf(prefix)); i < this.#sorted.length; i++) {
      const place = this.#sorted[i];
      if (place === undefined || orderOf(place) > last) return;
      if (lengthOf(place.prefix) > length) yield place;
    }
  }

  /** Where all subnets are of one length, as is usual, nothing lies inside another. */
  #hasLonger(prefix: Prefix): boolean {
    const family = familyOfPrefix(prefix);
    for (const length of this.#lengths[family].keys()) if (length > lengthOf(prefix)) return true;
    return false;
  }

  #count(prefix: Prefix, change: 1 | -1): void {
    const lengths = this.#lengths[familyOfPrefix(prefix)];
    const length = lengthOf(prefix);
    const count = (lengths.get(length) ?? 0) + change;
    if (count === 0) lengths.delete(length);
    else lengths.set(length, count);
  }
}

/** Index of the first place that does not sort before `order`. */
function firstFrom(sorted: readonly Place[], order: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const place = sorted[middle];
    if (place !== undefined && orderOf(place) < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

function orderOf(place: Place): string {
  return (place.order ??= firstOrderOf(place.prefix));
}

/** The base address, family first, in a form that sorts as addresses do. */
function firstOrderOf(prefix: Prefix): string {
  return textOf(addressToBytes(baseOf(prefix)));
}

function lastOrderOf(prefix: Prefix): string {
  const bytes = addressToBytes(baseOf(prefix));
  for (let bit = lengthOf(prefix); bit < bytes.length * 8; bit++)
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return textOf(bytes);
}

/** A character a byte: strings compare as the bytes do. v4 and v6 are told apart by the first one. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(bytes.length, ...bytes);
}
