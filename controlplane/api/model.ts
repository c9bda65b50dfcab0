/**
 * What the control API tells, as plain values: the messages of proto/weft/v1/control.proto, whose comments
 * say what each field means. As JSON this is what `weft --json` prints; names and meanings are stable.
 */

export interface Status {
  readonly nodeId: string;
  readonly version: string;
  readonly hostname: string;
  readonly runningSince: Date;
  readonly ready: boolean;
  /** One sentence; absent when ready. */
  readonly notReadyReason?: string;
  /** The oldest first, at most PROBLEM_LIMIT. */
  readonly problems: readonly Problem[];
  /** All there are, with those that `problems` has no room for. */
  readonly problemCount: number;
  /** Absent until the network configuration was read. */
  readonly network?: Network;
  /** Absent until the underlay's link was found. */
  readonly underlay?: Underlay;
  readonly lease: OwnLease;
  /** Absent until there is a lease. */
  readonly backend?: Backend;
  /** Other hosts whose leases are in force. */
  readonly peers: number;
  readonly etcd: Etcd;
  readonly counters: Counters;
  /** Absent when it is switched off. */
  readonly gossip?: Gossip;
}

/** Problems told in one status. */
export const PROBLEM_LIMIT = 100;

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly since: Date;
  /** Absent: the whole host. */
  readonly subject?: string;
}

export interface Network {
  readonly etcdPrefix: string;
  readonly ranges: readonly SubnetRange[];
  readonly backendType: string;
}

export interface SubnetRange {
  readonly network: string;
  /** Bits. */
  readonly subnetLength: number;
  readonly first: string;
  readonly last: string;
}

export interface Underlay {
  readonly link: string;
  /** Bytes. */
  readonly mtu: number;
  readonly publicAddresses: readonly string[];
}

export type LeaseState = 'acquiring' | 'held' | 'doubtful' | 'reserved';

export interface OwnLease {
  readonly state: LeaseState;
  readonly subnets: readonly string[];
  /** Absent without a lease, and when reserved. */
  readonly expires?: Date;
}

export interface Backend {
  readonly type: string;
  readonly devices: readonly string[];
  /** Bytes. */
  readonly mtu: number;
}

export interface Etcd {
  readonly connected: boolean;
  /** Absent while connected. */
  readonly unreachableSince?: Date;
  readonly lastError?: string;
  readonly endpoints: readonly string[];
  /** Absent before the first list. */
  readonly lastSync?: Date;
}

export interface Gossip {
  readonly name: string;
  /** Absent while it does not run. */
  readonly address?: string;
  /** Members by status, this one included. */
  readonly alive: number;
  readonly failed: number;
  readonly left: number;
  readonly encrypted: boolean;
}

/** Since weftd started. */
export interface Counters {
  readonly repairs: number;
  readonly refused: number;
}

export interface Lease {
  /** The part of its etcd key below `subnets/`; no two leases share one. */
  readonly key: string;
  /** Empty if the key could not be read. */
  readonly subnets: readonly string[];
  readonly publicAddresses: readonly string[];
  readonly backendType?: string;
  readonly node?: string;
  readonly mine: boolean;
  readonly inForce: boolean;
  /** One sentence; absent when in force. */
  readonly refusal?: string;
  readonly reserved: boolean;
  /** Own lease only. */
  readonly expires?: Date;
}

export type LeaseChange =
  /** New, or changed. */
  | { readonly type: 'present'; readonly lease: Lease }
  | { readonly type: 'removed'; readonly key: string };

/** What a watcher of leases is told: a `present` for each lease there is, one `complete`, then changes. */
export type LeaseEvent = LeaseChange | { readonly type: 'complete' };

export type MemberStatus = 'alive' | 'leaving' | 'left' | 'failed';

export interface Member {
  readonly name: string;
  /** ADDRESS:PORT */
  readonly address: string;
  readonly status: MemberStatus;
  readonly tags: Readonly<Record<string, string>>;
  /** An estimate; absent until there is one. */
  readonly roundTripMs?: number;
  readonly since: Date;
  readonly mine: boolean;
}

export type MemberChange =
  /** New, or with another status, address or tags. */
  | { readonly type: 'present'; readonly member: Member }
  | { readonly type: 'removed'; readonly name: string };

/** What a watcher of members is told: a `present` for each member there is, one `complete`, then changes. */
export type MemberEvent = MemberChange | { readonly type: 'complete' };

/** Another host with a lease, and the way there. */
export interface Peer {
  /** Of its lease. */
  readonly key: string;
  /** Empty if the key could not be read. */
  readonly subnets: readonly string[];
  /** Its name as a member of the gossip; absent when no member is where its lease says. */
  readonly host?: string;
  readonly node?: string;
  /** By which it is reached now; absent when by none. */
  readonly backend?: string;
  /** Why this backend, where a backend chooses for each peer. */
  readonly reason?: string;
  /** Where its packets go: ADDRESS, with the port where the backend has one. */
  readonly endpoint?: string;
  /** WireGuard only, as are the bytes. */
  readonly lastHandshake?: Date;
  readonly receivedBytes?: number;
  readonly sentBytes?: number;
  /** Largest packet of the underlay that gets there whole, in bytes. */
  readonly pathMtu?: number;
  /** Why that is not known. */
  readonly pathUnknown?: string;
  /** Largest packet that a workload may send there, in bytes. */
  readonly mtu?: number;
  /** Over the tunnel. */
  readonly roundTripMs?: number;
  /** A sentence each; empty: it is reached as it should be. */
  readonly problems: readonly string[];
}

export type PeerChange =
  /** New, or different in more than a handshake, bytes or the round trip. */
  | { readonly type: 'present'; readonly peer: Peer }
  | { readonly type: 'removed'; readonly key: string };

/** What a watcher of peers is told: a `present` for each peer there is, one `complete`, then changes. */
export type PeerEvent = PeerChange | { readonly type: 'complete' };

export const KEY_ACTIONS = ['install', 'use', 'remove'] as const;
export type KeyAction = (typeof KEY_ACTIONS)[number];

/** What the members said to a question about keys. */
export interface KeyReport {
  /** Every key that somebody has; empty unless they were asked for. */
  readonly keys: readonly Key[];
  /** Of every member that was asked. */
  readonly answers: readonly KeyAnswer[];
}

export interface Key {
  /** Base64. */
  readonly key: string;
  /** How many have it. */
  readonly members: number;
  /** How many encrypt with it. */
  readonly primary: number;
}

export interface KeyAnswer {
  readonly member: string;
  readonly ok: boolean;
  /** Why not, or a remark. */
  readonly message?: string;
}

export interface RotationStep {
  /** `turn`, `out`, `back`, `done`. */
  readonly step: string;
  /** One sentence. */
  readonly text: string;
  /** The new key; only with `done`. */
  readonly publicKey?: string;
}

export interface PlanResource {
  readonly kind: string;
  readonly key: string;
  readonly text: string;
}

export interface PlanOperation extends PlanResource {
  readonly action: 'create' | 'change' | 'remove';
}

export interface Plan {
  readonly desired: readonly PlanResource[];
  readonly actual: readonly PlanResource[];
  /** In the order in which they would be carried out. */
  readonly operations: readonly PlanOperation[];
}
