/** The identity of this host: a random UUID, made at the first start and kept in the state directory. */
import { randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { FileError, readIfThere, writeAtomically } from './atomic-file.ts';

export interface NodeId {
  /** Lower case, as RFC 9562 writes it. */
  readonly id: string;
  /** Where a file that held no UUID was put; worth a warning, as the host is now another to its peers. */
  readonly setAside?: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MODE = 0o644;

/** Reads `<stateDir>/node-id`, or makes it. Throws FileError. */
export function loadNodeId(stateDir: string, makeId: () => string = randomUUID): NodeId {
  const path = pathIn(stateDir);
  const found = readIfThere(path);
  const id = idIn(found);
  if (id !== undefined) return { id };
  const setAside = found === undefined ? undefined : `${path}.damaged`;
  if (setAside !== undefined) putAside(path, setAside);
  const made = makeId();
  writeAtomically(path, `${made}\n`, MODE);
  return setAside === undefined ? { id: made } : { id: made, setAside };
}

/** As loadNodeId, but makes nothing: undefined where there is none, or a damaged one. Throws FileError. */
export function readNodeId(stateDir: string): string | undefined {
  return idIn(readIfThere(pathIn(stateDir)));
}

function pathIn(stateDir: string): string {
  return join(stateDir, 'node-id');
}

function idIn(text: string | undefined): string | undefined {
  const id = text?.trim();
  return id !== undefined && UUID.test(id) ? id : undefined;
}

function putAside(path: string, setAside: string): void {
  try {
    renameSync(path, setAside);
  } catch (cause) {
    throw new FileError('written', setAside, cause);
  }
}
