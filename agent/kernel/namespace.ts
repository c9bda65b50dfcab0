/**
 * Network namespaces from within this process (setns(2)). It moves the calling thread only, so everything that is to
 * happen inside is synchronous: what is awaited there would run after the way back, and reach into the wrong one.
 */
import { closeSync, fstatSync, openSync, statfsSync, statSync } from 'node:fs';
import koffi from 'koffi';
import type { NamespaceFile } from '../state/veth.ts';
import { errnoName, KernelError } from './errno.ts';

/** linux/sched.h. */
const CLONE_NEWNET = 0x4000_0000;
/** linux/magic.h: the file system of namespaces. */
const NSFS_MAGIC = 0x6e73_6673;
const setns = koffi.load(null).func('int setns(int, int)');

/** Keeps the namespace alive until it is disposed of. */
export interface OpenNamespace extends Disposable {
  readonly fd: number;
}

/** Throws a KernelError of the code ENOENT when it has gone, or another stands in its place. */
export function openNamespace({ path, inode }: NamespaceFile): OpenNamespace {
  const fd = opened(path);
  if (fstatSync(fd).ino !== inode) {
    closeSync(fd);
    throw gone(path);
  }
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

const NO_PERMISSION =
  'weftd may not reach into network namespaces: run it as root, with CAP_SYS_ADMIN';

/** The namespace that a file opens. Throws a KernelError (ENOENT, or EINVAL: it opens none). */
export function namespaceAt(path: string): NamespaceFile {
  const inode = inodeAt(path);
  if (inode === undefined) throw gone(path);
  if (statfsSync(path).type !== NSFS_MAGIC)
    throw new KernelError('EINVAL', `${path} is no network namespace`);
  return { path, inode };
}

/** Whether it is still there. */
export function isThere({ path, inode }: NamespaceFile): boolean {
  return inodeAt(path) === inode;
}

/** Undefined where there is nothing. */
function inodeAt(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

/**
 * Does `work` inside: at once, and without anything that is awaited. Sockets made in it stay there. Ends the process
 * if there is no way back, as all that follows would be done in the wrong place.
 */
export function inNamespace<T>({ fd }: OpenNamespace, work: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  if (setns(fd, CLONE_NEWNET) !== 0) {
    const code = errnoName(koffi.errno());
    closeSync(home);
    throw code === 'EPERM' ? new KernelError(code, NO_PERMISSION) : new KernelError(code);
  }
  try {
    return work();
  } finally {
    if (setns(home, CLONE_NEWNET) !== 0) process.abort();
    closeSync(home);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    const { code = 'EIO' } = cause as NodeJS.ErrnoException;
    throw code === 'ENOENT' ? gone(path) : new KernelError(code);
  }
}

function gone(path: string): KernelError {
  return new KernelError('ENOENT', `the network namespace ${path} is no more`);
}
