/** A WeftError on its way through gRPC: the status carries the sentence, the trailing metadata its code and fix. */
import { Metadata } from '@grpc/grpc-js';
import { ERROR_CODES, isWeftError } from './errors.ts';
import { CODE_KEY, faultOf, FIX_KEY } from './rpc-end.ts';

export interface RpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** What the server answers. Anything but a WeftError is a fault of ours: WEFT_INTERNAL. */
export function toRpcStatus(thrown: unknown): RpcStatus {
  const error = isWeftError(thrown) ? thrown : faultOf(thrown);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, error.code);
  if (error.fix !== undefined) metadata.set(FIX_KEY, encodeURIComponent(wellFormed(error.fix)));
  return { code: ERROR_CODES[error.code], details: wellFormed(error.message), metadata };
}

/** encodeURI, which gRPC passes it through, throws on half a surrogate pair. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
