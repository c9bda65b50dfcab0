/** The calls of etcd's API that weft makes, as grpc-js wants them. */
import { etcdserverpb as pb } from './generated/rpc.js';

export interface Method<Request, Response> {
  readonly path: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (bytes: Buffer) => Response;
}

interface Message<Properties, Decoded> {
  encode(message: Properties): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Decoded;
}

function method<Request, Response>(
  path: string,
  request: Message<Request, unknown>,
  response: Message<never, Response>,
): Method<Request, Response> {
  return {
    path: `/etcdserverpb.${path}`,
    encode: (message) => asBuffer(request.encode(message).finish()),
    decode: (bytes) => response.decode(bytes),
  };
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export const RANGE = method('KV/Range', pb.RangeRequest, pb.RangeResponse);
export const TXN = method('KV/Txn', pb.TxnRequest, pb.TxnResponse);
export const WATCH = method('Watch/Watch', pb.WatchRequest, pb.WatchResponse);
export const GRANT = method('Lease/LeaseGrant', pb.LeaseGrantRequest, pb.LeaseGrantResponse);
export const REVOKE = method('Lease/LeaseRevoke', pb.LeaseRevokeRequest, pb.LeaseRevokeResponse);
export const KEEP_ALIVE = method(
  'Lease/LeaseKeepAlive',
  pb.LeaseKeepAliveRequest,
  pb.LeaseKeepAliveResponse,
);
export const AUTHENTICATE = method(
  'Auth/Authenticate',
  pb.AuthenticateRequest,
  pb.AuthenticateResponse,
);
