/** Writes the man pages into dist/man, from the same table as `weft --help`. */
import { build } from 'esbuild';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The table is TypeScript; what the commands do is not needed. */
const SOURCE = `
  export { manPages } from './cli/man.ts';
  export { NOUNS } from './cli/nouns.ts';
`;

/** `date`: of the edition, `2026-11-28`. */
export async function writeManPages(root, version, date) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: { contents: SOURCE, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    external: ['../commands/*'],
  });
  const [{ text }] = outputFiles;
  const url = `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`;
  const { manPages, NOUNS } = await import(url);
  const folder = join(root, 'dist/man');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const page of manPages(NOUNS, { version, date }))
    writeFileSync(join(folder, page.file), page.text);
}
