/** `weft`, without a process around it: arguments in, exit code out, errors as one sentence on stderr. */
import { isWeftError, messageOf } from '../controlplane/api/errors.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import type { Io } from './io.ts';
import { perform } from './program.ts';

/** Never rejects. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    const [command, ...rest] = argv;
    return command === 'docker-opts' ? await dockerOpts(rest, io) : await perform(argv, io);
  } catch (error) {
    io.stderr.write(`weft: ${isWeftError(error) ? error.sentence : messageOf(error)}\n`);
    return isWeftError(error) ? exitCodeOf(error.code) : EXIT.failure;
  }
}

/** Its flags are mk-docker-opts.sh's own: they pass untouched. */
async function dockerOpts(argv: readonly string[], { stdout, stderr, env }: Io): Promise<number> {
  const { run } = await import('./docker-opts.ts');
  const { machine } = await import('./docker-opts-io.ts');
  return run(argv, {
    ...machine,
    env,
    stdout: (text) => stdout.write(text),
    stderr: (text) => stderr.write(text),
  });
}
