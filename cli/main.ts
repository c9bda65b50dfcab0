/** The command `weft`. */
import { run } from './app.ts';
import { EXIT } from './exit-code.ts';

// `weft leases | head`: who reads has seen enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure);
  });
}

async function main(): Promise<void> {
  const { stdout, stderr, env } = process;
  // Not process.exit: what was written to a pipe would be lost.
  process.exitCode = await run(process.argv.slice(2), {
    stdout,
    stderr,
    env,
    now: () => new Date(),
  });
}

void main();
