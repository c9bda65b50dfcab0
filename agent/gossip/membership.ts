/**
 * This host's membership: a gossip member at the underlay's address from the start to the end of weftd, opened anew
 * when the address changes, and tried again when it cannot be had. It needs no etcd; what fails here is a problem to
 * be told, and the mesh goes on.
 */
import type { GossipConfig, UnderlayConfig } from '../config/config.ts';
import type { Address, Family } from '../ip/address.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import { pauseBefore, type Backoff, type Clock, type Random } from '../state/clock.ts';
import type { LeaseChange } from '../subnet/leases.ts';
import type { UnderlayChoice } from '../underlay/choose.ts';
import { Discovery } from './discovery.ts';
import { Joiner } from './joiner.ts';
import type { GossipMember, MemberChange, OpenMember } from './member.ts';
import { findPlace, type Place, type PlaceChoice } from './place.ts';

export interface GossipProblem {
  readonly code: string;
  readonly message: string;
}

export interface MembershipParts {
  readonly config: GossipConfig;
  readonly underlay: UnderlayConfig;
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly snapshotFile: string;
  readonly find: (config: UnderlayConfig, families: readonly Family[]) => Promise<UnderlayChoice>;
  /** Calls back when links, addresses or routes have changed; the returned function ends that. */
  readonly watch: (listener: () => void) => () => void;
  readonly resolve: (host: string) => Promise<readonly Address[]>;
  readonly open: OpenMember;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: { info(fields: object, message: string): void };
  /** All that is wrong now. */
  readonly troubled: (problems: readonly GossipProblem[]) => void;
  /** The status is another. */
  readonly changed: () => void;
  /** What the lease tells is another. */
  readonly moved: () => void;
}

/** Changes of the underlay come in bursts; looked at this long after the first, in ms. */
const PAUSE = 500;
/** A conflict of names is told once a minute; not told for this long, in ms, it is over. */
const CONFLICT_TOLD = 150_000;
const RETRY: Backoff = { first: 1_000, factor: 2, limit: 30_000 };

export class Membership {
  readonly #parts: MembershipParts;
  readonly #discovery = new Discovery();
  readonly #joiner: Joiner;
  readonly #listeners = new Set<(change: MemberChange) => void>();
  readonly #problems = new Map<string, string>();
  #member: GossipMember | undefined;
  #place: Place | undefined;
  #unwatch: () => void = () => {};
  #cancel: (() => void) | undefined;
  #failures = 0;
  #forget: () => void = () => {};
  #isStopped = false;
  /** One thing at a time. */
  #queue: Promise<void> = Promise.resolve();

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const { config, resolve, clock, random } = parts;
    this.#joiner = new Joiner({
      join: config.join,
      port: config.port,
      discovery: this.#discovery,
      resolve,
      own: () => this.place,
      attempt: async (places) => (await this.#member?.join(places)) ?? { count: 0, problems: [] },
      troubled: (why) =>
        this.#tell(
          'GOSSIP_JOIN',
          why && `nothing of --join could be joined: ${why}; weft tries again`,
        ),
      clock,
      random,
    });
  }

  get name(): string {
    return this.#parts.name;
  }

  /** What the others are told; undefined while there is no member. */
  get place(): SocketAddress | undefined {
    return this.#member === undefined ? undefined : this.#place?.advertise;
  }

  /** Undefined while there is none: `problems` says why. */
  get member(): GossipMember | undefined {
    return this.#member;
  }

  get problems(): readonly GossipProblem[] {
    return [...this.#problems].map(([code, message]) => ({ code, message }));
  }

  /** Resolves when there is a member, or the first attempt has failed. */
  async start(): Promise<void> {
    this.#unwatch = this.#parts.watch(() => this.#again(PAUSE));
    await this.#enqueue(() => this.#settle());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unwatch();
    this.#cancel?.();
    this.#forget();
    await this.#enqueue(() => this.#close());
  }

  /** Calls back for every change of a member; the returned function ends that. */
  onChange(listener: (change: MemberChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Other hosts' leases. */
  leases(changes: readonly LeaseChange[]): void {
    this.#discovery.leases(changes);
    this.#joiner.wake();
  }

  async #enqueue(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work);
    await this.#queue;
  }

  #again(pause: number): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#parts.clock.after(pause, () => {
      this.#cancel = undefined;
      void this.#enqueue(() => this.#settle());
    });
  }

  /** Never rejects. */
  async #settle(): Promise<void> {
    if (this.#isStopped) return;
    const place = await this.#findPlace();
    if ('problem' in place) {
      // A member that is there stays: the address may come back.
      this.#failed(place.problem);
      return;
    }
    const isSame = JSON.stringify(place) === JSON.stringify(this.#place);
    if (this.#member !== undefined && isSame) this.#succeeded();
    else await this.#open(place);
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
    const { name, tags, config, snapshotFile, open, log } = this.#parts;
    try {
      this.#member = await open({
        name,
        place,
        tags,
        snapshotFile,
        ...(config.keyFile === undefined ? {} : { keyFile: config.keyFile }),
        seeds: () => this.#joiner.seeds(),
        changed: (change) => this.#onChange(change),
        conflict: (other, lost) => this.#onConflict(other, lost),
      });
    } catch (cause) {
      this.#failed(messageOf(cause));
      return;
    }
    this.#place = place;
    this.#succeeded();
    log.info({ name, ...place, encrypted: this.#member.isEncrypted }, 'gossip started');
    this.#joiner.start();
    this.#parts.moved();
    this.#parts.changed();
  }

  async #close(): Promise<void> {
    this.#joiner.stop();
    const member = this.#member;
    this.#member = undefined;
    this.#discovery.forgetMembers();
    if (member === undefined) return;
    for (const { name } of member.members()) this.#announce({ type: 'removed', name });
    await member.close();
  }

  #failed(why: string): void {
    this.#tell('GOSSIP', `${why}; the mesh goes on, and weft tries again`);
    this.#again(pauseBefore(this.#failures++, RETRY, this.#parts.random));
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#tell('GOSSIP', undefined);
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

  #onConflict(other: SocketAddress, lost: boolean): void {
    const who = lost ? ', whom the others believe' : '';
    this.#tell(
      'GOSSIP_NAME',
      `another member at ${other} has our name ${this.name} too${who}; give one of the two another --node-name`,
    );
    this.#forget();
    this.#forget = this.#parts.clock.after(CONFLICT_TOLD, () =>
      this.#tell('GOSSIP_NAME', undefined),
    );
  }

  #tell(code: string, message: string | undefined): void {
    if (this.#problems.get(code) === message) return;
    if (message === undefined) this.#problems.delete(code);
    else this.#problems.set(code, message);
    this.#parts.troubled(this.problems);
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
