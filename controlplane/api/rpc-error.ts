/** A WeftError on its way through gRPC: the status carries the sentence, the trailing metadata its code and fix. */
import { Metadata, status as Code, type ServiceError } from '@grpc/grpc-js';
import {
  ERROR_CODES,
  isErrorCode,
  isWeftError,
  messageOf,
  WeftError,
  type ErrorCode,
} from './errors.ts';

const CODE_KEY = 'weft-code';
const FIX_KEY = 'weft-fix';

export interface RpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** What the server answers. Anything but a WeftError is a fault of ours: WEFT_INTERNAL. */
export function toRpcStatus(thrown: unknown): RpcStatus {
  const error = isWeftError(thrown) ? thrown : internal(thrown);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, error.code);
  if (error.fix !== undefined) metadata.set(FIX_KEY, encodeURIComponent(wellFormed(error.fix)));
  return { code: ERROR_CODES[error.code], details: wellFormed(error.message), metadata };
}

/** What the client throws; `socketPath` for the sentence. */
export function fromRpcError(thrown: unknown, socketPath: string): WeftError {
  if (isWeftError(thrown)) return thrown;
  if (!isServiceError(thrown)) return internal(thrown);
  const code = String(thrown.metadata.get(CODE_KEY)[0] ?? '');
  if (!isErrorCode(code)) return fromBareStatus(thrown, socketPath);
  const fix = String(thrown.metadata.get(FIX_KEY)[0] ?? '');
  return new WeftError(code, thrown.details, fix === '' ? {} : { fix: decodeURIComponent(fix) });
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
  [Code.CANCELLED]: STOPPED,
  [Code.UNAVAILABLE]: STOPPED,
  [Code.DEADLINE_EXCEEDED]: { code: 'WEFT_TIMEOUT', says: 'did not answer in time', fix: SEE_LOG },
  [Code.UNIMPLEMENTED]: {
    code: 'WEFT_UNKNOWN_REQUEST',
    says: 'does not know this request',
    fix: 'it is older than the command weft: restart it with systemctl restart weftd',
  },
};

function fromBareStatus(error: ServiceError, socketPath: string): WeftError {
  const bare = BARE[error.code];
  if (bare === undefined) return internal(error);
  const { code, says, fix } = bare;
  return new WeftError(code, `weftd on ${socketPath} ${says}`, { fix, cause: error });
}

function internal(cause: unknown): WeftError {
  return new WeftError('WEFT_INTERNAL', `weftd failed at this request (${messageOf(cause)})`, {
    fix: 'please report it, with the log from journalctl -u weftd',
    cause,
  });
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'metadata' in thrown && thrown.metadata instanceof Metadata;
}

/** encodeURI, which gRPC passes it through, throws on half a surrogate pair. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
