/**
 * How a host comes by its lease, keeps it, and gets it back. Pure: `next` says what to ask of the registry, one
 * request at a time, and `answered`, `listed` and `changed` tell what came of it and what others did.
 *
 *     no claim ──► claim (a key we want) ──► put, guarded by the key's revision ──► held ──► put each hour …
 *        ▲                                        │ somebody else's, or overlaps an older one
 *        └────────────────────────────────────────┘
 *
 * Creating and refreshing are the same step: a put that succeeds only while the key is as we last saw it. So a
 * put whose answer was lost is simply sent again: if it had landed, the guard fails, and the answer shows our
 * own value under our key.
 */
import type { Address } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import { pauseBefore, type Backoff, type Random } from '../state/clock.ts';
import type { Lease, NetworkConfig, PerFamily } from '../state/facts.ts';
import { Ahead } from './ahead.ts';
import { allocate } from './allocator.ts';
import { newClaim, type Claim } from './claim.ts';
import { clash, formatKey, subnetsIn } from './key.ts';
import { formatLeaseValue, parseLeaseValue, type LeaseAttributes } from './lease-value.ts';
import type { LeaseTable, Row } from './leases.ts';
import {
  enabledOnly,
  isCompatible,
  isOurs,
  ownerIn,
  sameSubnets,
  type Identity,
} from './ownership.ts';
import { isRefused, type Parsed } from './parsed.ts';
import { NO_LEASE, type LeaseId, type Put, type RegistryEntry, type Written } from './registry.ts';

export type Request =
  | { readonly type: 'grant'; readonly seconds: number }
  | { readonly type: 'keepAlive'; readonly lease: LeaseId }
  | {
      readonly type: 'put';
      readonly put: Put;
      readonly modRevision: number;
      readonly since: number;
    }
  | {
      readonly type: 'remove';
      readonly key: string;
      readonly modRevision: number;
      readonly since: number;
    };

export type Answer =
  | { readonly type: 'granted'; readonly lease: LeaseId }
  | { readonly type: 'alive'; readonly seconds: number }
  | { readonly type: 'written'; readonly written: Written }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

export type OwnAttributes = Pick<
  Lease,
  'backendType' | 'backendData' | 'backendV6Data' | 'gossip' | 'detour'
>;

export interface HolderParts {
  readonly identity: Identity;
  readonly network: NetworkConfig;
  /** The subnets of the last run, from subnet.env. */
  readonly previous: PerFamily<Prefix>;
  readonly table: LeaseTable;
  /** What this host publishes; may keep what an earlier lease of ours says, such as its MAC. */
  readonly attributes: (reused: Lease | undefined) => OwnAttributes;
  readonly renewMarginMs: number;
  readonly random: Random;
}

/**
 * `held`: in etcd under our name, and no other host can have it. `regaining`: was ours a moment ago, being put
 * back. `doubtful`: not confirmed for so long that it may have expired; used, but no longer claimed.
 */
export type HoldState = 'acquiring' | 'held' | 'regaining' | 'doubtful';

/** flannel's time to live. */
const TTL_S = 86_400;
const TTL_MS = TTL_S * 1000;
/** A put an hour heals flanneld peers, which act on put events only. */
const REFRESH_MS = 3_600_000;
/** Changed attributes are put again after this: a flanneld peer that was listing at the first put missed it. */
const SECOND_PUT_MS = 180_000;
/** Our value is put back over somebody else's at most this often, so that two programs do not race for ever. */
const RESTORE_MS = 5_000;
/** A lease granted or kept alive no longer ago than this need not be kept alive again before it is put. */
const FRESH_MS = 60_000;
const MAKE_ROOM = 'enlarge the network, or remove the leases of hosts that are gone';
const RETRY: Backoff = { first: 1_000, factor: 2, limit: 60_000 };

export class Holder {
  readonly #parts: HolderParts;
  #identity: Identity;
  #claim: Claim | undefined;
  /** The table holds every entry as of this revision. */
  #listed: number | undefined;
  readonly #ahead = new Ahead();
  #pending: { readonly request: Request; readonly sentAt: number } | undefined;
  #fresh: { readonly lease: LeaseId; readonly sentAt: number } | undefined;
  /** Keys of ours to remove: `now` if they are in our way, else when a lease is held. */
  readonly #removals = new Map<string, { readonly modRevision: number; readonly now: boolean }>();
  #putAt = Infinity;
  #secondPutAt = Infinity;
  #lastPut = { value: '', at: -Infinity };
  #failures = 0;
  #retryAt = -Infinity;
  readonly #problems = new Map<string, string>();

  constructor(parts: HolderParts) {
    this.#parts = parts;
    this.#identity = parts.identity;
  }

  /** The subnets to use; none while nothing is acquired. */
  get own(): PerFamily<Prefix> {
    return this.#claim?.confirmed === true ? this.#claim.subnets : {};
  }

  get key(): string | undefined {
    return this.#claim?.confirmed === true ? this.#claim.key : undefined;
  }

  get reserved(): boolean {
    return this.#claim?.confirmed === true && this.#claim.lease === NO_LEASE;
  }

  /** Until when, on the clock given to `next`, the subnets are surely ours; Infinity for a reservation. */
  get expiresAt(): number | undefined {
    return this.#claim?.confirmed === true ? this.#claim.expiresAt : undefined;
  }

  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  state(now: number): HoldState {
    const claim = this.#claim;
    if (claim?.confirmed !== true) return 'acquiring';
    if (now >= claim.expiresAt) return 'doubtful';
    return claim.modRevision === 0 || claim.inDoubt ? 'regaining' : 'held';
  }

  /** When `next` or `state` will say something else by itself; Infinity if never. */
  wakeAt(now: number): number {
    if (this.#pending !== undefined || this.#listed === undefined) return Infinity;
    const work = this.#removals.size > 0 ? now : this.#dueAt(now);
    const expiry = this.#claim?.expiresAt ?? Infinity;
    return Math.min(Math.max(work, this.#retryAt), expiry > now ? expiry : Infinity);
  }

  /** When the claim is to be put; at once while there is none, and while its key is not there. */
  #dueAt(now: number): number {
    const { confirmed = false, modRevision = 0 } = this.#claim ?? {};
    return confirmed && modRevision !== 0 ? Math.min(this.#putAt, this.#secondPutAt) : now;
  }

  /** The table was filled, or filled anew, as of `revision`. */
  listed(revision: number, now: number): void {
    this.#listed = revision;
    this.contact(now);
    this.changed(this.#claim === undefined ? [] : [this.#claim.key], revision, now);
    if (this.key !== undefined) this.#findRemovals();
  }

  /** etcd was restored to an older revision: our key may be gone, or be another one; the answer of a put tells. */
  rewind(): void {
    this.#ahead.forget();
    if (this.#claim !== undefined) this.#claim.modRevision = 0;
  }

  /** The table was told everything up to `revision`; `keys` are those that changed. */
  changed(keys: Iterable<string>, revision: number, now: number): void {
    this.#listed = Math.max(this.#listed ?? 0, revision);
    this.#ahead.caughtUp(this.#listed);
    for (const key of keys) if (key === this.#claim?.key) this.#compareWithTable(now);
  }

  /** etcd answers again: what was put off because it did not is done now. */
  contact(now: number): void {
    if (this.#failures > 0) this.#retryAt = now;
  }

  /** What we publish has changed: it is put at once, and again three minutes later. */
  publish(publicAddresses: PerFamily<Address>, now: number): void {
    this.#identity = { ...this.#identity, publicAddresses };
    this.#putAt = now;
    this.#secondPutAt = now + SECOND_PUT_MS;
  }

  /** The next thing to ask, if any; it is then under way until `answered`. */
  next(now: number): Request | undefined {
    if (this.#pending !== undefined || this.#listed === undefined || now < this.#retryAt)
      return undefined;
    const request = this.#removal(true) ?? this.#step(now) ?? this.#removal(false);
    if (request !== undefined) this.#pending = { request, sentAt: now };
    return request;
  }

  answered(answer: Answer, now: number): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) return;
    const { request, sentAt } = pending;
    if (answer.type === 'failed') this.#onFailure(answer, now);
    else this.#failures = 0;
    if (answer.type === 'granted') this.#fresh = { lease: answer.lease, sentAt };
    else if (answer.type === 'alive' && request.type === 'keepAlive')
      this.#onAlive(request.lease, answer.seconds, sentAt);
    else if (answer.type === 'written') this.#onWritten(request, answer.written, now);
    // What others did to our key while we waited was put off till now.
    this.#compareWithTable(now);
  }

  #onFailure({ code, message }: { code: string; message: string }, now: number): void {
    if (code === 'ETCD_LEASE_NOT_FOUND') this.#forgetLease();
    // That etcd is away, whoever watches it says; anything else would go unsaid.
    else if (code !== 'ETCD_UNREACHABLE')
      this.#problems.set('LEASE_NOT_WRITTEN', `our lease could not be written: ${message}`);
    this.#retryLater(now);
  }

  #retryLater(now: number): void {
    this.#retryAt = now + pauseBefore(this.#failures++, RETRY, this.#parts.random);
  }

  #forgetLease(): void {
    this.#fresh = undefined;
    if (this.#claim !== undefined && this.#claim.lease !== NO_LEASE) this.#claim.lease = undefined;
  }

  /** A lease that somebody granted for less than our time to live is of no use: it is replaced. */
  #onAlive(lease: LeaseId, seconds: number, sentAt: number): void {
    if (seconds < TTL_S) this.#forgetLease();
    else this.#fresh = { lease, sentAt };
  }

  #removal(now: boolean): Request | undefined {
    if (!now && this.key === undefined) return undefined;
    for (const [key, removal] of this.#removals) {
      if (removal.now !== now) continue;
      return { type: 'remove', key, modRevision: removal.modRevision, since: this.#since() };
    }
    return undefined;
  }

  #step(now: number): Request | undefined {
    const claim = (this.#claim ??= this.#adopt() ?? this.#acquire(now));
    if (claim === undefined) return undefined;
    if (now < this.#dueAt(now)) return undefined;
    if (claim.modRevision === 0 && this.#isTaken(claim.subnets, claim.key)) {
      this.#lose(claim, 'another lease overlaps it');
      return this.#step(now);
    }
    return this.#put(claim, now);
  }

  #put(claim: Claim, now: number): Request {
    const isReservation = claim.lease === NO_LEASE && claim.modRevision !== 0;
    const fresh = this.#fresh;
    const known = fresh?.lease ?? (claim.lease === NO_LEASE ? undefined : claim.lease);
    if (!isReservation && (fresh === undefined || now - fresh.sentAt > FRESH_MS))
      return known === undefined
        ? { type: 'grant', seconds: TTL_S }
        : { type: 'keepAlive', lease: known };
    const value = this.#value(claim);
    if (value !== this.#lastPut.value && claim.modRevision !== 0)
      this.#secondPutAt = Math.min(this.#secondPutAt, now + SECOND_PUT_MS);
    this.#lastPut = { value, at: now };
    const put = { key: claim.key, value, lease: isReservation ? NO_LEASE : (known ?? NO_LEASE) };
    return { type: 'put', put, modRevision: claim.modRevision, since: this.#since() };
  }

  #value(claim: Claim): string {
    const { node, publicAddresses } = this.#identity;
    return formatLeaseValue({ ...this.#parts.attributes(claim.reused), publicAddresses, node });
  }

  #onWritten(request: Request, written: Written, now: number): void {
    if (request.type === 'remove') {
      // Not done: the key is gone or another one by now, and no longer for us to remove.
      if (this.#removals.get(request.key)?.modRevision === request.modRevision)
        this.#removals.delete(request.key);
      return;
    }
    const claim = this.#claim;
    if (request.type !== 'put' || claim?.key !== request.put.key) return;
    if (written.done && written.entry !== undefined) this.#onDone(claim, request.put, written, now);
    else this.#onEntry(claim, written.entry, written, now);
  }

  #onDone(claim: Claim, put: Put, written: Written, now: number): void {
    const entry = written.entry as RegistryEntry;
    const isNew = claim.modRevision === 0;
    claim.modRevision = entry.modRevision;
    claim.lease = put.lease;
    if (isNew && this.#yields(claim, entry, written)) return;
    const wasHeld = claim.confirmed;
    claim.confirmed = true;
    claim.expiresAt = put.lease === NO_LEASE ? Infinity : (this.#fresh?.sentAt ?? now) + TTL_MS;
    this.#fresh = undefined;
    if (now >= this.#secondPutAt) this.#secondPutAt = Infinity;
    const isOver = claim.expiresAt <= now;
    const untilRefresh = Math.max(1_000, Math.min(REFRESH_MS, TTL_MS - this.#parts.renewMarginMs));
    this.#putAt = isOver ? now : now + untilRefresh;
    this.#problems.clear();
    if (!wasHeld) this.#findRemovals();
  }

  /** The guard failed: the key is not as we thought. */
  #onEntry(claim: Claim, entry: RegistryEntry | undefined, written: Written, now: number): void {
    this.#ahead.learn(written, claim.key);
    if (entry === undefined) {
      claim.modRevision = 0;
      return;
    }
    const isNew = claim.modRevision < entry.createRevision;
    const parsed = parseLeaseValue(entry.value);
    if (!this.#isStillOurs(claim, parsed, entry.value)) {
      this.#lose(claim, ownerIn(parsed));
      return;
    }
    claim.modRevision = entry.modRevision;
    claim.lease = entry.lease;
    // Our own put had landed although its answer was lost; what it would have told, this answer tells.
    if (isNew && this.#yields(claim, entry, written)) return;
    this.#putAt = Math.min(this.#putAt, now);
  }

  /** Our claim's key, as the table has it, against what we know of it. */
  #compareWithTable(now: number): void {
    const claim = this.#claim;
    if (claim === undefined) return;
    const row = this.#parts.table.get(claim.key);
    const isGone =
      row === undefined && claim.modRevision !== 0 && (this.#listed ?? 0) > claim.modRevision;
    const { request } = this.#pending ?? {};
    if (request?.type === 'put' && request.put.key === claim.key) {
      // The answer on its way tells more; until it comes the claim counts for nothing.
      claim.inDoubt =
        isGone || (row !== undefined && !this.#isStillOurs(claim, attributesOf(row), row.value));
      return;
    }
    claim.inDoubt = false;
    if (row !== undefined) this.#onRow(claim, row, now);
    else if (isGone) {
      claim.modRevision = 0;
      if (!claim.confirmed) this.#claim = undefined;
    }
  }

  #onRow(claim: Claim, row: Row, now: number): void {
    if (row.modRevision <= claim.modRevision) return;
    const parsed = attributesOf(row);
    if (!this.#isStillOurs(claim, parsed, row.value)) {
      this.#lose(claim, ownerIn(parsed));
      return;
    }
    // Created anew, by a put of ours: only the answer of a put tells whether an older lease overlaps.
    if (claim.modRevision < row.createRevision) {
      claim.modRevision = 0;
      return;
    }
    claim.modRevision = row.modRevision;
    const isRebound = row.leaseId !== claim.lease;
    claim.lease = row.leaseId;
    // How long somebody else's lease lives is not known; a key without one stays.
    if (isRebound) claim.expiresAt = row.leaseId === NO_LEASE ? Infinity : now;
    const isOver = claim.expiresAt <= now || row.value !== this.#lastPut.value;
    if (isOver) this.#putAt = Math.min(this.#putAt, Math.max(now, this.#lastPut.at + RESTORE_MS));
  }

  /** A value that makes no sense is nobody's: ours is put back over it. */
  #isStillOurs(claim: Claim, parsed: Parsed<LeaseAttributes>, value: string | undefined): boolean {
    if (value === this.#lastPut.value) return true;
    if (isRefused(parsed)) return claim.confirmed;
    return isOurs(parsed.value, this.#identity, this.#parts.network);
  }

  /** Whether an older lease overlaps the one just created: then ours is taken back at once. */
  #yields(claim: Claim, entry: RegistryEntry, written: Written): boolean {
    const older = written.newcomers.find(
      ({ key, createRevision }) =>
        key !== claim.key &&
        createRevision < entry.createRevision &&
        clash(subnetsIn(key), claim.subnets),
    );
    if (older === undefined) return false;
    this.#ahead.learn(written, claim.key);
    this.#removals.set(claim.key, { modRevision: entry.modRevision, now: true });
    this.#lose(claim, `${older.key} overlaps it and is older`);
    return true;
  }

  #lose(claim: Claim, why: string): void {
    if (claim.confirmed)
      this.#problems.set(
        'SUBNET_LOST',
        `${shown(claim.subnets)} is no longer ours: ${why}; another subnet is being acquired`,
      );
    this.#ahead.add(claim.subnets, claim.key);
    this.#claim = undefined;
    this.#putAt = Infinity;
  }

  #since(): number {
    return this.#ahead.since(this.#listed ?? 0);
  }

  /** The lease in the table that is ours already: that of our last subnets first, else the oldest. */
  #adopt(): Claim | undefined {
    const rows = [...this.#parts.table.rows()].filter((row) => this.#isAdoptable(row));
    const byAge = rows.sort((a, b) => a.createRevision - b.createRevision);
    const row = byAge.find(({ subnets }) => this.#wasOurs(subnets)) ?? byAge[0];
    if (row === undefined) return undefined;
    const { key, subnets, modRevision, leaseId: lease } = row;
    return newClaim({ key, subnets, modRevision, lease, reused: row.lease });
  }

  #isAdoptable(row: Row): boolean {
    const { key, subnets, lease, refused } = row;
    if (lease === undefined || refused !== undefined) return false;
    // This host with a new address: its own node id, under the subnets it had.
    const isReaddressed = lease.node === this.#identity.node && this.#wasOurs(subnets);
    if (!isReaddressed && !isOurs(lease, this.#identity, this.#parts.network)) return false;
    if (this.#removals.has(key) || this.#hasElder(row)) return false;
    return isCompatible(subnetsIn(key), this.#parts.network);
  }

  /** An older key overlaps. Even one whose value is garbage: its owner may well be alive and put it right. */
  #hasElder({ key, subnets, createRevision }: Row): boolean {
    const { table } = this.#parts;
    const others = [...table.overlapping(subnets, key)].map((other) => table.get(other));
    return others.some((other) => other !== undefined && other.createRevision <= createRevision);
  }

  #wasOurs(subnets: PerFamily<Prefix>): boolean {
    return sameSubnets(subnets, enabledOnly(this.#parts.previous, this.#parts.network));
  }

  #acquire(now: number): Claim | undefined {
    const subnets = this.#previousIfFree() ?? this.#allocate();
    if (subnets === undefined) {
      this.#ahead.forget();
      this.#retryLater(now);
      return undefined;
    }
    const key = formatKey(subnets);
    return newClaim({ key, subnets, modRevision: 0, lease: undefined, reused: undefined });
  }

  #previousIfFree(): PerFamily<Prefix> | undefined {
    const { previous, network } = this.#parts;
    const subnets = enabledOnly(previous, network);
    return isCompatible(subnets, network) && !this.#isTaken(subnets) ? subnets : undefined;
  }

  #allocate(): PerFamily<Prefix> | undefined {
    const { table, network } = this.#parts;
    const isTaken = (subnet: Prefix): boolean =>
      table.isTaken(subnet) || this.#ahead.overlaps(subnet);
    const found = allocate(network, isTaken, this.#identity.node);
    if (!isRefused(found)) return found.value;
    this.#problems.set('OUT_OF_SUBNETS', `${found.reason} (leases: ${table.size}); ${MAKE_ROOM}`);
    return undefined;
  }

  #isTaken(subnets: PerFamily<Prefix>, except?: string): boolean {
    if (this.#parts.table.overlapping(subnets, except).size > 0) return true;
    return Object.values(subnets).some((subnet) => this.#ahead.overlaps(subnet));
  }

  /** Other leases of ours, which nobody needs now: of an earlier run, or of another configuration. */
  #findRemovals(): void {
    const { table, network } = this.#parts;
    for (const { key, lease, modRevision } of table.rows()) {
      if (key === this.key || lease === undefined) continue;
      if (!isOurs(lease, this.#identity, network)) continue;
      // One that an operator reserved for us stays while it could be used.
      if (lease.node !== undefined || !isCompatible(subnetsIn(key), network))
        this.#removals.set(key, { modRevision, now: false });
    }
  }
}

function attributesOf(row: Row): Parsed<LeaseAttributes> {
  return row.refused !== undefined || row.lease === undefined
    ? { reason: row.refused ?? 'the value is missing' }
    : { value: row.lease };
}

function shown(subnets: PerFamily<Prefix>): string {
  return Object.values(subnets).join(' and ');
}
