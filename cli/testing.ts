/** For tests: a terminal, and a command that is asked of a staged daemon. */
import { SINCE, type Stage } from '../controlplane/api/testing.ts';
import { run } from './app.ts';
import type { Io } from './io.ts';

/** A terminal or a pipe that remembers. */
export class Recorder implements Io {
  out = '';
  err = '';
  readonly env: Record<string, string>;
  readonly stdout;
  readonly stderr = { write: (text: string) => void (this.err += text) };

  constructor(columns?: number, env: Record<string, string> = {}) {
    this.env = env;
    this.stdout = {
      isTTY: columns !== undefined,
      columns,
      write: (text: string) => void (this.out += text),
    };
  }

  now(): Date {
    return new Date(SINCE.getTime() + 3 * 3_600_000);
  }
}

export async function ask(stage: Stage, ...argv: string[]): Promise<Recorder & { code: number }> {
  const io = new Recorder();
  const code = await run([...argv, '--socket', stage.socketPath], io);
  return Object.assign(io, { code });
}
