/** How long `weft --help` takes against Node alone. Wanted: within 1.5 times. Needs dist/ (npm run build). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const RUNS = 20;
const WANTED = 1.5;
const WEFT = fileURLToPath(new URL('../../dist/bin/weft.cjs', import.meta.url));

/** From spawn to exit, in ms. */
function time(args: readonly string[]): number {
  const start = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
  return performance.now() - start;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
}

const bare: number[] = [];
const help: number[] = [];
time([WEFT, '--help']);
// In turn, so that both see the same load.
for (let i = 0; i < RUNS; i++) {
  bare.push(time(['-e', '0']));
  help.push(time([WEFT, '--help']));
}
const ratio = median(help) / median(bare);
console.log(`node -e 0     ${median(bare).toFixed(1)} ms`);
console.log(`weft --help   ${median(help).toFixed(1)} ms`);
console.log(`ratio         ${ratio.toFixed(2)} (wanted: at most ${WANTED})`);
