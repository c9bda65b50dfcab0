/**
 * The record table of one weft member: what it says of itself goes to all, what others say is kept as long as they
 * are there. docs/gossip-records.md says how, and why that suffices.
 */
import { encodeMessage } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import { BroadcastQueue } from '../queue.ts';
import type { Random } from '../random.ts';
import type { Extension, SerfMemberView } from '../serf/face.ts';
import type { Member } from '../swim/member.ts';
import type { Timers } from '../timers.ts';
import { decodeEnvelope, encodeVersion, TYPE, userMessage, type Host } from './envelope.ts';
import { textOf } from './fingerprint.ts';
import { Healing, type HealingOptions } from './healing.ts';
import { Held } from './held.ts';
import { Peers } from './peers.ts';
import {
  idOf,
  isSamePayload,
  KIND,
  RECORD_LIMIT,
  TIME_LIMIT,
  type GossipRecord,
  type Version,
} from './record.ts';
import type { RecordSettings } from './settings.ts';
import { Table, type Change } from './table.ts';

/** Bytes of a user message besides its envelopes: its own type's, and TYPE. */
const MESSAGE_OVERHEAD = 2;
/**
 * So many records gossip spreads in about a second. Of one page of an exchange no more are passed on by it, and when
 * more wait in its queue, exchanges help.
 */
const SPREAD_LIMIT = 64;
/** In ms. A member that stood still for so long has missed something. */
const LONG_STALL = 1_000;
/** So many times in its life a tombstone is looked at whether it is over. */
const SWEEPS = 60;

export interface RecordsOptions {
  /** Name of this member. */
  readonly name: string;
  /** Where others answer to. */
  readonly advertise: Endpoint;
  readonly settings: RecordSettings;
  /** How often a record is sent among `size` members, as SWIM's messages are. */
  readonly transmissions: (size: number) => number;
  /**
   * Where our Lamport time starts. The wall clock in ms makes a restarted member newer at once than all that it wrote
   * before; without, or with a clock set back, it becomes so when the first one tells it.
   */
  readonly epoch?: number;
  readonly random: Random;
  readonly timers: Timers;
  /** As Swim.sendUserStream. */
  readonly sendStream: HealingOptions['sendStream'];
  /** As Swim.gossipSoon. */
  readonly gossipSoon: () => void;
  /** A record came, has another payload, or is gone. Our own too. */
  readonly notify: (change: Change) => void;
}

export class Records implements Extension {
  readonly type = TYPE;
  readonly #options: RecordsOptions;
  readonly #table: Table;
  readonly #peers: Peers;
  readonly #held: Held;
  readonly #healing: Healing;
  readonly #queue: BroadcastQueue;
  #time: number;
  #isSweeping = false;
  /** In ms, by stalls that follow each other; and when the last one ended. */
  #slept = 0;
  #awakeSince = -Infinity;
  readonly #counts = { taken: 0, old: 0, full: 0, refused: 0, refuted: 0, dropped: 0 };

  constructor(options: RecordsOptions) {
    const { name, advertise, settings, random, timers, sendStream } = options;
    this.#options = options;
    this.#time = options.epoch ?? 0;
    this.#table = new Table(settings);
    this.#held = new Held(timers, settings.heldTime, settings.heldLimit);
    this.#peers = new Peers({
      timers,
      leftGrace: settings.leftGrace,
      failedGrace: settings.failedGrace,
      appeared: (peer) => this.#appeared(peer),
      expired: (peer) => this.#drop(peer),
    });
    this.#healing = new Healing({
      self: { name, addr: advertise.addr, port: advertise.port },
      random,
      timers,
      table: this.#table,
      interval: settings.healInterval,
      peers: this.#peers.present,
      sendStream,
      take: (versions, from) => this.#takePage(versions, from),
    });
    // Of those who get them: those present, and ourselves.
    this.#queue = new BroadcastQueue(() => options.transmissions(this.#peers.present.size + 1));
    timers.onWake((slept) => this.#woke(slept));
  }

  /**
   * Says that this is so, to all. No change if it is said already. Throws a RangeError for a kind that is no short
   * word, a record that does not fit a packet, and one too many.
   */
  put(kind: string, key: string, payload: Uint8Array): void {
    const { name } = this.#options;
    const before = this.#table.get(name, kind, key);
    const version = { owner: name, kind, key, time: this.#time + 1, payload, age: undefined };
    if (before !== undefined && isSamePayload(before, version)) return;
    check(version);
    if (this.#say(version) === 'full')
      throw new RangeError(`no room for record ${kind} ${key}: remove others of this host first`);
  }

  /** Says that it is gone; false if it was not there. */
  remove(kind: string, key: string): boolean {
    const { name } = this.#options;
    if (this.#table.get(name, kind, key) === undefined) return false;
    this.#say({ owner: name, kind, key, time: this.#time + 1, payload: NO_PAYLOAD, age: 0 });
    return true;
  }

  get(owner: string, kind: string, key: string): GossipRecord | undefined {
    return this.#table.get(owner, kind, key);
  }

  /** Of this key, one of each owner that has it. */
  find(kind: string, key: string): readonly GossipRecord[] {
    return this.#table.find(kind, key);
  }

  /** Not to be changed meanwhile. */
  list(kind: string): Iterable<GossipRecord> {
    return this.#table.list(kind);
  }

  of(owner: string): Iterable<GossipRecord> {
    return this.#table.of(owner);
  }

  /** Hosts that know the same records of members that are there have the same one. */
  digest(): string {
    return textOf(this.#table.fingerprintOfAll(this.#healing.isPresent));
  }

  get counts(): Readonly<Record<string, number>> {
    return {
      ...this.#counts,
      ...this.#healing.counts,
      records: this.#table.size,
      tombstones: this.#table.tombstones,
      held: this.#held.size,
      queued: this.#queue.size,
      peers: this.#peers.present.size,
    };
  }

  memberChanged(view: SerfMemberView): void {
    if (view.name !== this.#options.name) this.#peers.changed(view);
  }

  /** A user message of our type, by packet or by stream; with its first byte. */
  user(payload: Uint8Array): void {
    const envelope = payload[0] === TYPE ? decodeEnvelope(payload.subarray(1)) : undefined;
    this.#counts.refused += envelope?.refused ?? 1;
    if (envelope === undefined) return;
    const { sender, versions } = envelope;
    if (sender === undefined) for (const version of versions) this.#take(version, true);
    else if (sender.name !== this.#options.name) this.#healing.receive({ ...envelope, sender });
  }

  /** One message of as many records as there is room for. */
  broadcasts(room: number, to: Member): readonly Uint8Array[] {
    if (this.#queue.size === 0 || !this.#peers.present.has(to.name)) return [];
    // The queue counts PART_OVERHEAD for each, of which the message as a whole needs one.
    const parts = this.#queue.take(room - MESSAGE_OVERHEAD);
    return parts.length === 0 ? [] : [encodeMessage({ kind: 'user', payload: userMessage(parts) })];
  }

  #say(version: Version): 'full' | undefined {
    const change = this.#table.merge(version, this.#options.timers.now);
    if (change === 'full') return 'full';
    this.#time = Math.max(this.#time, version.time);
    if (change === 'old') return undefined;
    this.#spread(version);
    this.#told(version, change);
    return undefined;
  }

  #takePage(versions: readonly Version[], from: Host): void {
    let spread = 0;
    let isNews = false;
    for (const version of versions) {
      // What others say of themselves may be news to all; what they heard, others heard too.
      const isTheirs = version.owner === from.name && spread < SPREAD_LIMIT;
      if (!this.#take(version, isTheirs)) continue;
      isNews = true;
      if (isTheirs) spread++;
    }
    if (isNews) this.#healing.hurry();
  }

  /** Whether it was news. */
  #take(version: Version, spread: boolean): boolean {
    const { name, timers } = this.#options;
    if (version.owner === name) return this.#refute(version);
    if (!this.#healing.isPresent(version.owner)) {
      this.#held.add(version);
      return false;
    }
    const change = this.#table.merge(version, timers.now);
    if (change === 'old' || change === 'full') {
      this.#counts[change]++;
      return false;
    }
    this.#counts.taken++;
    if (spread) this.#spread(version);
    this.#told(version, change);
    return true;
  }

  /** Somebody has a record of ours that we did not write, or that we wrote before we forgot: ours becomes the newest. */
  #refute(theirs: Version): boolean {
    const { name, timers } = this.#options;
    const ours = this.#table.version(name, idOf(theirs), timers.now);
    if (ours !== undefined && ours.time > theirs.time) return false;
    if (ours !== undefined && ours.time === theirs.time && isSame(ours, theirs)) return false;
    this.#time = Math.max(this.#time, theirs.time);
    const isThere = ours !== undefined && ours.age === undefined;
    // That it is gone is what we say, too.
    if (theirs.age !== undefined && !isThere) return false;
    this.#counts.refuted++;
    const { kind, key } = theirs;
    const gone = { owner: name, kind, key, payload: NO_PAYLOAD, age: 0 };
    this.#say({ ...(isThere ? ours : gone), time: this.#time + 1 });
    return true;
  }

  #spread(version: Version): void {
    const { queueLimit } = this.#options.settings;
    const { owner, kind, key } = version;
    this.#queue.add(encodeVersion(version), { name: [owner, kind, key].join('\0') });
    if (this.#queue.size > queueLimit) {
      // By a quarter at once, as it costs as much as is there.
      const most = Math.floor(queueLimit * 0.75);
      this.#counts.dropped += this.#queue.size - most;
      this.#queue.prune(most);
    }
    if (this.#queue.size > Math.min(SPREAD_LIMIT, queueLimit / 2)) this.#healing.hurry();
    this.#options.gossipSoon();
  }

  #told(version: Version, change: Change): void {
    const { before, after } = change;
    if (version.age !== undefined) this.#sweepLater();
    if (before === undefined && after === undefined) return;
    if (before !== undefined && after !== undefined && isSamePayload(before, after)) return;
    this.#options.notify(change);
  }

  #appeared(peer: string): void {
    for (const version of this.#held.take(peer)) this.#take(version, true);
    this.#healing.appeared(peer);
  }

  #drop(owner: string): void {
    for (const before of this.#table.drop(owner))
      this.#options.notify({ before, after: undefined });
  }

  /**
   * After so long a stall, others may have forgotten that a record is gone that we still have: we keep none of theirs
   * until they tell it again. Stalls with too little time between them to hear what was missed count as one.
   */
  #woke(slept: number): void {
    const { name, timers, settings } = this.#options;
    if (slept < LONG_STALL) return;
    this.#slept =
      timers.now - this.#awakeSince < settings.healInterval ? this.#slept + slept : slept;
    this.#awakeSince = timers.now;
    this.#healing.hurry();
    if (this.#slept < settings.tombstoneLife / 2) return;
    this.#slept = 0;
    this.#held.clear();
    const others = [...this.#table.owners()].filter((owner) => owner !== name);
    for (const owner of others) this.#drop(owner);
  }

  #sweepLater(): void {
    const { timers, settings } = this.#options;
    if (this.#isSweeping || this.#table.tombstones === 0) return;
    this.#isSweeping = true;
    timers.after(settings.tombstoneLife / SWEEPS, () => {
      this.#isSweeping = false;
      this.#table.sweep(timers.now);
      this.#sweepLater();
    });
  }
}

const NO_PAYLOAD = new Uint8Array();

/** The door of what we say: others must be able to take it. */
function check(version: Version): void {
  const { kind, key, time } = version;
  if (!KIND.test(kind))
    throw new RangeError(
      `the kind ${JSON.stringify(kind)} of a record must be a short word of a-z, 0-9 and -`,
    );
  if (time >= TIME_LIMIT)
    throw new RangeError('the Lamport time of this host is used up: give the host another name');
  const bytes = encodeVersion(version);
  if (bytes.length > RECORD_LIMIT)
    throw new RangeError(
      `record ${kind} ${key} takes ${bytes.length} bytes, and ${RECORD_LIMIT} at most: shorten it`,
    );
  if (Buffer.from(key).toString() !== key)
    throw new RangeError(`the key ${JSON.stringify(key)} of a record is no Unicode text`);
}

function isSame(a: Version, b: Version): boolean {
  return a.age === undefined ? b.age === undefined && isSamePayload(a, b) : b.age !== undefined;
}
