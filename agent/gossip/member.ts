/** This host's member of the gossip, as weftd uses it. */
import type { SocketAddress } from '../ip/socket-address.ts';
import type { Place } from './place.ts';

export type MemberStatus = 'alive' | 'leaving' | 'left' | 'failed';

/** A member at one moment. */
export interface MemberView {
  readonly name: string;
  readonly address: SocketAddress;
  readonly status: MemberStatus;
  readonly tags: Readonly<Record<string, string>>;
  /** An estimate; absent until there is one, and of ourselves. */
  readonly roundTripMs?: number;
  readonly since: Date;
  readonly mine: boolean;
}

export type MemberChange =
  | { readonly type: 'present'; readonly member: MemberView }
  /** It is forgotten. */
  | { readonly type: 'removed'; readonly name: string };

export type KeyOperation = 'install' | 'use' | 'remove' | 'list';

export interface KeyReport {
  /** In base64, of all that answered; empty unless listed. */
  readonly keys: readonly {
    readonly key: string;
    readonly members: number;
    readonly primary: number;
  }[];
  readonly answers: readonly {
    readonly member: string;
    readonly ok: boolean;
    readonly message?: string;
  }[];
}

/** For metrics. What has no bound only grows. */
export interface GossipCounts {
  /** By status, this one included. */
  readonly members: Readonly<Record<MemberStatus, number>>;
  readonly packets: InAndOut;
  readonly streams: InAndOut;
  /** Of both. */
  readonly bytes: InAndOut;
  /** Packets and streams of others that were not taken, and our own that could not be sent, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Members that answered neither us nor those we asked. */
  readonly failedProbes: number;
  readonly suspicions: number;
  /** We were suspected, and said that we live. */
  readonly refutations: number;
  /** Messages that wait to be gossiped, now. */
  readonly queued: number;
  /** Lifeguard's awareness now: 0 when we are well, up to 7. */
  readonly awareness: number;
}

export interface InAndOut {
  readonly in: number;
  readonly out: number;
}

export interface GossipProblem {
  readonly code: string;
  /** One sentence: what is wrong and what to do. */
  readonly message: string;
  /** What it is about; absent: the whole member. */
  readonly subject?: string;
}

/** What a host says of itself to all (docs/gossip-records.md). */
export interface RecordView {
  /** The member that says it. */
  readonly owner: string;
  readonly kind: string;
  readonly key: string;
  readonly payload: Uint8Array;
}

/** One is there, is another, or is gone. */
export interface RecordChange {
  readonly before?: RecordView | undefined;
  readonly after?: RecordView | undefined;
}

export interface GossipMember {
  /** What the others are told; undefined until it listens. */
  readonly address: SocketAddress | undefined;
  readonly isEncrypted: boolean;
  readonly counts: GossipCounts;
  members(): Iterable<MemberView>;
  /** Resolves when each was tried. Never rejects. */
  join(places: readonly SocketAddress[]): Promise<void>;
  /** `key` is of a length that keys have; none for `list`. Rejects unless it listens. */
  keys(operation: KeyOperation, key?: Uint8Array): Promise<KeyReport>;
  /** Says it of this host to all, now or as soon as it listens. Throws a RangeError for one that is too long, or too much. */
  put(kind: string, key: string, payload: Uint8Array): void;
  remove(kind: string, key: string): void;
  /** What all hosts say, this one among them. */
  records(kind: string): Iterable<RecordView>;
  /** Says it once to every member, this one too. Throws a RangeError when it is too long. */
  sayOnce(name: string, payload: Uint8Array): void;
  /**
   * Asks every host of weft; resolves with who said what when all of `expected` have answered, or the time is over.
   * Rejects with a RangeError when the question is too long.
   */
  ask(
    name: string,
    expected: readonly string[],
    question?: Uint8Array,
  ): Promise<ReadonlyMap<string, Uint8Array>>;
  /** A datagram of `length` bytes that a member answers to where it came from; undefined if none is so short. */
  ping(number: number, length: number): Uint8Array | undefined;
  /** Tells the number of the ping that the datagram answers, if it does. What is gossiped beside is heard. */
  answer(datagram: Uint8Array, from: SocketAddress, answered: (number: number) => void): void;
  /** Goes without a word to the others, who will find it gone unless it is soon back; or with one, for good. */
  close(options?: { readonly leave: boolean }): Promise<void>;
}

export interface OpenOptions {
  readonly name: string;
  readonly place: Place;
  /** HOST or HOST:PORT: tried until one takes us in. */
  readonly join: readonly string[];
  readonly tags: ReadonlyMap<string, string>;
  readonly keyFile?: string;
  /** Whom it knew is kept here. */
  readonly snapshotFile: string;
  /** More places where members may be, asked when somebody is looked for. */
  readonly seeds: () => readonly SocketAddress[];
  /** It listens. Once. */
  readonly listening: () => void;
  readonly changed: (change: MemberChange) => void;
  readonly recorded: (change: RecordChange) => void;
  /** What a member has said to all. */
  readonly heard: (name: string, payload: Uint8Array) => void;
  /** The answer to a question to all, within 2 s; undefined: none. */
  readonly asked: (name: string, question: Uint8Array) => Promise<Uint8Array | undefined>;
  /** All that is wrong now. */
  readonly troubled: (problems: readonly GossipProblem[]) => void;
  /** To be logged once. */
  readonly warn: (sentence: string) => void;
}

/** The member listens as soon as it can. Throws an Error of one sentence when its settings cannot be. */
export type OpenMember = (options: OpenOptions) => GossipMember;
