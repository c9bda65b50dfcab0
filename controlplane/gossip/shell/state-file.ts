/** A file of our own that is there in full or not at all, whenever power fails or somebody reads. */
import { readFileSync, renameSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const DIRECTORY_MODE = 0o755;
/** Only ours: it may hold keys. */
const FILE_MODE = 0o600;

export class StateFile {
  readonly path: string;
  /** Each write ends in one call: undefined, or why it failed in one sentence. */
  readonly #written: (problem: string | undefined) => void;
  #next: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, written: (problem: string | undefined) => void) {
    this.path = path;
    this.#written = written;
  }

  /** Undefined if there is none. Throws the system's error. */
  read(): string | undefined {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Beside itself, where nobody reads it but people: gives the new path. Throws the system's error. */
  setAside(): string {
    const aside = `${this.path}.damaged`;
    renameSync(this.path, aside);
    return aside;
  }

  /** Writes when the write before is done; of several that wait only the last one. */
  write(content: string): void {
    this.#next = content;
    this.#writing ??= this.#work();
  }

  /** When everything is written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #work(): Promise<void> {
    for (;;) {
      const content = this.#next;
      if (content === undefined) break;
      this.#next = undefined;
      this.#written(await attempt(() => replace(this.path, content)));
    }
    this.#writing = undefined;
  }
}

async function attempt(run: () => Promise<void>): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function replace(path: string, content: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    await file.chmod(FILE_MODE);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  // The new name is on disk only when the directory is.
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
