/** Runs a command of the network configuration: without a shell, within bounds of time and output. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a command is given, as flanneld's extension backend gives it (docs/backends.md). */
export interface CommandRun {
  /** Split at blanks; then `$NAME` and `${NAME}` stand for variables. */
  readonly line: string;
  /** Beside this process's own variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it reads, a newline besides. */
  readonly input: string;
}

export type CommandEnd =
  | { readonly status: 'done'; readonly output: string }
  /** `reason` is one line that begins with the program. */
  | { readonly status: 'failed'; readonly reason: string };

/** A command that takes longer, in ms, is killed with all it started. */
const TIME_LIMIT = 10_000;
/** Output kept, in bytes; a command that writes more is killed. A lease carries it. */
const OUTPUT_LIMIT = 16 * 1024;
/** How long after its end its output is read, in ms. */
const LATE_OUTPUT = 100;

/** Program and arguments. Variables are put in after the split, so that a value with blanks stays one argument. */
export function argumentsOf(
  line: string,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const words = line.split(/\s+/).filter((word) => word !== '');
  return words.map((word) =>
    word.replaceAll(
      /\$(?:\{([^}]*)\}|(\w+))/g,
      (_, braced: string | undefined, bare: string | undefined) =>
        environment[braced ?? bare ?? ''] ?? '',
    ),
  );
}

/** Never rejects. `output` is what it wrote to both its outputs, trimmed. */
export async function runCommand(run: CommandRun, timeLimit = TIME_LIMIT): Promise<CommandEnd> {
  const env = { ...process.env, ...run.environment };
  const [program = '', ...args] = argumentsOf(run.line, env);
  if (program === '') return { status: 'failed', reason: 'the command is empty' };
  try {
    const stdin = openInput(run.input);
    const child = spawn(program, args, { env, detached: true, stdio: [stdin, 'pipe', 'pipe'] });
    closeSync(stdin);
    return await endOf(program, child, timeLimit);
  } catch (cause) {
    return { status: 'failed', reason: `${program} cannot be started: ${String(cause)}` };
  }
}

/** A file without a name: what Node makes for a child to read is a socket, which /dev/stdin and bash take amiss. */
function openInput(text: string): number {
  const directory = mkdtempSync(join(tmpdir(), 'weft-input-'));
  try {
    const file = join(directory, 'input');
    writeFileSync(file, `${text}\n`, { mode: 0o600 });
    return openSync(file, 'r');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function endOf(program: string, child: ChildProcess, timeLimit: number): Promise<CommandEnd> {
  const chunks: Buffer[] = [];
  let size = 0;
  let killed: string | undefined;
  const kill = (why: string): void => {
    killed ??= why;
    killGroup(child.pid);
  };
  const keep = (chunk: Buffer): void => {
    if ((size += chunk.length) > OUTPUT_LIMIT) kill(`wrote more than ${OUTPUT_LIMIT} bytes`);
    else chunks.push(chunk);
  };
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  for (const stream of streams) stream.on('data', keep);
  // What it left running in the background would keep them open, and is not waited for.
  child.on('exit', () => setTimeout(() => streams.forEach((each) => each.destroy()), LATE_OUTPUT));
  const timer = setTimeout(() => kill(`took longer than ${timeLimit / 1000} s`), timeLimit);
  return new Promise((resolve) => {
    const fail = (why: string): void => resolve({ status: 'failed', reason: `${program} ${why}` });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(error.code === 'ENOENT' ? 'is not installed' : `cannot be started: ${error.message}`);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const output = Buffer.concat(chunks).toString().trim();
      if (killed !== undefined) return fail(`was stopped, as it ${killed}`);
      if (code === 0) return resolve({ status: 'done', output });
      const end = code === null ? `was ended by ${signal}` : `exited with ${code}`;
      const said = output.split('\n').slice(-2).join(' ').slice(-300);
      fail(said === '' ? end : `${end}: ${said}`);
    });
  });
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
