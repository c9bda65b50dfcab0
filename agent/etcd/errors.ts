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
  /** The revision to watch from is no longer kept, or, after a restore, not reached yet: list again. */
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

/** What Node, OpenSSL and grpc-js say when a connection fails, what that means, and what to do; the first that fits. */
const CONNECTION_FAULTS: readonly {
  readonly said: RegExp;
  readonly code: EtcdErrorCode;
  readonly what: string;
  readonly fix: string;
}[] = [
  {
    said: /\balert\b/i,
    code: 'ETCD_TLS',
    what: 'refuses the certificate of this host',
    fix: 'give in --etcd-certfile and --etcd-keyfile one that a CA of etcd (its --trusted-ca-file) has signed',
  },
  {
    said: /altname/i,
    code: 'ETCD_TLS',
    what: 'has a certificate for other names',
    fix: 'name it in --etcd-endpoints as its certificate does',
  },
  {
    said: /certificate|self-signed|issuer/i,
    code: 'ETCD_TLS',
    what: 'has a certificate that this host does not trust',
    fix: 'give the CA that has signed it in --etcd-cafile',
  },
  {
    said: /\bTLS|\bSSL|EPROTO|ECONNRESET/i,
    code: 'ETCD_TLS',
    what: 'makes no TLS connection',
    fix: 'check whether it serves https, or begin its --etcd-endpoints with http://',
  },
];

export function etcdErrorFrom(cause: ServiceError, context: Context): EtcdError {
  const [code, message] = explain(cause, context);
  return new EtcdError(code, message, { cause });
}

function explain({ code, details }: ServiceError, context: Context): [EtcdErrorCode, string] {
  const where = context.endpoints.join(', ');
  if (isEndpointFault({ code } as ServiceError)) {
    const said = lastErrorIn(details);
    const isSecure = context.endpoints.some((endpoint) => endpoint.startsWith('https:'));
    const fault = isSecure ? CONNECTION_FAULTS.find((known) => known.said.test(said)) : undefined;
    if (fault !== undefined)
      return [fault.code, `etcd at ${where} ${fault.what} (${said}); ${fault.fix}`];
    return [
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

/**
 * grpc-js wraps the cause: `No connection established. Last error: …. Resolution note: …`, and so does OpenSSL:
 * `80BC…:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:…:SSL alert number 42`.
 */
function lastErrorIn(details: string): string {
  const last =
    /Last error: (?:Error: )?(.*?)(?:\.? Resolution note:.*)?$/s.exec(details)?.[1] ?? details;
  const [line = ''] = last.split('\n');
  const reason = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(line)?.[1] ?? line;
  // A connection that was closed at once has no reason but the time.
  return reason.replace(/ \(\d{4}-[^)]*Z\)/, '').replace(/\.$/, '');
}
