/** Health, readiness and metrics over plain HTTP, for probes and Prometheus. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HealthParts {
  /** Why this host is not ready yet; undefined once it is. */
  readonly notReady: () => string | undefined;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

export interface HealthServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** The address or port cannot be listened on: one sentence that says what to do. */
export class HealthServerError extends Error {
  override readonly name = 'HealthServerError';
  /** An errno's name. */
  readonly code: string;

  constructor(address: string, port: number, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? 'EIO';
    const place = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    super(`health and metrics cannot listen on ${place}: ${REASONS[code] ?? code}`, { cause });
    this.code = code;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program does; choose another --healthz-port, or 0 for none',
  EADDRNOTAVAIL: 'this host has no such address; correct --healthz-ip',
  EACCES: 'permission is denied; choose a --healthz-port of 1024 or more, or run weftd as root',
  EAFNOSUPPORT: 'this host has no such address family; correct --healthz-ip',
};

/** In ms. A probe is done in a few; whoever is slower is cut off. */
const REQUEST_TIMEOUT = 10_000;
const KEEP_ALIVE_TIMEOUT = 5000;
/** Probes and scrapers at one time; the next one is refused. */
const MOST_CONNECTIONS = 64;
const HEADER_BYTES = 8192;

/** Port 0 takes any free one. Rejects with HealthServerError. */
export async function startHealthServer(
  address: string,
  port: number,
  parts: HealthParts,
): Promise<HealthServer> {
  const server = createServer(
    {
      headersTimeout: REQUEST_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
      maxHeaderSize: HEADER_BYTES,
    },
    (request, response) => {
      void answer(request, parts).then((reply) => send(request, response, reply));
    },
  );
  server.timeout = REQUEST_TIMEOUT;
  server.maxConnections = MOST_CONNECTIONS;
  await listen(server, address, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => close(server),
  };
}

function listen(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      reject(new HealthServerError(address, port, cause));
    };
    server.once('error', fail);
    server.listen({ host: address, port }, () => {
      server.off('error', fail);
      // A connection that cannot be accepted is the prober's loss; it must not end the daemon.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

async function answer({ method, url = '' }: IncomingMessage, parts: HealthParts): Promise<Reply> {
  const [path = ''] = url.split('?');
  const page = PAGES.get(path);
  if (page === undefined) return { status: 404, body: 'there is /healthz, /readyz and /metrics' };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'only GET' };
  try {
    return await page(parts);
  } catch {
    return { status: 500, body: 'the answer could not be made' };
  }
}

type Page = (parts: HealthParts) => Reply | Promise<Reply>;

const PAGES: ReadonlyMap<string, Page> = new Map<string, Page>([
  ['/healthz', () => ({ status: 200, body: 'weftd is running' })],
  ['/readyz', readiness],
  ['/metrics', scrape],
]);

async function scrape({ metrics }: HealthParts): Promise<Reply> {
  return { status: 200, body: await metrics.text(), type: metrics.contentType };
}

function readiness({ notReady }: HealthParts): Reply {
  const reason = notReady();
  if (reason === undefined) return { status: 200, body: 'weftd is ready' };
  return { status: 503, body: `weftd is not ready yet: ${reason}` };
}

function send({ method }: IncomingMessage, response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, {
    'Content-Type': reply.type ?? 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(reply.body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(reply.status === 405 ? { Allow: 'GET, HEAD' } : {}),
  });
  response.end(method === 'HEAD' ? undefined : reply.body);
}
