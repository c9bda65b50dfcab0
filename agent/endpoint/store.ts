/** The endpoints' files in the state directory, one each: what they tell is the truth, whatever was under way. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FileError, readIfThere, writeAtomically } from '../config/atomic-file.ts';
import { ENDPOINT_ID, formatEndpoint, parseEndpoint, type Endpoint } from './endpoint.ts';

const MODE = 0o644;
const SUFFIX = '.json';
const DAMAGED = '.damaged';

export interface StoredEndpoints {
  readonly endpoints: readonly Endpoint[];
  /** Files that are no endpoint's and were put aside, now or before; they stay until somebody removes them. */
  readonly damaged: readonly string[];
}

export function endpointDirectoryIn(stateDir: string): string {
  return join(stateDir, 'endpoints');
}

export class EndpointStore {
  readonly #directory: string;

  constructor(stateDir: string) {
    this.#directory = endpointDirectoryIn(stateDir);
  }

  /** Reads all, and puts aside what is damaged. Throws FileError. */
  load(): StoredEndpoints {
    const endpoints: Endpoint[] = [];
    const damaged: string[] = [];
    for (const name of this.#files().toSorted()) {
      const path = join(this.#directory, name);
      if (name.endsWith('.tmp')) rmSync(path, { force: true });
      else if (name.endsWith(DAMAGED)) damaged.push(path);
      else if (name.endsWith(SUFFIX)) {
        const endpoint = this.#read(name);
        if (endpoint === undefined) damaged.push(putAside(path));
        else endpoints.push(endpoint);
      }
    }
    return { endpoints, damaged };
  }

  /** As load, but changes nothing: what is damaged is left out. Throws FileError. */
  peek(): readonly Endpoint[] {
    if (!existsSync(this.#directory)) return [];
    const names = this.#files().filter((name) => name.endsWith(SUFFIX));
    return names.flatMap((name) => this.#read(name) ?? []);
  }

  /** All its files, damaged ones among them. Throws FileError. */
  paths(): readonly string[] {
    if (!existsSync(this.#directory)) return [];
    return this.#files().map((name) => join(this.#directory, name));
  }

  /**
   * On disk when it returns, if it shall last: of what is under way, a power cut takes all that the file would tell of.
   * Throws FileError.
   */
  save(endpoint: Endpoint): void {
    const { id, state } = endpoint;
    const outlives = state === 'attached' || state === 'away' ? 'power' : 'process';
    writeAtomically(this.#path(id), formatEndpoint(endpoint), MODE, outlives);
  }

  /** That it is gone may be forgotten by a power cut: a start then finds it detaching, and does it again. Throws FileError. */
  remove(id: string): void {
    const path = this.#path(id);
    try {
      rmSync(path, { force: true });
    } catch (cause) {
      throw new FileError('written', path, cause);
    }
  }

  #files(): string[] {
    try {
      mkdirSync(this.#directory, { recursive: true });
      return readdirSync(this.#directory);
    } catch (cause) {
      throw new FileError('read', this.#directory, cause);
    }
  }

  /** A file under another's name would be two endpoints of one id. */
  #read(name: string): Endpoint | undefined {
    const endpoint = parseEndpoint(readIfThere(join(this.#directory, name)) ?? '');
    const id = name.slice(0, -SUFFIX.length);
    return endpoint?.id === id && ENDPOINT_ID.test(id) ? endpoint : undefined;
  }

  #path(id: string): string {
    return join(this.#directory, `${id}${SUFFIX}`);
  }
}

/** On a disk that takes nothing it is not done. Throws what is no FileError. */
export function ifPossible(write: () => void): void {
  try {
    write();
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
  }
}

function putAside(path: string): string {
  try {
    renameSync(path, `${path}${DAMAGED}`);
  } catch (cause) {
    throw new FileError('written', `${path}${DAMAGED}`, cause);
  }
  return `${path}${DAMAGED}`;
}
