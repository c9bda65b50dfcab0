/** Names and indexes of this namespace's links: beyond this room a link is its name. Kept true by dumps and events. */
import type { Link } from '../../state/resource.ts';
import { hasOurAlias, linkResource, type LinkRecord } from './link.ts';

export class LinkTable {
  readonly #byIndex = new Map<number, LinkRecord>();
  readonly #byName = new Map<string, LinkRecord>();
  /** Names that weft wants, or wanted since it started: what stands there is ours by flannel's contract. */
  readonly #wanted = new Set<string>();
  /** Links that routes of ours lead over. */
  readonly #carriers = new Set<string>();

  readonly nameOf = (index: number): string | undefined => this.#byIndex.get(index)?.name;

  get(name: string): LinkRecord | undefined {
    return this.#byName.get(name);
  }

  at(index: number): LinkRecord | undefined {
    return this.#byIndex.get(index);
  }

  own(): LinkRecord[] {
    return [...this.#byIndex.values()].filter((record) => this.isOurs(record));
  }

  reset(records: readonly LinkRecord[]): void {
    this.#byIndex.clear();
    this.#byName.clear();
    for (const record of records) this.put(record);
  }

  /** Returns what was known of that index before. */
  put(record: LinkRecord): LinkRecord | undefined {
    const before = this.drop(record.index);
    this.#byIndex.set(record.index, record);
    this.#byName.set(record.name, record);
    return before;
  }

  drop(index: number): LinkRecord | undefined {
    const record = this.#byIndex.get(index);
    if (record === undefined) return undefined;
    this.#byIndex.delete(index);
    if (this.#byName.get(record.name)?.index === index) this.#byName.delete(record.name);
    return record;
  }

  want(name: string): void {
    this.#wanted.add(name);
  }

  carry(name: string): void {
    this.#carriers.add(name);
  }

  isOurs(record: LinkRecord): boolean {
    return hasOurAlias(record) || this.#wanted.has(record.name);
  }

  /** Whether routes of ours may go when this link does. */
  mayCarry(record: LinkRecord): boolean {
    return this.#carriers.has(record.name) || this.isOurs(record);
  }

  resource(record: LinkRecord): Link {
    return linkResource(record, this.nameOf);
  }
}
