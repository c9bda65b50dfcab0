/** What can go wrong between us and etcd, each with a sentence that says what to do. */
import { status, type ServiceError } from '@grpc/grpc-js';

export type EtcdErrorCode =
  /** No endpoint answers in time. */
  | 'ETCD_UNREACHABLE'
  /** One side refuses the other's certificate. */
  | 'ETCD_TLS'
  /** User name or password refused, or missing. */
  | 'ETCD_AUTHENTICATION'
  /** The user may not do this. */
  | 'ETCD_PERMISSION'
  /** The revision to watch from is no longer kept: list again. */
  | 'ETCD_COMPACTED'
  | 'ETCD_LEASE_NOT_FOUND'
  /** Anything else etcd says. */
  | 'ETCD_REFUSED';

/** After an error, whatever its code, a write may or may not have landed: read before the next step. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly code: EtcdErrorCode;

  constructor(code: EtcdErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whom an error is about. */
export interface Context {
  readonly endpoints: readonly string[];
  readonly username?: string;
}

/** etcd's words for a token it no longer knows; the call was not carried out. */
export function isTokenRefused(error: ServiceError): boolean {
  return (
    error.code === status.UNAUTHENTICATED ||
    /invalid auth token|revision of auth store is old/.test(error.details)
  );
}

/** Whether another endpoint may do better. */
export function isEndpointFault(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED;
}

const TLS_WORDS = /certificate|\bTLS|\bSSL|tlsv1|EPROTO|self-signed|altname/i;

export function etcdErrorFrom(cause: ServiceError, context: Context): EtcdError {
  const [code, message] = explain(cause, context);
  return new EtcdError(code, message, { cause });
}

function explain({ code, details }: ServiceError, context: Context): [EtcdErrorCode, string] {
  const where = context.endpoints.join(', ');
  if (isEndpointFault({ code } as ServiceError)) {
    const said = lastErrorIn(details);
    return TLS_WORDS.test(said)
      ? [
          'ETCD_TLS',
          `no TLS connection to etcd at ${where} (${said}); check --etcd-cafile, --etcd-certfile and --etcd-keyfile`,
        ]
      : [
          'ETCD_UNREACHABLE',
          `etcd does not answer at ${where} (${said}); check that it runs, that --etcd-endpoints names it, and whether it wants https and a client certificate`,
        ];
  }
  if (code === status.PERMISSION_DENIED)
    return [
      'ETCD_PERMISSION',
      `etcd's user ${context.username ?? '(none)'} may not do this (${details}); grant it a role that may read and write the whole prefix`,
    ];
  if (code === status.UNAUTHENTICATED || /authentication failed|user name is empty/.test(details))
    return [
      'ETCD_AUTHENTICATION',
      `etcd at ${where} refuses the user (${details}); check --etcd-username and --etcd-password`,
    ];
  if (/requested lease not found/.test(details)) return ['ETCD_LEASE_NOT_FOUND', details];
  if (/required revision has been compacted/.test(details)) return ['ETCD_COMPACTED', details];
  return ['ETCD_REFUSED', `etcd at ${where} refuses: ${details}`];
}

/** grpc-js wraps the cause: `No connection established. Last error: …. Resolution note: …`. */
function lastErrorIn(details: string): string {
  const last =
    /Last error: (?:Error: )?(.*?)(?:\.? Resolution note:.*)?$/s.exec(details)?.[1] ?? details;
  return last.split('\n')[0]?.replace(/\.$/, '') ?? last;
}
