/**
 * gRPC calls to an etcd of several endpoints: a channel each, one in use, the next when it does not answer;
 * every unary call has a deadline, a dead connection is noticed within 7 s, and the user's token goes along.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import {
  Client,
  credentials,
  Metadata,
  status,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { EtcdError, etcdErrorFrom, isEndpointFault, isTokenRefused } from './errors.ts';
import { AUTHENTICATE, type Method } from './methods.ts';

export interface EtcdOptions {
  /** `http://host:port` or `https://host:port`; at least one. */
  readonly endpoints: readonly string[];
  /** File names. The pair is both or none. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly username?: string;
  readonly password?: string;
}

/** A put or get takes a millisecond; three seconds is a server in trouble. */
const DEADLINE_MS = 3_000;
/** Largest answer taken: ten thousand leases are 3 MB. A larger one fails as RESOURCE_EXHAUSTED. */
const RECEIVE_LIMIT = 64 * 1024 * 1024;

const CHANNEL: ChannelOptions = {
  // etcd closes a connection that pings more often than each 5 s, or without a call (--grpc-keepalive-min-time).
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 1_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 5_000,
  'grpc.max_receive_message_length': RECEIVE_LIMIT,
  'grpc.enable_channelz': 0,
  'grpc.enable_retries': 0,
};

export class EtcdTransport {
  readonly #options: EtcdOptions;
  readonly #clients: readonly Client[];
  #current = 0;
  #token: string | undefined;

  /** Throws an EtcdError when an endpoint or a certificate file makes no sense. */
  constructor(options: EtcdOptions) {
    this.#options = options;
    const security = securityFrom(options);
    this.#clients = options.endpoints.map((endpoint) => {
      const url = parseEndpoint(endpoint);
      const secure = url.protocol === 'https:';
      return new Client(url.host, secure ? security() : credentials.createInsecure(), CHANNEL);
    });
  }

  /**
   * A call whose repetition does no harm is tried at every endpoint before it fails; any other at one, as it
   * may have been carried out though the answer was lost. Rejects with an EtcdError.
   */
  async call<Q, A>(
    method: Method<Q, A>,
    request: Q,
    { idempotent, deadlineMs = DEADLINE_MS }: { idempotent: boolean; deadlineMs?: number },
  ): Promise<A> {
    let tokenWasRefused = false;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#unary(method, request, await this.#metadata(), deadlineMs);
      } catch (cause) {
        const error = cause as ServiceError;
        if (this.#noteToken(error) && !tokenWasRefused) tokenWasRefused = true;
        else if (!this.#noteFault(error) || !idempotent || tries >= this.#clients.length)
          throw this.#explain(error);
      }
    }
  }

  /** An open stream; its errors are to be handed to `failed`. Requires that etcd has a leader. */
  async open<Q, A>(method: Method<Q, A>, deadlineMs?: number): Promise<ClientDuplexStream<Q, A>> {
    let metadata: Metadata;
    try {
      metadata = await this.#metadata();
    } catch (cause) {
      throw this.failed(cause);
    }
    metadata.set('hasleader', 'true');
    const stream = this.#client().makeBidiStreamRequest(
      method.path,
      method.encode,
      method.decode,
      metadata,
      deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
    );
    // Whoever reads the stream gets its error; after the last reader has left, a late one interests nobody.
    stream.on('error', () => undefined);
    return stream;
  }

  /** What a stream's error means; the next call goes to the next endpoint, or with a new token, as it asks. */
  failed(cause: unknown): EtcdError {
    if (cause instanceof EtcdError) {
      // A watch is told no more than that when its token is not known; and see #noteFault.
      if (cause.code === 'ETCD_PERMISSION' || cause.code === 'ETCD_UNREACHABLE')
        this.#token = undefined;
      return cause;
    }
    const error = cause as ServiceError;
    this.#noteToken(error);
    this.#noteFault(error);
    return this.#explain(error);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  #client(): Client {
    const client = this.#clients[this.#current];
    if (client === undefined) throw new EtcdError('ETCD_UNREACHABLE', 'no etcd endpoint is given');
    return client;
  }

  #noteToken(error: ServiceError): boolean {
    const refused = this.#token !== undefined && isTokenRefused(error);
    if (refused) this.#token = undefined;
    return refused;
  }

  /**
   * etcd lets a call wait whose token is from a raft index it has not reached, which after the loss of its last
   * writes it may never do: a call that got no answer costs its token too.
   */
  #noteFault(error: ServiceError): boolean {
    const fault = isEndpointFault(error);
    if (fault) this.#current = (this.#current + 1) % this.#clients.length;
    if (error.code === status.DEADLINE_EXCEEDED) this.#token = undefined;
    return fault;
  }

  #explain(error: unknown): EtcdError {
    if (error instanceof EtcdError) return error;
    return etcdErrorFrom(error as ServiceError, this.#options);
  }

  async #metadata(): Promise<Metadata> {
    const metadata = new Metadata();
    const { username, password } = this.#options;
    if (username === undefined || username === '') return metadata;
    this.#token ??= await this.#authenticate(username, password ?? '');
    if (this.#token !== '') metadata.set('token', this.#token);
    return metadata;
  }

  /** The empty token when etcd has authentication turned off: then none is needed. */
  async #authenticate(name: string, password: string): Promise<string> {
    try {
      const request = { name, password };
      return (await this.#unary(AUTHENTICATE, request, new Metadata(), DEADLINE_MS)).token;
    } catch (cause) {
      if ((cause as ServiceError).code === status.FAILED_PRECONDITION) return '';
      throw cause;
    }
  }

  #unary<Q, A>(
    { path, encode, decode }: Method<Q, A>,
    request: Q,
    metadata: Metadata,
    deadlineMs: number,
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + deadlineMs };
      this.#client().makeUnaryRequest(
        path,
        encode,
        decode,
        request,
        metadata,
        options,
        (error, answer) =>
          answer === undefined ? reject(error ?? new Error('no answer')) : resolve(answer),
      );
    });
  }
}

function parseEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.port === '')
    throw new EtcdError(
      'ETCD_UNREACHABLE',
      `"${endpoint}" is not an etcd endpoint; give one like http://127.0.0.1:2379 in --etcd-endpoints`,
    );
  return url;
}

/** Where Linux distributions keep the system's roots; Node brings roots of its own where this is missing. */
const SYSTEM_ROOTS = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Reads the files at once, so that a wrong name is told at start. flanneld honours a CA only together with a
 * client pair; we honour a CA alone too, as that is what who gives one means.
 */
function securityFrom({ caFile, certFile, keyFile }: EtcdOptions): () => ChannelCredentials {
  const roots = existsSync(SYSTEM_ROOTS) ? SYSTEM_ROOTS : undefined;
  const parts = {
    ca: pem(caFile, '--etcd-cafile', certificateIn),
    key: pem(keyFile, '--etcd-keyfile', createPrivateKey),
    cert: pem(certFile, '--etcd-certfile', certificateIn),
  };
  if ((parts.key === null) !== (parts.cert === null))
    throw new EtcdError('ETCD_TLS', 'give both --etcd-certfile and --etcd-keyfile, or neither');
  return () => {
    try {
      const ca = parts.ca ?? (roots === undefined ? null : readFileSync(roots));
      return credentials.createSsl(ca, parts.key, parts.cert);
    } catch {
      throw new EtcdError(
        'ETCD_TLS',
        `the certificate in ${certFile} does not belong to the key in ${keyFile}; give a pair in --etcd-certfile and --etcd-keyfile`,
      );
    }
  };
}

/** The content of the file, once `parse` has taken it; null when none is named. */
function pem(
  file: string | undefined,
  flag: string,
  parse: (content: Buffer) => unknown,
): Buffer | null {
  if (!file) return null;
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'it does not exist' : code;
    throw new EtcdError('ETCD_TLS', `${file} cannot be read: ${why}; correct ${flag}`);
  }
  try {
    parse(content);
    return content;
  } catch {
    throw new EtcdError('ETCD_TLS', `${file} is not what ${flag} needs, in PEM; correct ${flag}`);
  }
}

/** Of a file with several the first one. Without this a file that holds none would count as an empty list of CAs. */
function certificateIn(content: Buffer): unknown {
  return new X509Certificate(content);
}
