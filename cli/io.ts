/** What a command may touch beside the daemon: `main.ts` hands in the process's own, tests hand in theirs. */
import type { Values } from './parse.ts';
import type { Template } from './template.ts';

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal; absent when it is none. */
  readonly columns?: number | undefined;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  now(): Date;
}

/** What every command gets. */
export interface Context {
  readonly io: Io;
  readonly socketPath: string;
  readonly json: boolean;
  /** Of `--format`; never with `json`. */
  readonly template?: Template;
  /** Go on showing what changes. */
  readonly watch: boolean;
  /** The last word of its name: `install` of `weft key install`. */
  readonly command: string;
  /** What came after it. */
  readonly words: readonly string[];
  /** Its options that were given, by name. */
  readonly values: Values;
  /** Colours are wanted, and stdout is a terminal. */
  readonly color: boolean;
  /** Of the terminal, in columns; absent in a pipe, where nothing is cut. */
  readonly width?: number;
}
