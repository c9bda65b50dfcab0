/** What a command may touch beside the daemon: `main.ts` hands in the process's own, tests hand in theirs. */
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
  /** Go on showing what changes. */
  readonly watch: boolean;
  /** Colours are wanted, and stdout is a terminal. */
  readonly color: boolean;
}
