/**
 * The networks that are in force: what stands in etcd, as far as it parses. What does not parse changes nothing. Of two
 * that overlap or have one VNI, as only a foreign hand can make them, the older is in force, the younger when that has gone. Pure.
 */
import { isRefused } from '../subnet/parsed.ts';
import { PrefixIndex } from '../subnet/prefix-index.ts';
import { formatDefinition, parseDefinition, type NetworkDefinition } from './definition.ts';
import type { NetworkEntry, NetworkEvent } from './registry.ts';

/** One is there, is another, or has gone. Another id is another network of the same name. */
export interface NetworkChange {
  readonly before: NetworkDefinition | undefined;
  readonly after: NetworkDefinition | undefined;
}

interface Row {
  readonly entry: NetworkEntry;
  readonly definition: NetworkDefinition;
}

export class NetworkTable {
  /** All that parse, in force or not. */
  readonly #rows = new Map<string, Row>();
  readonly #inForce = new Map<string, NetworkDefinition>();
  readonly #index = new PrefixIndex();
  readonly #vnis = new Map<number, string>();
  readonly #problems = new Map<string, string>();

  /** In force, by name. */
  get networks(): ReadonlyMap<string, NetworkDefinition> {
    return this.#inForce;
  }

  /** Why what stands at a name is not in force, by name. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** As kept from an earlier run; to be followed by `list`. */
  resume(definitions: readonly NetworkDefinition[]): NetworkChange[] {
    return definitions.flatMap((definition, i) =>
      this.#put({
        entry: {
          name: definition.name,
          text: formatDefinition(definition),
          createRevision: i,
          modRevision: 0,
        },
        definition,
      }),
    );
  }

  /** All there is. */
  list(entries: readonly NetworkEntry[]): NetworkChange[] {
    const listed = new Set(entries.map(({ name }) => name));
    const known = new Set([...this.#rows.keys(), ...this.#problems.keys()]);
    const gone = [...known].filter((name) => !listed.has(name));
    const inOrder = entries.toSorted((a, b) => a.createRevision - b.createRevision);
    return [
      ...gone.flatMap((name) => this.#remove(name)),
      // As they stand, also after a restore of etcd to an older revision.
      ...inOrder.flatMap((entry) => this.#read(entry)),
    ];
  }

  apply(event: NetworkEvent): NetworkChange[] {
    if (event.type === 'delete') return this.#remove(event.name);
    const { modRevision = 0 } = this.#rows.get(event.entry.name)?.entry ?? {};
    return modRevision > event.entry.modRevision ? [] : this.#read(event.entry);
  }

  #read(entry: NetworkEntry): NetworkChange[] {
    const { name, text, modRevision } = entry;
    const parsed = parseDefinition(name, text);
    if (!isRefused(parsed)) return this.#put({ entry, definition: parsed.value });
    const before = this.#rows.get(name);
    if (before !== undefined)
      this.#rows.set(name, { ...before, entry: { ...before.entry, modRevision } });
    this.#problems.set(name, parsed.reason);
    return [];
  }

  #put(row: Row): NetworkChange[] {
    const { name } = row.definition;
    const before = this.#inForce.get(name);
    const isSame =
      before !== undefined && formatDefinition(before) === formatDefinition(row.definition);
    this.#rows.set(name, row);
    if (isSame) {
      this.#problems.delete(name);
      return [];
    }
    this.#leave(name);
    const change = { before, after: this.#enter(row) };
    const entered = before === undefined ? [] : this.#enterOthers();
    return [...(change.before === change.after ? [] : [change]), ...entered];
  }

  #remove(name: string): NetworkChange[] {
    const before = this.#inForce.get(name);
    this.#rows.delete(name);
    this.#problems.delete(name);
    if (before === undefined) return [];
    this.#leave(name);
    return [{ before, after: undefined }, ...this.#enterOthers()];
  }

  /** What was in the way has gone. */
  #enterOthers(): NetworkChange[] {
    if (this.#problems.size === 0) return [];
    return [...this.#rows.values()]
      .filter(({ definition }) => !this.#inForce.has(definition.name))
      .sort((a, b) => a.entry.createRevision - b.entry.createRevision)
      .flatMap((row) => {
        const after = this.#enter(row);
        return after === undefined ? [] : [{ before: undefined, after }];
      });
  }

  #enter({ definition }: Row): NetworkDefinition | undefined {
    const { name, vni, subnets } = definition;
    const other = this.#vnis.get(vni) ?? this.#overlapped(definition);
    if (other !== undefined) {
      const what = this.#vnis.get(vni) === other ? 'the VNI' : 'addresses';
      this.#problems.set(name, `it has ${what} of the network ${other}, which is older`);
      return undefined;
    }
    this.#problems.delete(name);
    this.#inForce.set(name, definition);
    this.#vnis.set(vni, name);
    for (const { subnet } of Object.values(subnets)) this.#index.add(subnet, name);
    return definition;
  }

  #overlapped({ subnets }: NetworkDefinition): string | undefined {
    for (const { subnet } of Object.values(subnets))
      for (const other of this.#index.overlapping(subnet)) return other;
    return undefined;
  }

  #leave(name: string): void {
    const left = this.#inForce.get(name);
    if (left === undefined) return;
    this.#inForce.delete(name);
    this.#vnis.delete(left.vni);
    for (const { subnet } of Object.values(left.subnets)) this.#index.delete(subnet, name);
  }
}
