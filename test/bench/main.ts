/** Runs the benchmarks of this folder in turn, or those named: `npm run bench -- cli-start`. Fails if one does. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== basename(import.meta.filename))
  .map((file) => basename(file, '.ts'))
  .sort();
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !names.includes(name));
if (unknown !== undefined) {
  console.error(`bench: there is no benchmark ${unknown}: name some of ${names.join(', ')}`);
  process.exit(2);
}
for (const name of wanted.length === 0 ? names : wanted) {
  console.log(`\n== ${name}`);
  const file = `${import.meta.dirname}/${name}.ts`;
  // A process each: memory and namespaces of one do not show in the next.
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', file], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
