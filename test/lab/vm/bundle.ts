/** One file of a program of this directory, that Node runs without its modules beside it. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export async function bundle(name: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL(name, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
  });
}
