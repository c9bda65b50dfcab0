/** What the control API tells of the whole cluster, as plain values: the messages of proto/weft/v1/cluster.proto. */
import type { MemberStatus } from './model.ts';

/** What a host says of itself in a few words. */
export interface HostSummary {
  readonly version: string;
  readonly runningSince: Date;
  readonly ready: boolean;
  readonly problemCount: number;
  /** The oldest, or why it is not ready. */
  readonly problem?: string;
  readonly backend?: string;
  readonly subnets: readonly string[];
  readonly peers: number;
  readonly etcdConnected: boolean;
}

export interface ClusterHost {
  readonly name: string;
  /** ADDRESS:PORT */
  readonly address: string;
  /** As a member of the gossip. */
  readonly status: MemberStatus;
  readonly mine: boolean;
  /** Absent when it did not answer. */
  readonly summary?: HostSummary;
}

/** As this host sees it. */
export type SeenKind =
  | 'member-joined'
  | 'member-failed'
  | 'member-left'
  | 'lease-added'
  | 'lease-lost';

/** As a host says of itself, and all are told. */
export type ToldKind =
  | 'host-started'
  | 'host-ready'
  | 'backend-changed'
  | 'problem-begun'
  | 'problem-ended';

/** Something that happened. */
export interface ClusterEvent {
  /** No two have the same. */
  readonly id: string;
  readonly at: Date;
  /** A newer weftd may know more kinds. */
  readonly kind: SeenKind | ToldKind | (string & {});
  /** That it is about; absent when not known. */
  readonly host?: string;
  /** A lease's key, a problem's code, a backend. */
  readonly subject?: string;
  /** One sentence. */
  readonly text: string;
}

/** What a watcher of events is told: all that is remembered, one `complete`, then what happens. */
export type ClusterEventEvent =
  | { readonly type: 'present'; readonly event: ClusterEvent }
  | { readonly type: 'complete' };
