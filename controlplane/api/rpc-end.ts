/** How a call ended, for its caller. Needs no gRPC, only the numbers of its statuses (google.rpc.Code). Pure. */
import { isErrorCode, messageOf, WeftError, type ErrorCode } from './errors.ts';

/** Where an error of ours stands in the trailing metadata. */
export const CODE_KEY = 'weft-code';
export const FIX_KEY = 'weft-fix';

export interface RpcEnd {
  /** 0: well. */
  readonly code: number;
  readonly message: string;
  /** The code of ours and what to do, where it is an error of ours. */
  readonly weftCode?: string;
  readonly fix?: string;
}

const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

/** The connection ended before the call did. */
export const VANISHED: RpcEnd = { code: UNAVAILABLE, message: 'the connection ended' };
export const LATE: RpcEnd = { code: DEADLINE_EXCEEDED, message: 'the time was over' };

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** From trailers, or from headers of a call that has nothing else; undefined when they say nothing of an end. */
export function endOf(headers: Headers): RpcEnd | undefined {
  const status = headers['grpc-status'];
  if (status === undefined) return undefined;
  const weftCode = headers[CODE_KEY];
  const fix = headers[FIX_KEY];
  return {
    code: Number(status),
    message: decoded(headers['grpc-message']),
    ...(weftCode === undefined ? {} : { weftCode: String(weftCode) }),
    ...(fix === undefined ? {} : { fix: decoded(fix) }),
  };
}

/** Both are percent-encoded UTF-8. */
function decoded(text: string | readonly string[] | undefined): string {
  const encoded = String(text ?? '');
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

interface Bare {
  readonly code: ErrorCode;
  readonly says: string;
  readonly fix: string;
}

const SEE_LOG = 'see its log with journalctl -u weftd';
const STOPPED: Bare = {
  code: 'WEFT_STOPPED',
  says: 'stopped while it was answering',
  fix: SEE_LOG,
};

/** gRPC's own failures carry no code of ours. */
const BARE: Readonly<Partial<Record<number, Bare>>> = {
  [CANCELLED]: STOPPED,
  [UNAVAILABLE]: STOPPED,
  [DEADLINE_EXCEEDED]: { code: 'WEFT_TIMEOUT', says: 'did not answer in time', fix: SEE_LOG },
  [UNIMPLEMENTED]: {
    code: 'WEFT_UNKNOWN_REQUEST',
    says: 'does not know this request',
    fix: 'it is older than the command weft: restart it with systemctl restart weftd',
  },
};

/** What the caller throws; `socketPath` for the sentence. */
export function failureOf({ code, message, weftCode, fix }: RpcEnd, socketPath: string): WeftError {
  if (weftCode !== undefined && isErrorCode(weftCode))
    return new WeftError(weftCode, message, fix === undefined ? {} : { fix });
  const bare = BARE[code];
  if (bare === undefined) return faultOf(new Error(message));
  return new WeftError(bare.code, `weftd on ${socketPath} ${bare.says}`, {
    fix: bare.fix,
    cause: new Error(message),
  });
}

/** For what is nobody's error but ours. */
export function faultOf(cause: unknown): WeftError {
  return new WeftError('WEFT_INTERNAL', `weftd failed at this request (${messageOf(cause)})`, {
    fix: 'please report it, with the log from journalctl -u weftd',
    cause,
  });
}
