/**
 * How long `weft` takes, from start to end, against Node alone: its help, which needs no daemon, and what asks one.
 * Wanted: within 1.5 times. Needs dist/ (npm run build).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { leaseNumber, Stage } from '../../controlplane/api/testing.ts';

const RUNS = 40;
const WANTED = 1.5;
const WEFT = fileURLToPath(new URL('../../dist/bin/weft.cjs', import.meta.url));
const LEASES = 10;

/** From spawn to exit, in ms. */
async function time(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.resume();
  child.stderr.resume();
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  return performance.now() - start;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
}

await using stage = await Stage.open();
for (let n = 0; n < LEASES; n++) stage.daemon.put(leaseNumber(n));
const asking = [WEFT, '--socket', stage.socketPath];
const cases: Readonly<Record<string, readonly string[]>> = {
  'node -e 0': ['-e', '0'],
  'weft --help': [WEFT, '--help'],
  'weft version': [WEFT, 'version'],
  'weft complete': [WEFT, 'complete', '--', 'lea'],
  'weft status': [...asking, 'status'],
  'weft lease ls': [...asking, 'lease', 'ls'],
};
const times = new Map<string, number[]>(Object.keys(cases).map((name) => [name, []]));
for (const args of Object.values(cases)) await time(args);
// In turn, so that all see the same load.
for (let i = 0; i < RUNS; i++)
  for (const [name, args] of Object.entries(cases)) times.get(name)?.push(await time(args));

const bare = median(times.get('node -e 0') ?? []);
for (const [name, taken] of times) {
  const ms = median(taken);
  console.log(`${name.padEnd(16)}${ms.toFixed(1).padStart(6)} ms  ${(ms / bare).toFixed(2)}`);
}
console.log(`wanted: at most ${WANTED}`);
