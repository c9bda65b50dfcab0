/** Files that are there in full or not at all, whenever power fails or somebody reads. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A file that could not be read or written, in one sentence that says what to do. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly path: string;
  /** An errno's name. */
  readonly code: string;

  constructor(action: 'read' | 'written', path: string, cause: unknown) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    super(`${path} cannot be ${action}: ${REASONS[code] ?? code}`, { cause });
    this.path = path;
    this.code = code;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'a directory of its path does not exist; make it',
  EACCES: 'permission is denied; run weftd as root, or choose another path',
  EPERM: 'permission is denied; run weftd as root, or choose another path',
  EROFS: 'the file system is read-only; choose another path',
  ENOSPC: 'the disk is full; make room',
  EISDIR: 'it is a directory; choose another path',
  ENOTDIR: 'a part of its path is not a directory; choose another path',
  EEXIST: 'a part of its path is not a directory; choose another path',
};

/** The text of the file, undefined if there is none. Throws FileError. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new FileError('read', path, cause);
  }
}

const DIRECTORY_MODE = 0o755;

/**
 * Writes beside it and renames, its directory made if it is missing; modes regardless of umask. Throws FileError.
 * `outlives`: what it must be whole and there after. The end of this process costs no wait for the disk.
 */
export function writeAtomically(
  path: string,
  content: string,
  mode: number,
  outlives: 'power' | 'process' = 'power',
): void {
  const temporary = `${path}.tmp`;
  try {
    makeDirectory(dirname(path));
    rmSync(temporary, { force: true });
    const file = openSync(temporary, 'wx', mode);
    try {
      fchmodSync(file, mode);
      writeFileSync(file, content);
      if (outlives === 'power') fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    if (outlives === 'power') syncDirectory(dirname(path));
  } catch (cause) {
    throw new FileError('written', path, cause);
  }
}

/** Makes the directory if it is missing, and sees that files can be made in it. Throws FileError. */
export function prepareDirectory(path: string): void {
  try {
    makeDirectory(path);
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(path), { code: 'ENOTDIR' });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new FileError('written', path, cause);
  }
}

/** Step by step: with `recursive`, mkdirSync says ENOENT where a file system is read-only. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path);
  chmodSync(path, DIRECTORY_MODE);
}

/** The new name is on disk only when the directory is. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
