/** What `weft` exits with. */
import type { ErrorCode } from '../controlplane/api/errors.ts';

export const EXIT = { ok: 0, failure: 1, usage: 2, unreachable: 3 } as const;

export function exitCodeOf(code: ErrorCode): number {
  switch (code) {
    case 'WEFT_USAGE':
      return EXIT.usage;
    case 'WEFT_UNREACHABLE':
    case 'WEFT_FORBIDDEN':
    case 'WEFT_TIMEOUT':
    case 'WEFT_STOPPED':
      return EXIT.unreachable;
    case 'WEFT_BUSY':
    case 'WEFT_SLOW_READER':
    case 'WEFT_SOCKET_IN_USE':
    case 'WEFT_SOCKET_PATH':
    case 'WEFT_UNKNOWN_REQUEST':
    case 'WEFT_INTERNAL':
      return EXIT.failure;
  }
}
