/** A program linked with musl, as those of Alpine are: Debian has none, so that one is made of a few lines of C. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outputOf } from './command.ts';

const SOURCE = fileURLToPath(new URL('../e2e/programs/resolve.c', import.meta.url));
const MUSL = '/usr/lib/x86_64-linux-musl';

/** Its path, below `directory`: it prints `NAME ADDRESS` for each name that it is given. */
export async function makeMuslResolver(directory: string): Promise<string> {
  const program = join(directory, 'resolve-musl');
  const headers = ['/usr/include/x86_64-linux-musl', '/usr/lib/x86_64-linux-gnu/tcc/include'];
  const objects = ['crt1.o', 'crti.o', 'libc.a', 'crtn.o'].map((name) => join(MUSL, name));
  await outputOf('tcc', [
    '-nostdinc',
    ...headers.map((path) => `-I${path}`),
    '-nostdlib',
    '-static',
    '-o',
    program,
    SOURCE,
    ...objects,
  ]);
  return program;
}
