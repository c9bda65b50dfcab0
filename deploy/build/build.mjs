/** Bundles the two commands into dist/bin, and writes the man pages into dist/man. Run gen.mjs first. */
import { build } from 'esbuild';
import { chmodSync, existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeManPages } from './man.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** What all bundles share. Native parts stay outside: they find their binaries beside their own files. */
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  external: ['netlink', 'koffi'],
  define: { __WEFT_VERSION__: JSON.stringify(version) },
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  legalComments: 'none',
  logLevel: 'warning',
};

async function command(entry, outfile, interpreter, options = {}) {
  const banner = { js: `#!/usr/bin/env ${interpreter}` };
  await build({ ...COMMON, entryPoints: [entry], outfile, format: 'cjs', banner, ...options });
  chmodSync(join(ROOT, outfile), 0o755);
}

/**
 * Leaves what is imported on demand out of the bundle, and notes it: Node reads 200 KB less for `weft --help`. By
 * require, as Node's loader of modules takes a tenth of the time that Node itself takes to start.
 */
function onDemand(folder, noted) {
  return {
    supported: { 'dynamic-import': false },
    plugins: [
      {
        name: 'on-demand',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ kind, path, resolveDir }) => {
            if (kind !== 'dynamic-import') return undefined;
            noted.add(join(resolveDir, path));
            return { path: `./${folder}${basename(path, '.ts')}.cjs`, external: true };
          }),
      },
    ],
  };
}

/** What speaks to the daemon: the larger part of every command that does. */
const CLIENT = 'controlplane/api/client.ts';

/** A bundle of its own, which those of the commands share. */
const sharedClient = {
  name: 'shared-client',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/client\.ts$/ }, ({ kind, path, resolveDir }) =>
      kind === 'import-statement' && join(resolveDir, path) === join(ROOT, CLIENT)
        ? { path: './client.cjs', external: true }
        : undefined,
    ),
};

async function weft() {
  const modules = new Set();
  await command('cli/main.ts', 'dist/bin/weft.cjs', 'node', onDemand('weft/', modules));
  const { plugins, ...options } = onDemand('', new Set());
  const { metafile } = await build({
    ...COMMON,
    ...options,
    metafile: true,
    entryPoints: [...modules, CLIENT],
    entryNames: '[name]',
    outdir: 'dist/bin/weft',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    plugins: [...plugins, sharedClient],
  });
  removeAllBut(Object.keys(metafile.outputs), 'dist/bin/weft');
}

/** What earlier builds left; only now, so that a `weft` that starts meanwhile finds its parts. */
function removeAllBut(outputs, folder) {
  for (const name of readdirSync(join(ROOT, folder))) {
    if (!outputs.includes(`${folder}/${name}`)) rmSync(join(ROOT, folder, name));
  }
}

/** A small young generation: half the memory, for work that comes in bursts. The unit file bounds the old one. */
const DAEMON_INTERPRETER = '-S node --max-semi-space-size=1';

/** Of the man pages: of the build, or what stands for it (reproducible-builds.org/specs/source-date-epoch). */
function buildDate({ SOURCE_DATE_EPOCH: epoch }) {
  return new Date(epoch ? Number(epoch) * 1000 : Date.now()).toISOString().slice(0, 10);
}

await weft();
await writeManPages(ROOT, version, buildDate(process.env));
// The daemon runs for months: one file, all of it read at the start.
if (existsSync(join(ROOT, 'agent/main.ts'))) {
  await command('agent/main.ts', 'dist/bin/weftd.cjs', DAEMON_INTERPRETER);
  // Its DNS thread, which loads nothing else of it.
  await build({
    ...COMMON,
    entryPoints: ['agent/dns/worker.ts'],
    outfile: 'dist/bin/weftd-dns.cjs',
    format: 'cjs',
  });
}
