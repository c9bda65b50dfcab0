/** Runs programs to their end, bounded in time and output. */
import { execFile, execFileSync } from 'node:child_process';

export interface Finished {
  /** -1 when it was ended by a signal or by its time limit. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** All of its standard input. */
  readonly input?: string;
}

export const TIME_LIMIT_MS = 60_000;
export const OUTPUT_LIMIT = 64 * 2 ** 20;

/** Resolves with how it ended, also when that was badly; rejects only if the program cannot be started. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const settings = {
    timeout: options.timeoutMs ?? TIME_LIMIT_MS,
    killSignal: 'SIGKILL' as const,
    maxBuffer: OUTPUT_LIMIT,
    env: { ...process.env, ...options.env },
  };
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, settings, (error, stdout, stderr) => {
      if (error !== null && typeof error.code === 'string') return reject(error);
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    if (options.input === undefined) return;
    // It may end without having read it.
    child.stdin?.on('error', () => undefined).end(options.input);
  });
}

/** Its standard output; rejects with what it said on the other when it fails. */
export async function outputOf(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return outputIn(command, args, await run(command, args, options));
}

/** Its standard output; throws with what it said on the other when it failed. */
export function outputIn(
  command: string,
  args: readonly string[],
  { code, stdout, stderr }: Finished,
): string {
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr.trim()}`);
  return stdout;
}

/** For making and removing namespaces: no signal handler can run between the steps. Throws when it fails. */
export function runSync(command: string, args: readonly string[], input = ''): string {
  return execFileSync(command, args, {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIME_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
}

/** Several commands of `ip` in one process, in the namespace if one is named. */
export function ipSync(netns: string | undefined, lines: readonly string[]): void {
  const place = netns === undefined ? [] : ['-n', netns];
  runSync('ip', [...place, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** Blocks this thread. */
export function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
