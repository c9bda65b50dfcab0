/** What weftd and its DNS thread say to each other. Plain data, as it is copied. */
import type { Address } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import type { Endpoint, Name } from '../../controlplane/names/index.ts';

/** Where questions are taken, by UDP and TCP. */
export interface Listener {
  readonly address: Address;
  readonly port: number;
  /** Whose names are answered, the first one first; `all`: for this host itself. */
  readonly networks: readonly string[] | 'all';
  /** Who may ask; empty: anybody who gets there. */
  readonly from: readonly Prefix[];
  /** In the namespace of an endpoint, for it alone. */
  readonly inside?: Inside;
}

export type Aliases = ReadonlyMap<string, string>;

export interface Inside {
  /** Its id. */
  readonly endpoint: string;
  /** Who asks there, wherever a question seems to come from. */
  readonly asker: Address;
  readonly namespace: NamespacePlace;
}

/** A file that opens a network namespace, and the number by which it is known to be still the same one. */
export interface NamespacePlace {
  readonly path: string;
  readonly inode: number;
}

export interface Settings {
  readonly domain: string;
  /** In seconds. */
  readonly ttl: number;
  /** By network, where it has one of its own. */
  readonly ttlOf: ReadonlyMap<string, number>;
  /** All networks that there are, whoever is in them. */
  readonly networks: ReadonlySet<string>;
  /** Networks from which no question leaves this host. */
  readonly internal: readonly string[];
}

/** The last word of its owner; without a value: no more. */
export type NameChange =
  | {
      readonly kind: 'endpoint';
      readonly owner: string;
      readonly key: string;
      readonly value?: Endpoint;
    }
  | { readonly kind: 'name'; readonly owner: string; readonly key: string; readonly value?: Name }
  /** Its addresses; without: it is gone, and what it said counts no more. */
  | {
      readonly kind: 'host';
      readonly owner: string;
      readonly name: string;
      readonly value?: readonly Uint8Array[];
    };

export type ToThread =
  | { readonly type: 'settings'; readonly settings: Settings }
  /** Answered with `listening` of the same turn. */
  | { readonly type: 'listeners'; readonly turn: number; readonly listeners: readonly Listener[] }
  /** Networks of askers that are in several. */
  | { readonly type: 'members'; readonly members: ReadonlyMap<Address, readonly string[]> }
  /** Names that these askers alone have, for NAME or NAME.NETWORK. */
  | { readonly type: 'aliases'; readonly aliases: ReadonlyMap<Address, Aliases> }
  | { readonly type: 'upstreams'; readonly servers: readonly SocketAddress[] }
  | { readonly type: 'names'; readonly changes: readonly NameChange[] }
  /** A question of this host's own, as by TCP; answered with `found` of the same id. */
  | {
      readonly type: 'lookup';
      readonly id: number;
      readonly question: Uint8Array;
      readonly networks: readonly string[] | 'all';
      /** Others may be asked. */
      readonly forwards: boolean;
    };

/** Whole numbers that only grow, but the last three. */
export interface DnsCounts {
  readonly udp: number;
  readonly tcp: number;
  /** By what became of a question. */
  readonly own: number;
  readonly cached: number;
  readonly forwarded: number;
  /** No other server answered. */
  readonly failed: number;
  /** Not to be answered to who asked, or malformed. */
  readonly refused: number;
  /** Beyond an asker's share, or any other limit. */
  readonly dropped: number;
  /** Of our own making: caught, and answered with SERVFAIL. */
  readonly errors: number;
  /** Now: questions that others were asked, answers that are kept, connections. */
  readonly waiting: number;
  readonly kept: number;
  readonly connections: number;
}

/** One that cannot listen, and why, in one sentence. */
export interface DnsProblem {
  /** Its address and port, or the endpoint that it is inside of. */
  readonly subject: string;
  readonly message: string;
  /** Of the message, the cause alone. */
  readonly why: string;
}

export type FromThread =
  /** All that is wrong now. */
  | { readonly type: 'problems'; readonly problems: readonly DnsProblem[] }
  /** All listen that can; those that cannot were told before. */
  | { readonly type: 'listening'; readonly turn: number }
  /** At most once a second, when they are others. */
  | { readonly type: 'counts'; readonly counts: DnsCounts }
  /** Something went wrong, in one sentence; few of them. */
  | { readonly type: 'warning'; readonly sentence: string }
  | { readonly type: 'found'; readonly id: number; readonly answer: Uint8Array | undefined };
