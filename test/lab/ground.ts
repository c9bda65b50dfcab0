/** What a place stands on: this machine, or one of the lab's own. Programs are started through it. */
import { Child, type ChildOptions } from './child.ts';
import {
  OUTPUT_LIMIT,
  run,
  runSync,
  TIME_LIMIT_MS,
  type Finished,
  type RunOptions,
} from './command.ts';
import type { GuestProgram } from './vm/guest-program.ts';
import type { Machine } from './vm/machine.ts';

export interface Ground {
  /** How many times longer everything may take than on this machine. */
  readonly patience: number;
  /** Resolves with how it ended; rejects only if it cannot be said, as when a machine is gone. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Runs beside us. */
  start(command: string, args: readonly string[], options?: ChildOptions): Child;
  /** Runs it to its end; rejects when it fails. On this machine no signal handler can run before it is done. */
  apply(command: string, args: readonly string[], input?: string): Promise<void>;
}

export const HERE: Ground = {
  patience: 1,
  run,
  start: (command, args, options) => new Child(command, args, options),
  async apply(command, args, input) {
    runSync(command, args, input);
  },
};

/** An emulated processor is that much slower, and there are several of them on the same cores. */
const MACHINE_PATIENCE = 10;
/** How long a program that was killed has to be gone, before its machine is taken to hang. */
const GRACE_MS = 10_000;

export function groundOf(machine: Machine): Ground {
  return {
    patience: MACHINE_PATIENCE,
    run: (command, args, options) => runIn(machine, command, args, options),
    start: (command, args, options) => new Child(command, args, options, startIn(machine)),
    async apply(command, args, input = '') {
      const { code, stderr } = await runIn(machine, command, args, { input });
      if (code !== 0) throw new Error(`${machine.name}: ${command} ${args.join(' ')}: ${stderr}`);
    },
  };
}

/** With the environment of this process, as a program on this machine. */
function startIn(machine: Machine) {
  return (
    command: string,
    args: readonly string[],
    { env, cwd, input = false }: ChildOptions,
  ): GuestProgram =>
    machine.start({
      command,
      args,
      env: { ...process.env, ...env },
      input,
      ...(cwd !== undefined && { cwd }),
    });
}

function runIn(
  machine: Machine,
  command: string,
  args: readonly string[],
  { timeoutMs: limit = TIME_LIMIT_MS, input, ...options }: RunOptions = {},
): Promise<Finished> {
  const timeoutMs = limit * MACHINE_PATIENCE;
  return new Promise((resolve, reject) => {
    const program = startIn(machine)(command, args, { ...options, input: input !== undefined });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      program[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        if (output[name].length > OUTPUT_LIMIT) program.kill('SIGKILL');
      });
    const hangs = new Error(`${machine.name} does not answer: ${command} ${args.join(' ')}`);
    const timers = [
      setTimeout(() => program.kill('SIGKILL'), timeoutMs),
      setTimeout(() => reject(hangs), timeoutMs + GRACE_MS),
    ];
    let problem: NodeJS.ErrnoException | undefined;
    program.on('error', (error) => (problem = error));
    program.on('close', (code: number | null) => {
      timers.forEach((timer) => clearTimeout(timer));
      if (problem === undefined) resolve({ code: code ?? -1, ...output });
      // As nsenter would say it of a program that is not there.
      else if (problem.code !== undefined)
        resolve({ code: 127, stdout: '', stderr: problem.message });
      else reject(problem);
    });
    if (input !== undefined) program.stdin.end(input);
  });
}
