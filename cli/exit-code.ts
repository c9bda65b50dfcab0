/** What `weft` exits with. */
import type { ErrorCode } from '../controlplane/api/errors.ts';

export const EXIT = { ok: 0, failure: 1, usage: 2, unreachable: 3 } as const;

const CODES: Readonly<Record<ErrorCode, number>> = {
  WEFT_USAGE: EXIT.usage,
  WEFT_UNREACHABLE: EXIT.unreachable,
  WEFT_FORBIDDEN: EXIT.unreachable,
  WEFT_TIMEOUT: EXIT.unreachable,
  WEFT_STOPPED: EXIT.unreachable,
  WEFT_NOT_FOUND: EXIT.failure,
  WEFT_TAKEN: EXIT.failure,
  WEFT_FULL: EXIT.failure,
  WEFT_NOT_READY: EXIT.failure,
  WEFT_FAILED: EXIT.failure,
  WEFT_NETWORK_IN_USE: EXIT.failure,
  WEFT_ETCD: EXIT.failure,
  WEFT_BUSY: EXIT.failure,
  WEFT_SLOW_READER: EXIT.failure,
  WEFT_SOCKET_IN_USE: EXIT.failure,
  WEFT_SOCKET_PATH: EXIT.failure,
  WEFT_GOSSIP_OFF: EXIT.failure,
  WEFT_DNS_OFF: EXIT.failure,
  WEFT_GOSSIP_PLAIN: EXIT.failure,
  WEFT_GOSSIP_DOWN: EXIT.failure,
  WEFT_MEMBERS_FAILED: EXIT.failure,
  WEFT_ROTATION_REFUSED: EXIT.failure,
  WEFT_ROTATION_GIVEN_UP: EXIT.failure,
  WEFT_UNKNOWN_REQUEST: EXIT.failure,
  WEFT_INTERNAL: EXIT.failure,
};

export function exitCodeOf(code: ErrorCode): number {
  return CODES[code];
}
