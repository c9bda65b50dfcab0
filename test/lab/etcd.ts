/** A real etcd for tests and the lab: on a loopback port, or inside a network namespace, with its own data directory. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface EtcdOptions {
  /** Name under /run/netns; without it the namespace of this process. */
  readonly netns?: string;
  /** Client port; 0 or absent: a free one of this process's namespace. The peer port is always a free one or this + 1. */
  readonly port?: number;
  /** Where clients reach it: 127.0.0.1 unless told. Listens there only. */
  readonly host?: string;
  /** Made if missing; also holds `etcd.log`. The caller removes it. */
  readonly dataDir: string;
  /** Serves https with this pair and demands client certificates of this CA. */
  readonly clientCerts?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface Etcd {
  readonly endpoint: string;
  readonly pid: number;
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts again on the same data directory and ports; resolves when it serves. */
  restart(): Promise<void>;
}

const START_LIMIT_MS = 20_000;

/** Resolves when etcd serves clients; rejects with the end of its log when it does not within 20 s. */
export async function startEtcd(options: EtcdOptions): Promise<Etcd> {
  const host = options.host ?? '127.0.0.1';
  const port = options.port || (await freePort());
  const peerPort = options.netns === undefined ? await freePort() : port + 1;
  const scheme = options.clientCerts === undefined ? 'http' : 'https';
  const endpoint = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const args = etcdArguments(options, endpoint, `http://127.0.0.1:${peerPort}`);
  let child = await launch(options, args);

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGTERM') child.kill('SIGCONT');
    await gone;
  };
  return {
    endpoint,
    get pid() {
      return child.pid ?? 0;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGKILL');
      child = await launch(options, args);
    },
  };
}

function etcdArguments(options: EtcdOptions, endpoint: string, peer: string): string[] {
  const certs = options.clientCerts;
  const flags = {
    name: 'test',
    'data-dir': join(options.dataDir, 'data'),
    'listen-client-urls': endpoint,
    'advertise-client-urls': endpoint,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `test=${peer}`,
    logger: 'zap',
    'unsafe-no-fsync': 'true',
    ...(certs !== undefined && {
      'cert-file': certs.cert,
      'key-file': certs.key,
      'trusted-ca-file': certs.ca,
      'client-cert-auth': 'true',
    }),
  };
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

async function launch(options: EtcdOptions, args: readonly string[]): Promise<ChildProcess> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const logFile = join(options.dataDir, 'etcd.log');
  const log = openSync(logFile, 'w');
  const [command, prefix]: [string, string[]] =
    options.netns === undefined
      ? ['etcd', []]
      : ['nsenter', [`--net=/run/netns/${options.netns}`, 'etcd']];
  const child = spawn(command, [...prefix, ...args], { stdio: ['ignore', log, log] });
  closeSync(log);
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => undefined);
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const text = await readFile(logFile, 'utf8');
    if (text.includes('serving client traffic')) return child;
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`etcd did not start; the end of its log: ${text.slice(-2000)}`);
    }
    await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
}

/** A TCP port that was free on 127.0.0.1 a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}
