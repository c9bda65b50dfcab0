/** What a member keeps on disk: its keys, and whom it knew. */
import type { Keyring } from '../codec/index.ts';
import { parseRemembered, type Remembered } from '../serf/index.ts';
import { GossipError } from './error.ts';
import { formatKeyFile, parseKeyFile } from './key-file.ts';
import type { Problems } from './problems.ts';
import { StateFile } from './state-file.ts';

/** In ms: a snapshot is written so long after the first change since the last one. */
const SNAPSHOT_PAUSE = 5_000;

export interface KeptFiles {
  readonly keyFile?: string;
  readonly snapshotFile?: string;
}

export class Kept {
  readonly #keys: StateFile | undefined;
  readonly #snapshot: StateFile | undefined;
  readonly #problems: Problems;
  #timer: NodeJS.Timeout | undefined;

  constructor({ keyFile, snapshotFile }: KeptFiles, problems: Problems) {
    this.#problems = problems;
    this.#keys = this.#file('key-file', keyFile, 'after a restart this host has the former keys');
    this.#snapshot = this.#file(
      'snapshot',
      snapshotFile,
      'after a restart this host knows nobody but where it is told to join',
    );
  }

  /** The keys of the file, which is made of `given` if it is missing. Throws a GossipError. */
  loadKeys(given: Keyring): Keyring {
    if (this.#keys === undefined) return given;
    const text = readKeys(this.#keys);
    if (text !== undefined) return parseKeyFile(this.#keys.path, text);
    if (given.length === 0)
      throw new GossipError(
        'key-file',
        `there is no key file ${this.#keys.path}: make one with ["KEY"], 16, 24 or 32 random bytes in base64`,
      );
    this.keepKeys(given);
    return given;
  }

  keepKeys(keyring: Keyring): void {
    this.#keys?.write(formatKeyFile(keyring));
  }

  /** Undefined also if it is damaged: then it is set aside, and told. */
  loadSnapshot(): Remembered | undefined {
    const file = this.#snapshot;
    if (file === undefined) return undefined;
    try {
      const text = file.read();
      if (text === undefined) return undefined;
      const parsed = parseRemembered(JSON.parse(text));
      if (parsed.ok) return parsed.remembered;
      this.#setAside(file, parsed.problem);
    } catch (error) {
      this.#setAside(file, (error as Error).message);
    }
    return undefined;
  }

  keepSnapshotSoon(take: () => Remembered): void {
    if (this.#snapshot === undefined) return;
    this.#timer ??= setTimeout(() => {
      this.keepSnapshot(take());
    }, SNAPSHOT_PAUSE).unref();
  }

  keepSnapshot(remembered: Remembered): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#snapshot?.write(JSON.stringify(remembered));
  }

  /** When everything is on disk, or was told that it is not. */
  async settled(): Promise<void> {
    await Promise.all([this.#keys?.settled(), this.#snapshot?.settled()]);
  }

  #file(code: string, path: string | undefined, harm: string): StateFile | undefined {
    if (path === undefined) return undefined;
    return new StateFile(path, (problem) => {
      if (problem === undefined) this.#problems.clear(code, path);
      else this.#problems.set(code, path, `${path} cannot be written (${problem}): ${harm}`);
    });
  }

  #setAside(file: StateFile, problem: string): void {
    const { path } = file;
    let kept: string;
    try {
      kept = `it is kept as ${file.setAside()}`;
    } catch (error) {
      kept = `it cannot be renamed (${(error as Error).message})`;
    }
    this.#problems.set(
      'snapshot',
      `${path} at the start`,
      `${path} is damaged: ${problem}; ${kept}`,
      ONE_DAY,
    );
  }
}

const ONE_DAY = 86_400_000;

function readKeys(file: StateFile): string | undefined {
  try {
    return file.read();
  } catch (cause) {
    const { message } = cause as Error;
    throw new GossipError('key-file', `the key file ${file.path} cannot be read: ${message}`, {
      cause,
    });
  }
}
