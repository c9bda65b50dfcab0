/** Runs another program to its end, without a shell; for the few things that netlink cannot tell us. */
import { execFile } from 'node:child_process';

export type ChildResult =
  | {
      readonly status: 'exited';
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
    }
  /** No such program. */
  | { readonly status: 'missing' }
  /** Killed, because it ran or wrote too long. */
  | { readonly status: 'stopped'; readonly reason: string };

/** A run that takes longer, in ms, is killed: nft and iptables need some 10 ms, and wait 5 s for a lock at most. */
const TIME_LIMIT = 10_000;
/** Output beyond it, in bytes, ends the run: a listing of 100,000 rules has some 10 MB. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;

/** `timeLimit` in ms. Never rejects. */
export function runChild(
  program: string,
  args: readonly string[],
  timeLimit = TIME_LIMIT,
): Promise<ChildResult> {
  const options = { timeout: timeLimit, maxBuffer: OUTPUT_LIMIT, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ status: 'exited', code: 0, stdout, stderr });
      else if (error.code === 'ENOENT') resolve({ status: 'missing' });
      else if (typeof error.code === 'number')
        resolve({ status: 'exited', code: error.code, stdout, stderr });
      else
        resolve({ status: 'stopped', reason: error.killed ? 'it took too long' : error.message });
    });
  });
}

/** What went wrong, on one line, or undefined if all went well. */
export function failureOf(program: string, result: ChildResult): string | undefined {
  if (result.status === 'missing') return `${program} is not installed`;
  if (result.status === 'stopped') return `${program} was stopped: ${result.reason}`;
  if (result.code === 0) return undefined;
  const said = result.stderr.trim().split('\n').slice(0, 2).join(' ');
  return `${program} failed: ${said === '' ? `exit code ${result.code}` : said}`;
}
