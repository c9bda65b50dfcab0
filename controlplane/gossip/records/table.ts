/** All records of all owners at one host, with indices. It decides which version stays, and not whose may come in. */
import { add, nothing, type Fingerprint } from './fingerprint.ts';
import { count, idOf, isNewer, kindAndKey, type GossipRecord, type Version } from './record.ts';

const NO_PAYLOAD = new Uint8Array();

export interface TableLimits {
  /** Records of all owners together; beyond it, new ones are refused until there is room. */
  readonly records: number;
  /** The same for one owner. Of so many tombstones the oldest are forgotten. */
  readonly recordsPerOwner: number;
  /** How long it is remembered that a record is gone, in ms. */
  readonly tombstoneLife: number;
}

/** What was there and what is; both undefined: only that it is gone is new. */
export interface Change {
  readonly before: GossipRecord | undefined;
  readonly after: GossipRecord | undefined;
}

/** `old`: we know as much or more. `full`: a limit. */
export type Outcome = Change | 'old' | 'full';

interface Tombstone {
  readonly time: number;
  /** When it was removed, in ms awake. */
  readonly since: number;
}

interface Owned {
  readonly name: string;
  readonly records: Map<string, GossipRecord>;
  /** In the order in which we heard of them. */
  readonly tombstones: Map<string, Tombstone>;
  /** Of `records`. */
  readonly fingerprint: Fingerprint;
}

export class Table {
  readonly #limits: TableLimits;
  readonly #owners = new Map<string, Owned>();
  /** By kind and key; nearly always one of a key. */
  readonly #kinds = new Map<string, Map<string, GossipRecord[]>>();
  #size = 0;
  #tombstones = 0;

  constructor(limits: TableLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  get tombstones(): number {
    return this.#tombstones;
  }

  /** Those of whom we have records, or know that they are gone. */
  owners(): IterableIterator<string> {
    return this.#owners.keys();
  }

  get(owner: string, kind: string, key: string): GossipRecord | undefined {
    return this.#owners.get(owner)?.records.get(idOf({ kind, key }));
  }

  /** Of this key, one of each owner that has it. */
  find(kind: string, key: string): readonly GossipRecord[] {
    return this.#kinds.get(kind)?.get(key) ?? [];
  }

  *list(kind: string): Generator<GossipRecord> {
    for (const records of this.#kinds.get(kind)?.values() ?? []) yield* records;
  }

  *of(owner: string): Generator<GossipRecord> {
    yield* this.#owners.get(owner)?.records.values() ?? [];
  }

  /** The version of one record that we know, of whatever it is. */
  version(owner: string, id: string, now: number): Version | undefined {
    const owned = this.#owners.get(owner);
    const record = owned?.records.get(id);
    if (record !== undefined) return { ...record, age: undefined };
    const tombstone = owned?.tombstones.get(id);
    return tombstone === undefined ? undefined : versionOf(owner, id, tombstone, now);
  }

  /** All that we know of an owner, those that are gone too. */
  versions(owner: string, now: number): Version[] {
    const owned = this.#owners.get(owner);
    if (owned === undefined) return [];
    const versions: Version[] = [];
    for (const record of owned.records.values()) versions.push({ ...record, age: undefined });
    for (const [id, tombstone] of owned.tombstones)
      if (now - tombstone.since < this.#limits.tombstoneLife)
        versions.push(versionOf(owner, id, tombstone, now));
    return versions;
  }

  /** Tombstones do not count: whether one host has forgotten one and another has not must make no difference. */
  fingerprint(owner: string): Fingerprint {
    return this.#owners.get(owner)?.fingerprint ?? nothing();
  }

  fingerprintOfAll(counts: (owner: string) => boolean): Fingerprint {
    const sum = nothing();
    for (const { name, fingerprint } of this.#owners.values())
      if (counts(name)) add(sum, fingerprint);
    return sum;
  }

  /** Keeps the version if it is newer than what is there. Its bytes are copied. */
  merge(version: Version, now: number): Outcome {
    const owned = this.#owners.get(version.owner);
    const id = idOf(version);
    const known = this.version(version.owner, id, now);
    if (known !== undefined && !isNewer(version, known)) return 'old';
    if (version.age !== undefined) return this.#bury(version, version.age, id, now);
    const before = owned?.records.get(id);
    if (before === undefined && this.#isFull(owned)) return 'full';
    return this.#keep(version, id);
  }

  /** Forgets the records of an owner and gives them back; that some are gone is remembered. */
  drop(owner: string): readonly GossipRecord[] {
    const owned = this.#owners.get(owner);
    if (owned === undefined) return [];
    const dropped = [...owned.records];
    for (const [id] of dropped) this.#take(owned, id);
    this.#release(owned);
    return dropped.map(([, record]) => record);
  }

  /** Forgets what is gone for long. */
  sweep(now: number): void {
    const since = now - this.#limits.tombstoneLife;
    for (const owned of this.#owners.values()) {
      for (const [id, tombstone] of owned.tombstones)
        if (tombstone.since <= since) this.#unbury(owned, id);
      this.#release(owned);
    }
  }

  #isFull(owned: Owned | undefined): boolean {
    const { records, recordsPerOwner } = this.#limits;
    return this.#size >= records || (owned?.records.size ?? 0) >= recordsPerOwner;
  }

  #keep({ owner, kind, key, time, payload }: Version, id: string): Change {
    const owned = this.#owned(owner);
    this.#unbury(owned, id);
    const before = this.#take(owned, id);
    // A payload of its own: it came as a view into something much larger.
    const after = { owner: owned.name, kind, key, time, payload: new Uint8Array(payload) };
    owned.records.set(id, after);
    count(owned.fingerprint, after, 1);
    this.#size++;
    this.#index(after);
    return { before, after };
  }

  #bury(version: Version, age: number, id: string, now: number): Outcome {
    const since = now - age * 1000;
    const isExpired = age * 1000 >= this.#limits.tombstoneLife;
    const owned = this.#owners.get(version.owner);
    if (isExpired && owned?.records.has(id) !== true) return 'old';
    const kept = owned ?? this.#owned(version.owner);
    const before = this.#take(kept, id);
    if (!isExpired) this.#setTombstone(kept, id, { time: version.time, since });
    this.#release(kept);
    return { before, after: undefined };
  }

  #setTombstone(owned: Owned, id: string, tombstone: Tombstone): void {
    this.#unbury(owned, id);
    owned.tombstones.set(id, tombstone);
    this.#tombstones++;
    if (owned.tombstones.size <= this.#limits.recordsPerOwner) return;
    const [oldest] = owned.tombstones.keys();
    if (oldest !== undefined) this.#unbury(owned, oldest);
  }

  #unbury(owned: Owned, id: string): void {
    if (owned.tombstones.delete(id)) this.#tombstones--;
  }

  #take(owned: Owned, id: string): GossipRecord | undefined {
    const record = owned.records.get(id);
    if (record === undefined) return undefined;
    owned.records.delete(id);
    count(owned.fingerprint, record, -1);
    this.#size--;
    this.#unindex(record);
    return record;
  }

  #owned(name: string): Owned {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    const owned = { name, records: new Map(), tombstones: new Map(), fingerprint: nothing() };
    this.#owners.set(name, owned);
    return owned;
  }

  #release(owned: Owned): void {
    if (owned.records.size + owned.tombstones.size === 0) this.#owners.delete(owned.name);
  }

  #index(record: GossipRecord): void {
    let keys = this.#kinds.get(record.kind);
    if (keys === undefined) this.#kinds.set(record.kind, (keys = new Map()));
    const others = keys.get(record.key);
    if (others === undefined) keys.set(record.key, [record]);
    else others.push(record);
  }

  #unindex(record: GossipRecord): void {
    const keys = this.#kinds.get(record.kind);
    const records = keys?.get(record.key);
    if (keys === undefined || records === undefined) return;
    records.splice(records.indexOf(record), 1);
    if (records.length > 0) return;
    keys.delete(record.key);
    if (keys.size === 0) this.#kinds.delete(record.kind);
  }
}

/** Rounded up: told from one to the next, it must not become younger and so live for ever. */
function versionOf(owner: string, id: string, { time, since }: Tombstone, now: number): Version {
  const age = Math.max(0, Math.ceil((now - since) / 1000));
  return { owner, ...kindAndKey(id), time, payload: NO_PAYLOAD, age };
}
