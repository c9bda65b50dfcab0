/** Bundles the commands and the plugin into dist/bin, and writes the man pages into dist/man. Run gen.mjs first. */
import { build } from 'esbuild';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http2';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
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

/** A bundle of its own, which those of the commands and the plugin share; `folder`: where it lies for them. */
function sharedClient(folder) {
  return {
    name: 'shared-client',
    setup: ({ onResolve }) =>
      onResolve({ filter: /\/client\.ts$/ }, ({ kind, path, resolveDir }) =>
        kind === 'import-statement' && join(resolveDir, path) === join(ROOT, CLIENT)
          ? { path: `${folder}client.cjs`, external: true }
          : undefined,
      ),
  };
}

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
    plugins: [...plugins, sharedClient('./')],
  });
  const compiled = await keepCompiled('dist/bin/weft/client');
  removeAllBut([...Object.keys(metafile.outputs), ...compiled], 'dist/bin/weft');
}

/**
 * What V8 makes of the client is kept beside it, as compiling it takes a tenth of the time that Node takes to start.
 * Another version of V8 does not take it, and compiles it (node:vm, cachedData). In place of PATH.cjs stands what loads
 * PATH.code.js, the former, by PATH.v8. Returns the files that joined.
 */
async function keepCompiled(path) {
  const [loader, code, compiled] = ['.cjs', '.code.js', '.v8'].map((end) => `${path}${end}`);
  renameSync(join(ROOT, loader), join(ROOT, code));
  const text = LOADER.replaceAll('PATH', basename(path));
  rmSync(join(ROOT, compiled), { force: true });
  const scratch = mkdtempSync(join(tmpdir(), 'weft-build-'));
  writeFileSync(
    join(ROOT, loader),
    `${text}module.exports.keep = () => script.createCachedData();\n`,
  );
  try {
    const { connectControl, keep } = createRequire(import.meta.url)(join(ROOT, loader));
    await use(connectControl, join(scratch, 'socket'));
    writeFileSync(join(ROOT, compiled), keep());
  } finally {
    rmSync(scratch, { recursive: true });
    writeFileSync(join(ROOT, loader), text);
  }
  return [code, compiled];
}

const LOADER = `'use strict';
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const filename = __dirname + '/PATH.code.js';
const code = '(function (exports, require, module) {' + readFileSync(filename, 'latin1') + '\\n})';
let cachedData;
try {
  cachedData = readFileSync(__dirname + '/PATH.v8');
} catch {}
const script = new Script(code, { filename, cachedData });
script.runInThisContext()(exports, require, module);
`;

/** Only functions that were called are compiled, and kept: a call, whose answer is an empty message. */
async function use(connectControl, socketPath) {
  const server = createServer().on('stream', (stream) => {
    const headers = { ':status': 200, 'content-type': 'application/grpc' };
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.respond(headers, { waitForTrailers: true });
    stream.end(Buffer.alloc(5));
  });
  await once(server.listen(socketPath), 'listening');
  const client = await connectControl(socketPath);
  await client.status();
  for await (const lease of client.leases()) void lease;
  client.close();
  server.close();
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
await command('cni/main.ts', 'dist/bin/weft-cni.cjs', 'node', {
  plugins: [sharedClient('./weft/')],
});
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
