/** One file of a program, that Node runs without its modules beside it. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export async function bundle(program: URL, outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(program)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
  });
}
