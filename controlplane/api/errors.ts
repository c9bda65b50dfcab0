/**
 * Errors that users see. A code never changes its meaning; docs/control-api.md lists them all.
 * Nothing here needs gRPC, so that `weft` can speak of a missing daemon without loading it.
 */

/** Each code, with the gRPC status it travels under (google.rpc.Code). */
export const ERROR_CODES = {
  /** A flag, an argument or a request that cannot be meant. */
  WEFT_USAGE: 3,
  /** The daemon did not finish in time. */
  WEFT_TIMEOUT: 4,
  /** Nothing has the name that was asked for. */
  WEFT_NOT_FOUND: 5,
  /** The endpoint, the namespace's place in the network, or the address is somebody's already. */
  WEFT_TAKEN: 6,
  /** The socket's permissions keep us out. */
  WEFT_FORBIDDEN: 7,
  /** More watchers than the daemon serves at once. */
  WEFT_BUSY: 8,
  /** No address is free, or there are as many endpoints as a host may have. */
  WEFT_FULL: 8,
  /** The watcher read so slowly that the daemon gave it up. */
  WEFT_SLOW_READER: 8,
  /** Another daemon listens on the socket. */
  WEFT_SOCKET_IN_USE: 9,
  /** The socket's path cannot be used. */
  WEFT_SOCKET_PATH: 9,
  /** Gossip is switched off on this host. */
  WEFT_GOSSIP_OFF: 9,
  /** DNS is switched off on this host. */
  WEFT_DNS_OFF: 9,
  /** Gossip is not encrypted: there are no keys. */
  WEFT_GOSSIP_PLAIN: 9,
  /** This host has no subnet yet. */
  WEFT_NOT_READY: 9,
  /** There are endpoints in the network. */
  WEFT_NETWORK_IN_USE: 9,
  /** The kernel, or a file, refused; nothing was changed. */
  WEFT_FAILED: 9,
  /** Not every member did what was asked. */
  WEFT_MEMBERS_FAILED: 9,
  /** This host keeps its WireGuard key, and nothing was changed. */
  WEFT_ROTATION_REFUSED: 9,
  /** A change of this host's WireGuard key was begun and taken back. */
  WEFT_ROTATION_GIVEN_UP: 9,
  /** The daemon is older than the command and does not know the request. */
  WEFT_UNKNOWN_REQUEST: 12,
  /** A fault in the daemon. */
  WEFT_INTERNAL: 13,
  /** No daemon answers on the socket. */
  WEFT_UNREACHABLE: 14,
  /** etcd does not answer, or refuses; what was asked may or may not be done. */
  WEFT_ETCD: 14,
  /** Gossip does not run at the moment. */
  WEFT_GOSSIP_DOWN: 14,
  /** The daemon ended while it was answering. */
  WEFT_STOPPED: 14,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails {
  /** What to do about it: an imperative, no capital, no full stop. */
  readonly fix?: string;
  readonly cause?: unknown;
}

export class WeftError extends Error {
  override readonly name = 'WeftError';
  readonly code: ErrorCode;
  readonly fix: string | undefined;

  /** `message`: one sentence, no full stop. */
  constructor(code: ErrorCode, message: string, { fix, cause }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.fix = fix;
  }

  /** What is wrong and what to do, on one line. */
  get sentence(): string {
    return this.fix === undefined ? this.message : `${this.message}: ${this.fix}`;
  }
}

/** By name: the command `weft` is built as two bundles, and each has this class. */
export function isWeftError(thrown: unknown): thrown is WeftError {
  return thrown instanceof Error && thrown.name === 'WeftError';
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

/** What any thrown thing says, without a stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
