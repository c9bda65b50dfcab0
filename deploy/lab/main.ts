/** `npm run lab`: hosts on this machine, joined by weftd, to look at (docs/lab.md). */
import { setTimeout as sleep } from 'node:timers/promises';
import { measureThroughput, observe } from './observe.ts';
import { parseOptions, USAGE, UsageError, type Options } from './options.ts';
import { essence, isWhole, unreachable, type Picture } from './picture.ts';
import { render } from './render.ts';
import { buildLab, hints, logTails, type Running, type Say } from './steps.ts';

/** Between two looks, in ms. */
const PAUSE_MS = 2000;
/** Looks between two measurements of throughput, which keep a core busy for a second. */
const LOOKS_PER_MEASUREMENT = 15;
/** How long `--once` waits for the last ping to come through, in ms. */
const SETTLE_MS = 15_000;

/** Ctrl-C before the lab stands is an interruption, and afterwards its ordinary end. */
let standing = false;

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === 'help') return print(USAGE);
  endOnSignal();
  const say: Say = options.json ? (line) => process.stderr.write(`${line}\n`) : print;
  const running = await buildLab(options, say);
  await using _ = running.lab;
  if (options.once) process.exitCode = await showOnce(running, options);
  else await showLive(running);
}

/** What bears the lab's name is removed when the process exits (test/lab/traces.ts). */
function endOnSignal(): void {
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const)
    process.on(signal, () => {
      process.stderr.write('\nremoving the lab …\n');
      process.exit(standing ? 0 : 128 + number);
    });
}

/** The exit code. */
async function showOnce(running: Running, { json }: Options): Promise<number> {
  const settled = await settle(running);
  const throughput = isWhole(settled) ? await measureThroughput(running) : undefined;
  const picture = { ...settled, ...(throughput !== undefined && { throughput }) };
  print(json ? JSON.stringify(picture, undefined, 2) : `\n${render(picture)}`);
  if (isWhole(picture)) return 0;
  const lost = unreachable(picture);
  process.stderr.write(
    `${[...picture.troubles, ...lost.map((pair) => `no answer: ${pair}`)].join('\n')}\n`,
  );
  process.stderr.write(`${logTails(running)}\n`);
  return 1;
}

/** The first whole picture, or the last one when the time is over. */
async function settle(running: Running): Promise<Picture> {
  const { patience } = running.lab.host(1).ground;
  const deadline = performance.now() + SETTLE_MS * patience;
  for (;;) {
    const picture = await observe(running);
    if (isWhole(picture) || performance.now() > deadline) return picture;
    await sleep(100);
  }
}

/** On a terminal the picture is drawn anew; elsewhere only one that tells something new is printed. */
async function showLive(running: Running): Promise<never> {
  standing = true;
  let throughput: Picture['throughput'];
  let shown = '';
  for (let look = 0; ; look++) {
    const seen = await observe(running);
    if (look % LOOKS_PER_MEASUREMENT === 1 && isWhole(seen))
      throughput = await measureThroughput(running);
    const picture = { ...seen, ...(throughput !== undefined && { throughput }) };
    const text = `${render(picture)}\n${hints(running)}`;
    const news =
      process.stdout.isTTY || `${essence(picture)} ${throughput !== undefined}` !== shown;
    if (news) print(process.stdout.isTTY ? `${CLEAR_SCREEN}${text}` : text);
    shown = `${essence(picture)} ${throughput !== undefined}`;
    await sleep(PAUSE_MS);
  }
}

/** Cursor home and erase below (ECMA-48 CUP, ED). */
const CLEAR_SCREEN = '\u001b[H\u001b[J';

function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`lab: ${(error as Error).message}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
