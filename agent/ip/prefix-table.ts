/** Longest-prefix match over a few prefix lengths: one Map lookup for each distinct length. */
import { familyOf, type Address } from './address.ts';
import { familyOfPrefix, lengthOf, prefixOf, type Prefix } from './prefix.ts';

export class PrefixTable<T> {
  readonly #values = new Map<Prefix, T>();
  /** Distinct lengths per family, longest first. */
  readonly #lengths: Record<4 | 6, number[]> = { 4: [], 6: [] };

  /** Of two entries with one prefix, the first counts. */
  constructor(entries: Iterable<readonly [Prefix, T]>) {
    for (const [prefix, value] of entries) {
      if (this.#values.has(prefix)) continue;
      this.#values.set(prefix, value);
      const lengths = this.#lengths[familyOfPrefix(prefix)];
      if (!lengths.includes(lengthOf(prefix))) lengths.push(lengthOf(prefix));
    }
    for (const lengths of Object.values(this.#lengths)) lengths.sort((a, b) => b - a);
  }

  lookup(address: Address): T | undefined {
    for (const length of this.#lengths[familyOf(address)]) {
      const value = this.#values.get(prefixOf(address, length));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
