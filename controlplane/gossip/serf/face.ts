/** What the Serf layer and whoever uses it exchange. All times are in ms awake, as `Timers.now` has them. */
import type { Keyring, Reason, Tags } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Member } from '../swim/index.ts';

/** `leaving`: said that it will, and is still here. `left`: said so and went. `failed`: vanished. */
export type MemberStatus = 'alive' | 'leaving' | 'left' | 'failed';

/** A member at one moment. */
export interface SerfMemberView extends Endpoint {
  readonly name: string;
  readonly tags: Tags;
  readonly status: MemberStatus;
  /** When it came into this status. */
  readonly since: number;
  /** PMin, PMax, PCur, DMin, DMax, DCur. */
  readonly vsn: Uint8Array;
  readonly incarnation: number;
  /** Round trip from us as the coordinates estimate it, in ms; undefined while nothing is known, and of ourselves. */
  readonly rtt: number | undefined;
}

/** `join` also back from failed or left; `reap`: forgotten after failed or left for long. */
export type MemberChange = 'join' | 'leaving' | 'leave' | 'failed' | 'update' | 'reap';

export type SerfEvent =
  | { readonly kind: 'member'; readonly change: MemberChange; readonly member: SerfMemberView }
  | UserEvent
  | IncomingQuery
  /** The keys are others now: keep them. */
  | { readonly kind: 'keyring'; readonly keyring: Keyring }
  | NameConflict;

/** Each is told once, our own too. */
export interface UserEvent {
  readonly kind: 'event';
  readonly lTime: bigint;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Whether events of one name, close together, may count as one. */
  readonly coalesce: boolean;
}

/** A query that is meant for us; each is told once, our own too. Serf's internal ones are answered here. */
export interface IncomingQuery {
  readonly kind: 'query';
  readonly lTime: bigint;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Who asks. */
  readonly from: string;
  /** No answer is wanted after this. */
  readonly deadline: number;
  /** To be called once at most, before the deadline; calls beyond that do nothing. Throws a RangeError for an answer too long. */
  readonly respond: (payload: Uint8Array) => void;
}

/** Somebody else uses a name. Told at most once a minute for each name. */
export interface NameConflict {
  readonly kind: 'conflict';
  readonly name: string;
  /** Where the other one is. */
  readonly other: Endpoint;
  /** Of our own name, how the members voted; undefined for another's name. */
  readonly vote:
    | { readonly ours: number; readonly votes: number; readonly lost: boolean }
    | undefined;
}

/** What weft's members say to each other beside Serf's messages. */
export interface Extension {
  /** First byte of its user messages. */
  readonly type: number;
  user(payload: Uint8Array): void;
  /** For a member with the tag `weft` only. As Delegate.broadcasts. */
  broadcasts(room: number, to: Member): readonly Uint8Array[];
  memberChanged(view: SerfMemberView, change: MemberChange): void;
}

export interface QueryOptions {
  readonly payload?: Uint8Array;
  /** Only these members; all if not given. */
  readonly nodes?: readonly string[];
  /** Only members whose tag is matched by the regular expression (RE2's syntax, anywhere in the value). */
  readonly tags?: ReadonlyMap<string, string>;
  /** Whether each member that is meant acknowledges. */
  readonly ack?: boolean;
  /** Over how many other members each answer comes as well. */
  readonly relays?: number;
  /** In ms; by default long enough for the gossip to reach all. */
  readonly timeout?: number;
}

/** Each member is told once. */
export interface QueryHandlers {
  acked?(from: string): void;
  answered?(from: string, payload: Uint8Array): void;
  /** At the timeout, or after `close`. */
  done?(): void;
}

export interface RunningQuery {
  readonly deadline: number;
  /** Enough answers. */
  close(): void;
}

export type KeyOperation = 'install' | 'use' | 'remove' | 'list';

export interface KeyAnswer {
  readonly name: string;
  readonly ok: boolean;
  /** Why not; or a remark. */
  readonly message: string;
  /** In base64, of `list`; of a long ring only the first, which the message says. */
  readonly keys: readonly string[];
  readonly primary: string;
}

export interface KeyResult {
  /** Of every member that answered. */
  readonly answers: readonly KeyAnswer[];
  /** Alive when it ended, without an answer. */
  readonly silent: readonly string[];
  /** Every answer ok, and nobody silent. */
  readonly ok: boolean;
}

export interface JoinResult {
  /** How many endpoints took us in. */
  readonly joined: number;
  readonly problems: readonly { readonly to: Endpoint; readonly problem: string }[];
}

/** Plain numbers, for metrics. They only grow, but for `queued` and `members`. */
export interface SerfCounts {
  readonly events: number;
  readonly queries: number;
  readonly reconnects: number;
  readonly coordinateResets: number;
  readonly refused: Readonly<Partial<Record<Reason, number>>>;
  readonly queued: number;
}
