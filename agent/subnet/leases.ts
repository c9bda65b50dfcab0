/**
 * The table of all leases: etcd entries in, changes of what is in force out.
 *
 * What does not parse is refused, and what its key held before stays in force. Of two keys whose subnets
 * overlap the older is in force; the younger waits till the older is gone.
 */
import { containsPrefix, type Prefix } from '../ip/prefix.ts';
import type { Family } from '../ip/address.ts';
import type { Lease, NetworkConfig, PerFamily } from '../state/facts.ts';
import { parseKey } from './key.ts';
import { parseLeaseValue } from './lease-value.ts';
import { enabledOnly } from './ownership.ts';
import { isRefused } from './parsed.ts';
import { PrefixIndex } from './prefix-index.ts';
import type { RegistryEntry, RegistryEvent } from './registry.ts';

export type LeaseChange =
  | { readonly type: 'put'; readonly id: string; readonly lease: Lease }
  | { readonly type: 'remove'; readonly id: string };

/** One etcd key, and what became of it. */
export interface Row {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly leaseId: string;
  /** What the key stands for in the families that are on; empty when the key is refused. */
  readonly subnets: PerFamily<Prefix>;
  /** From the newest value that parsed. */
  readonly lease?: Lease;
  /** The value `lease` was read from. */
  readonly value?: string;
  /** Why the key's newest state is not, or not fully, believed. */
  readonly refused?: string;
  /** The older key whose subnets overlap. */
  readonly blockedBy?: string;
}

/** What was refused, in one of a few words. */
export type Refusal = 'key' | 'value' | 'overlap';

export interface TableParts {
  readonly network: NetworkConfig;
  /** Called each time something is refused, for counters. */
  readonly counted?: (what: Refusal) => void;
  /** Called once when a key is refused or odd, and again when its reason changes. */
  readonly refused: (key: string, reason: string) => void;
}

export class LeaseTable {
  readonly #parts: TableParts;
  readonly #rows = new Map<string, Row>();
  readonly #index = new PrefixIndex();
  readonly #noted = new Map<string, string>();
  readonly #inForce = new Map<string, Lease>();
  #refusals = 0;

  constructor(parts: TableParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#inForce.size;
  }

  /** How often a key or a value was refused since the start. */
  get refusals(): number {
    return this.#refusals;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** The leases in force, by key. */
  inForce(): ReadonlyMap<string, Lease> {
    return this.#inForce;
  }

  /** Keys that are refused, overlap an older one, or are odd, and why. */
  problems(): ReadonlyMap<string, string> {
    return this.#noted;
  }

  isTaken(subnet: Prefix): boolean {
    return this.#index.overlaps(subnet);
  }

  /** Every key whose subnets overlap these, `except` one. */
  overlapping(subnets: PerFamily<Prefix>, except?: string): Set<string> {
    const keys = new Set<string>();
    for (const subnet of Object.values(subnets))
      for (const key of this.#index.overlapping(subnet)) if (key !== except) keys.add(key);
    return keys;
  }

  apply(event: RegistryEvent): LeaseChange[] {
    if (event.type === 'put') return this.put(event.entry);
    const row = this.#rows.get(event.key);
    return row === undefined || row.modRevision >= event.revision ? [] : this.remove(event.key);
  }

  /** An entry as it stands; one older than what is known is ignored. */
  put(entry: RegistryEntry): LeaseChange[] {
    const before = this.#rows.get(entry.key);
    if (before !== undefined && before.modRevision >= entry.modRevision) return [];
    const row = this.#read(entry, before);
    if (before === undefined)
      for (const subnet of Object.values(row.subnets)) this.#index.add(subnet, row.key);
    this.#rows.set(row.key, row);
    return this.#settle(row);
  }

  remove(key: string): LeaseChange[] {
    const row = this.#rows.get(key);
    if (row === undefined) return [];
    this.#rows.delete(key);
    this.#noted.delete(key);
    for (const subnet of Object.values(row.subnets)) this.#index.delete(subnet, key);
    return this.#settle(row);
  }

  /** etcd was restored to an older revision: whatever is listed next is newer than what is known. */
  rewind(): void {
    for (const [key, row] of this.#rows) this.#rows.set(key, { ...row, modRevision: 0 });
  }

  /** After a full listing: everything that was not in it is gone. */
  retain(listed: ReadonlySet<string>): LeaseChange[] {
    const gone = [...this.#rows.keys()].filter((key) => !listed.has(key));
    return gone.flatMap((key) => this.remove(key));
  }

  #read(entry: RegistryEntry, before: Row | undefined): Row {
    const { key, createRevision, modRevision, lease: leaseId } = entry;
    const base = { key, createRevision, modRevision, leaseId };
    const named = parseKey(key);
    if (isRefused(named))
      return { ...base, subnets: {}, refused: this.#refuse('key', named.reason) };
    const subnets = enabledOnly(named.value, this.#parts.network);
    if (before?.value === entry.value && before.lease !== undefined)
      return { ...base, subnets, lease: before.lease, value: entry.value };
    const parsed = parseLeaseValue(entry.value);
    if (!isRefused(parsed)) {
      const lease = { subnets, ...parsed.value };
      return { ...base, subnets, lease: sameLease(lease, before?.lease), value: entry.value };
    }
    // What stood here before stays, unless the key was deleted in between and is another one now.
    const stays = before?.createRevision === createRevision ? before : undefined;
    return {
      ...base,
      subnets,
      ...(stays?.lease !== undefined && { lease: stays.lease }),
      refused: this.#refuse('value', parsed.reason),
    };
  }

  #refuse(what: Refusal, reason: string): string {
    this.#count(what);
    return reason;
  }

  #count(what: Refusal): void {
    this.#refusals++;
    this.#parts.counted?.(what);
  }

  /** What a changed row, and those that overlap it, now come to. Cost: the overlapping rows. */
  #settle(row: Row): LeaseChange[] {
    const affected = this.overlapping(row.subnets, row.key);
    const changes = [row.key, ...affected].map((key) => this.#decide(key));
    // Removals first, so that a subnet never has two leases on the way.
    return changes
      .filter((change) => change !== undefined)
      .sort((a, b) => Number(a.type === 'put') - Number(b.type === 'put'));
  }

  #decide(key: string): LeaseChange | undefined {
    const row = this.#rows.get(key);
    const told = this.#inForce.get(key);
    const blockedBy = row && this.#olderThan(row);
    const lease = row !== undefined && blockedBy === undefined ? usable(row) : undefined;
    if (row !== undefined) {
      if (blockedBy !== row.blockedBy) this.#rows.set(key, withBlocker(row, blockedBy));
      if (blockedBy !== undefined && row.blockedBy === undefined) this.#count('overlap');
      this.#note(key, row.refused ?? this.#oddity(row, blockedBy));
    }
    if (lease === told) return undefined;
    if (lease === undefined) {
      this.#inForce.delete(key);
      return { type: 'remove', id: key };
    }
    this.#inForce.set(key, lease);
    return { type: 'put', id: key, lease };
  }

  /** The key of an older lease that overlaps, if any. Revisions are equal only within one transaction. */
  #olderThan(row: Row): string | undefined {
    for (const key of this.overlapping(row.subnets, row.key)) {
      const other = this.#rows.get(key);
      if (other?.lease === undefined) continue;
      const age = other.createRevision - row.createRevision;
      if (age < 0 || (age === 0 && key < row.key)) return key;
    }
    return undefined;
  }

  #oddity(row: Row, blockedBy: string | undefined): string | undefined {
    if (blockedBy !== undefined) return `it overlaps ${blockedBy}, which is older`;
    if (Object.keys(row.subnets).length === 0) return 'its address family is turned off';
    for (const [family, subnet] of Object.entries(row.subnets)) {
      const range = this.#parts.network.ranges[Number(family) as Family];
      if (range !== undefined && !containsPrefix(range.network, subnet))
        return `${subnet} lies outside the network ${range.network}; it is used all the same`;
    }
    return undefined;
  }

  #note(key: string, reason: string | undefined): void {
    if (this.#noted.get(key) === reason) return;
    if (reason === undefined) this.#noted.delete(key);
    else {
      this.#noted.set(key, reason);
      this.#parts.refused(key, reason);
    }
  }
}

function withBlocker(row: Row, blockedBy: string | undefined): Row {
  const { blockedBy: _before, ...rest } = row;
  return blockedBy === undefined ? rest : { ...rest, blockedBy };
}

/** The lease to act upon: one that has a subnet in a family that is on. */
function usable(row: Row): Lease | undefined {
  return Object.keys(row.subnets).length === 0 ? undefined : row.lease;
}

/** `before` when it says the same, so that identity tells whether anything changed. */
function sameLease(lease: Lease, before: Lease | undefined): Lease {
  return before !== undefined && JSON.stringify(lease) === JSON.stringify(before) ? before : lease;
}
