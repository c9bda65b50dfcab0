/** The files of this host's resolver, for `weft dns enable-host`. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { WeftError } from '../controlplane/api/errors.ts';
import { DROP_IN, RESOLV_CONF, type Change, type Found, type FoundFile } from './host-resolver.ts';

const MODE = 0o644;

/** Throws WEFT_FAILED for what cannot be read. */
export function findFiles(): Found {
  return { resolvConf: found(RESOLV_CONF), dropIn: found(DROP_IN) };
}

function found(path: string): FoundFile {
  const link = linkOf(path);
  const text = attempt(path, 'read', () => readFileSync(path, 'utf8'));
  return { ...(text === undefined ? {} : { text }), ...(link === undefined ? {} : { link }) };
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // It is none, or there is none.
    return undefined;
  }
}

/** Throws WEFT_FAILED; what was there is there still, or in the backup. */
export function make({ path, text, backup }: Change): void {
  attempt(path, 'changed', () => {
    if (backup !== undefined) copyFileSync(path, backup);
    if (text === undefined) rmSync(path, { force: true });
    else write(path, text);
  });
}

function write(path: string, text: string): void {
  const temporary = `${path}.weft-tmp`;
  mkdirSync(dirname(path), { recursive: true });
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? MODE;
  const file = openSync(temporary, 'w', MODE);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(temporary, mode & 0o7777);
  try {
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary);
    // A file that is mounted, as in containers, can only be written in place; its backup stands beside it.
    if ((cause as NodeJS.ErrnoException).code !== 'EBUSY') throw cause;
    writeFileSync(path, text);
  }
}

/** False: it failed, or is not there. */
export function perform([command = '', ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

/** Undefined if there is no such file. */
function attempt<T>(path: string, how: 'read' | 'changed', work: () => T): T | undefined {
  try {
    return work();
  } catch (cause) {
    const { code = 'EIO' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && how === 'read') return undefined;
    throw new WeftError('WEFT_FAILED', `${path} cannot be ${how} (${code})`, {
      fix: code === 'EACCES' || code === 'EPERM' ? 'use sudo' : 'see to that, and try again',
      cause,
    });
  }
}
