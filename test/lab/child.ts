/** A program that runs beside the test: its lines of output, and a sure end. */
import { spawn } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.ts';

/** Lines kept of a child's output; the oldest go first. */
const LINE_LIMIT = 20_000;
/** How long a child has between SIGTERM and SIGKILL. */
const GRACE_MS = 10_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called with each line of output as it comes, and when, as `monotonicNow` tells. */
  readonly onLine?: (line: string, at: number) => void;
  /** Whether `write` can be used; otherwise its input is empty. */
  readonly input?: boolean;
}

/** CLOCK_MONOTONIC in ms, the same in all processes of the machine. */
export function monotonicNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The part of Node's ChildProcess that the lab needs, with its events `error` and `close`. */
export interface Program extends EventEmitter {
  /** Undefined before it runs, and for ever if it cannot be started. */
  readonly pid?: number | undefined;
  readonly stdin: NodeJS.WritableStream | null;
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
  kill(signal: NodeJS.Signals): boolean;
}

export type Starter = (command: string, args: readonly string[], options: ChildOptions) => Program;

/** A session of its own, so that Ctrl-C at the terminal reaches us and not the program. */
const startHere: Starter = (command, args, { env, cwd, input = false }) =>
  spawn(command, args, {
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
  });

/** Whoever started a child ends it; `killAllNow` is for the process's own end. */
const running = new Set<Child>();

export class Child {
  readonly command: string;
  /** Resolves when it is gone and all its output was read. */
  readonly ended: Promise<Ended>;
  readonly #process: Program;
  readonly #lines: string[] = [];
  readonly #onLine: ChildOptions['onLine'];
  #result: Ended | undefined;

  constructor(
    command: string,
    args: readonly string[],
    options: ChildOptions = {},
    start: Starter = startHere,
  ) {
    this.command = [command, ...args].join(' ');
    this.#process = start(command, args, options);
    running.add(this);
    this.#onLine = options.onLine;
    // Whether it still reads shows by what it does.
    this.#process.stdin?.on('error', () => undefined);
    for (const stream of [this.#process.stdout, this.#process.stderr])
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) => this.#keep(line));
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        running.delete(this);
        this.#result ??= { code, signal };
        resolve(this.#result);
      };
      this.#process.on('error', (error) => {
        this.#keep(error.message);
        if (this.#process.pid === undefined) end(127, null);
      });
      this.#process.on('close', end);
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Undefined while it runs. */
  get result(): Ended | undefined {
    return this.#result;
  }

  /** Standard output and error in the order they came, the latest 20,000 lines. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  get text(): string {
    return this.#lines.join('\n');
  }

  /** The first line so far that matches. Rejects when the child ends, or the time is over, without one. */
  waitForLine(pattern: RegExp, within = 10_000): Promise<string> {
    const what = `a line like ${pattern} from ${this.command}`;
    return this.untilOr(() => this.#lines.find((line) => pattern.test(line)), { within, what });
  }

  /** As eventually, but gives up at once when the child has ended, with its last lines. */
  async untilOr<T>(
    check: () => Promise<T | undefined | false> | T | undefined | false,
    { within, what }: { readonly within: number; readonly what: string },
  ): Promise<T> {
    const found = await eventually(
      async () => {
        // Asked first: what the child did before its end shall still count.
        const ended = this.#result;
        try {
          const value = await check();
          if (value !== undefined && value !== false) return { value };
        } catch (error) {
          if (ended === undefined) throw error;
        }
        return ended === undefined ? undefined : { ended };
      },
      { within, what, every: 10 },
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.tail()}`, { cause: error });
    });
    if ('value' in found) return found.value;
    const { signal, code } = found.ended;
    const how = signal ?? `code ${code}`;
    throw new Error(`the program ended with ${how} while waiting until ${what}\n${this.tail()}`);
  }

  tail(count = 20): string {
    return this.#lines.slice(-count).join('\n');
  }

  /** A line to its input; does nothing once it has ended. */
  write(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#result === undefined) this.#process.kill(signal);
  }

  /** Sends the signal and waits; SIGKILL follows after ten seconds. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.signal(signal);
    // A stopped process would take the signal only when it goes on.
    this.signal('SIGCONT');
    const late = setTimeout(() => this.signal('SIGKILL'), GRACE_MS);
    const result = await this.ended;
    clearTimeout(late);
    return result;
  }

  #keep(line: string): void {
    this.#lines.push(line);
    this.#onLine?.(line, monotonicNow());
    if (this.#lines.length > LINE_LIMIT) this.#lines.splice(0, LINE_LIMIT / 10);
  }
}

/** SIGKILL to every child that still runs; does not wait. */
export function killAllNow(): void {
  for (const child of running) child.signal('SIGKILL');
}
