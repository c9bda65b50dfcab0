/**
 * This host's membership: a gossip member at the underlay's address from the start to the end of weftd, another one
 * when the address changes. It needs no etcd; what fails here is a problem to be told, and the mesh goes on.
 */
import type { GossipConfig, UnderlayConfig } from '../config/config.ts';
import type { Family } from '../ip/address.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import { pauseBefore, type Backoff, type Clock, type Random } from '../state/clock.ts';
import type { LeaseChange } from '../subnet/leases.ts';
import type { UnderlayChoice } from '../underlay/choose.ts';
import { Discovery } from './discovery.ts';
import { Joiner } from './joiner.ts';
import type {
  GossipMember,
  GossipProblem,
  MemberChange,
  OpenMember,
  RecordChange,
  RecordView,
} from './member.ts';
import { findPlace, type Place, type PlaceChoice } from './place.ts';

export interface MembershipParts {
  readonly config: GossipConfig;
  readonly underlay: UnderlayConfig;
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly snapshotFile: string;
  readonly find: (config: UnderlayConfig, families: readonly Family[]) => Promise<UnderlayChoice>;
  /** Calls back when links, addresses or routes have changed; the returned function ends that. */
  readonly watch: (listener: () => void) => () => void;
  readonly open: OpenMember;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: { info(fields: object, message: string): void; warn(message: string): void };
  /** All that is wrong now. */
  readonly troubled: (problems: readonly GossipProblem[]) => void;
  /** The status is another. */
  readonly changed: () => void;
  /** What the lease tells is another. */
  readonly moved: () => void;
}

/** A start of weftd waits no longer for gossip, in ms. */
const START_LIMIT = 2_000;
/** Changes of the underlay come in bursts; looked at this long after the first, in ms. */
const PAUSE = 200;
const RETRY: Backoff = { first: 1_000, factor: 2, limit: 30_000 };

export class Membership {
  readonly #parts: MembershipParts;
  readonly #discovery: Discovery;
  readonly #joiner: Joiner;
  readonly #listeners = new Set<(change: MemberChange) => void>();
  readonly #recordListeners = new Set<RecordListener>();
  readonly #heardListeners = new Map<string, (payload: Uint8Array) => void>();
  readonly #answers = new Map<string, Answer>();
  /** What this host says to all: a member that takes another's place says it again. */
  readonly #said = new Map<string, Omit<RecordView, 'owner'>>();
  #member: GossipMember | undefined;
  #place: Place | undefined;
  /** Why there is no member, or none at the place it should be. */
  #ownProblem: GossipProblem | undefined;
  #itsProblems: readonly GossipProblem[] = [];
  #unwatch: () => void = () => {};
  #cancel: (() => void) | undefined;
  #failures = 0;
  #isStopped = false;
  #settled: () => void = () => {};
  /** One thing at a time. */
  #queue: Promise<void> = Promise.resolve();

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#discovery = new Discovery(parts.random);
    this.#joiner = new Joiner({
      discovery: this.#discovery,
      own: () => this.address,
      attempt: async (places) => await this.#member?.join(places),
      clock: parts.clock,
      random: parts.random,
    });
  }

  get name(): string {
    return this.#parts.name;
  }

  /** What the others are told; undefined while nothing listens. */
  get address(): SocketAddress | undefined {
    return this.#member?.address;
  }

  /** Undefined while nothing listens: `problems` says why. */
  get member(): GossipMember | undefined {
    return this.address === undefined ? undefined : this.#member;
  }

  get problems(): readonly GossipProblem[] {
    return [...(this.#ownProblem === undefined ? [] : [this.#ownProblem]), ...this.#itsProblems];
  }

  /** Resolves when the member listens, or it is known why it does not; in any case soon. */
  async start(): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(START_LIMIT, resolve);
      this.#settled = () => {
        cancel();
        resolve();
      };
    });
    this.#unwatch = this.#parts.watch(() => this.#again(PAUSE));
    void this.#enqueue(() => this.#follow());
    await settled;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unwatch();
    this.#cancel?.();
    this.#settled();
    await this.#enqueue(() => this.#close());
  }

  /** Calls back for every change of a member; the returned function ends that. */
  onChange(listener: (change: MemberChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says it of this host to all, from now on or as soon as it can. Throws a RangeError for one that cannot be said. */
  put(kind: string, key: string, payload: Uint8Array): void {
    this.#member?.put(kind, key, payload);
    this.#said.set(`${kind}\n${key}`, { kind, key, payload });
  }

  /** It is so no more. */
  remove(kind: string, key: string): void {
    this.#said.delete(`${kind}\n${key}`);
    this.#member?.remove(kind, key);
  }

  /** What all hosts say, this one among them; nothing while nothing listens. */
  records(kind: string): Iterable<RecordView> {
    return this.#member?.records(kind) ?? [];
  }

  /** Calls back for every change of a record of that kind; the returned function ends that. */
  onRecord(kind: string, tell: (change: RecordChange) => void): () => void {
    const listener = { kind, tell };
    this.#recordListeners.add(listener);
    return () => this.#recordListeners.delete(listener);
  }

  /** Says it once to all, if anything listens. Throws a RangeError when it is too long. */
  sayOnce(name: string, payload: Uint8Array): void {
    this.member?.sayOnce(name, payload);
  }

  /** Calls back with what a member says to all under that name. One listener for each name. */
  onHeard(name: string, heard: (payload: Uint8Array) => void): void {
    this.#heardListeners.set(name, heard);
  }

  /** How this host answers a question to all, within 2 s; undefined: not. */
  answerTo(name: string, answer: Answer): void {
    this.#answers.set(name, answer);
  }

  /** Other hosts' leases. */
  leases(changes: readonly LeaseChange[]): void {
    this.#discovery.leases(changes);
    this.#joiner.wake();
  }

  /** Never rejects: what fails is tried again, and what comes after it has its turn. */
  async #enqueue(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work).catch((cause: unknown) => this.#fail(messageOf(cause)));
    await this.#queue;
  }

  #again(pause: number): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#parts.clock.after(pause, () => {
      this.#cancel = undefined;
      void this.#enqueue(() => this.#follow());
    });
  }

  /** Opens a member where one should be, unless it is there. Never rejects. */
  async #follow(): Promise<void> {
    if (this.#isStopped) return;
    const place = await this.#findPlace();
    if ('problem' in place) {
      // A member that is there stays: the address may come back.
      this.#fail(place.problem);
      return;
    }
    const isSame = JSON.stringify(place) === JSON.stringify(this.#place);
    if (this.#member === undefined || !isSame) await this.#open(place);
    else this.#succeed();
  }

  async #findPlace(): Promise<PlaceChoice> {
    const { config, underlay, find } = this.#parts;
    try {
      return await findPlace(config, underlay, find);
    } catch (cause) {
      return { problem: `gossip has nowhere to listen: ${messageOf(cause)}` };
    }
  }

  async #open(place: Place): Promise<void> {
    await this.#close();
    const { name, tags, config, snapshotFile, open } = this.#parts;
    try {
      this.#member = open({
        name,
        place,
        join: config.join,
        tags,
        snapshotFile,
        ...(config.keyFile === undefined ? {} : { keyFile: config.keyFile }),
        seeds: () => this.#joiner.seeds(),
        listening: () => this.#onListening(),
        changed: (change) => this.#onChange(change),
        recorded: (change) => this.#onRecord(change),
        heard: (name, payload) => this.#heardListeners.get(name)?.(payload),
        asked: async (name, question) => await this.#answers.get(name)?.(question),
        troubled: (problems) => this.#onProblems(problems),
        warn: (sentence) => this.#parts.log.warn(sentence),
      });
    } catch (cause) {
      this.#fail(messageOf(cause));
      return;
    }
    for (const { kind, key, payload } of this.#said.values()) this.#member.put(kind, key, payload);
    this.#place = place;
    this.#succeed();
  }

  async #close(): Promise<void> {
    this.#joiner.stop();
    const member = this.#member;
    this.#member = undefined;
    if (member === undefined) return;
    for (const { name } of member.members()) this.#announce({ type: 'removed', name });
    for (const { kind, tell } of this.#recordListeners)
      for (const before of member.records(kind)) tell({ before });
    await member.close();
    this.#discovery.forgetMembers();
    this.#onProblems([]);
  }

  #fail(why: string): void {
    const message = `${why}; the mesh goes on, and weft tries again`;
    this.#ownProblem = { code: 'GOSSIP', message };
    this.#tellProblems();
    this.#again(pauseBefore(this.#failures++, RETRY, this.#parts.random));
  }

  #succeed(): void {
    this.#failures = 0;
    if (this.#ownProblem === undefined) return;
    this.#ownProblem = undefined;
    this.#tellProblems();
  }

  #onListening(): void {
    const { name, log, moved, changed } = this.#parts;
    const { address, isEncrypted } = this.#member ?? {};
    log.info({ name, address, encrypted: isEncrypted }, 'gossip listens');
    this.#settled();
    this.#joiner.start();
    moved();
    changed();
  }

  #onChange(change: MemberChange): void {
    if (change.type === 'removed') this.#discovery.member(change.name, undefined);
    else if (!change.member.mine) {
      const { name, address, status } = change.member;
      const isHere = status === 'alive' || status === 'leaving';
      this.#discovery.member(name, isHere ? address : undefined);
    }
    this.#joiner.wake();
    this.#announce(change);
    this.#parts.changed();
  }

  #announce(change: MemberChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #onRecord(change: RecordChange): void {
    const kind = (change.after ?? change.before)?.kind;
    for (const listener of this.#recordListeners) if (listener.kind === kind) listener.tell(change);
  }

  #onProblems(problems: readonly GossipProblem[]): void {
    this.#itsProblems = problems;
    this.#tellProblems();
  }

  #tellProblems(): void {
    this.#parts.troubled(this.problems);
    if (this.problems.length > 0) this.#settled();
  }
}

type Answer = (question: Uint8Array) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

interface RecordListener {
  readonly kind: string;
  readonly tell: (change: RecordChange) => void;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
