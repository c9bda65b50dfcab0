/** The unix socket of the control API: whether somebody listens on it, and making the place free for a server. */
import { access, chmod, chown, constants, lstat, mkdir, readFile, unlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { messageOf, WeftError } from './errors.ts';

/** A local connect takes no time; longer than this, the listener's backlog is full and the daemon stands still. */
const PROBE_LIMIT_MS = 2000;
/** Members of this group may use the API without being root. */
const GROUP = 'weft';

export type Connection =
  | { readonly state: 'live'; readonly socket: Socket }
  /** `ENOENT`, `ECONNREFUSED`, `EACCES`, …, or `ETIMEDOUT`. */
  | { readonly state: 'none'; readonly code: string };

export async function connectTo(path: string): Promise<Connection> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    const fail = (code: string): void => {
      socket.destroy();
      resolve({ state: 'none', code });
    };
    const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? 'EIO');
    socket.setTimeout(PROBE_LIMIT_MS, () => fail('ETIMEDOUT'));
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.setTimeout(0).removeAllListeners('timeout').off('error', onError);
      resolve({ state: 'live', socket });
    });
  });
}

export type Listener = { readonly state: 'live' } | Extract<Connection, { state: 'none' }>;

/** Whether a connect to `path` succeeds. */
export async function listenerOn(path: string): Promise<Listener> {
  const connection = await connectTo(path);
  if (connection.state === 'live') connection.socket.destroy();
  return connection;
}

/**
 * Makes the folder, and removes the socket of a daemon that is no more. Throws WEFT_SOCKET_IN_USE when one
 * listens, and WEFT_SOCKET_PATH when the path cannot be used.
 */
export async function claimSocket(path: string): Promise<void> {
  await usable(path, async () => await makeFolder(dirname(path)));
  const stats = await usable(path, async () => await lstat(path).catch(absent));
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new WeftError('WEFT_SOCKET_PATH', `${path} exists and is not a socket`, {
      fix: 'remove it, or name another path with --socket',
    });
  }
  const listener = await listenerOn(path);
  if (listener.state === 'live' || listener.code === 'ETIMEDOUT') throw inUse(path);
  await usable(path, async () => await unlink(path).catch(absent));
}

export function inUse(path: string): WeftError {
  return new WeftError('WEFT_SOCKET_IN_USE', `weftd is already running on the socket ${path}`, {
    fix: 'stop it first, or give this one a socket of its own with --socket',
  });
}

/** Read and write for the owner, and for the group `weft` where there is one. */
export async function guardSocket(path: string, groupFile: string): Promise<void> {
  await usable(path, async () => await chmod(path, 0o660));
  const gid = groupId(await readFile(groupFile, 'utf8').catch(() => ''), GROUP);
  if (gid !== undefined) await usable(path, async () => await chown(path, -1, gid));
}

/** From the text of /etc/group (group(5)): `name:password:id:members`. */
export function groupId(groups: string, name: string): number | undefined {
  const fields = groups
    .split('\n')
    .map((line) => line.split(':'))
    .find((entry) => entry[0] === name);
  const id = Number(fields?.[2] || Number.NaN);
  return Number.isSafeInteger(id) && id >= 0 ? id : undefined;
}

/** Makes it if it is missing, and sees that a socket can be made in it. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  await access(path, constants.W_OK | constants.X_OK);
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is not a directory',
  EEXIST: 'a part of its path is not a directory',
};

async function usable<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    const why = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? messageOf(cause);
    throw new WeftError('WEFT_SOCKET_PATH', `cannot use the socket ${path}: ${why}`, {
      fix: 'make its folder writable for weftd, or name another path with --socket',
      cause,
    });
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
