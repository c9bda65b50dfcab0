/** The simulation of gossip by hand; `npm run sim -- --help` says how. */
import { parseArgs } from 'node:util';
import { measure } from './measure.ts';
import { table } from './report.ts';
import { runScenario } from './scenario.ts';
import { Violation } from './violation.ts';

const HELP = `Simulates a cluster of gossip in virtual time, all of it from a seed.

  npm run sim -- [--nodes N,…] [--seed S] [--trials T]
      How long it takes in a calm network until all of N members know of an event, a
      record, a join, a leave and a death, and what that sends; a table. Several sizes
      are measured one after the other. They need time and memory by the square of their
      number: 5,000 members 15 minutes and 14 GB, with two trials.

  npm run sim -- --faults [--nodes N] [--seed S] [--seeds COUNT] [--minutes M] [--replay]
      Scenarios in which members die, stop, leave and are cut off, one for each seed
      from S on, and whether everything holds that must. One that fails says with what
      seed and when; --replay tells what happens in it, step by step.

  --nodes N      members (100; with --faults 50)
  --seed S       (1)
  --seeds COUNT  how many seeds (1)
  --trials T     events, records, joins, leaves and deaths each (5)
  --minutes M    of faults, in virtual time (2)
`;

interface Arguments {
  readonly sizes: readonly number[];
  readonly seed: number;
  readonly seeds: number;
  readonly trials: number;
  readonly minutes: number;
  readonly faults: boolean;
  readonly replay: boolean;
}

function main(): void {
  const given = parse(process.argv.slice(2));
  if (typeof given === 'string') {
    console.error(given);
    process.exitCode = 2;
  } else if (given === undefined) console.log(HELP);
  else if (given.faults) simulate(given);
  else measureAll(given);
}

/** Undefined: help is wanted. A text: what is wrong. */
function parse(args: string[]): Arguments | string | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        nodes: { type: 'string' },
        seed: { type: 'string', default: '1' },
        seeds: { type: 'string', default: '1' },
        trials: { type: 'string', default: '5' },
        minutes: { type: 'string', default: '2' },
        faults: { type: 'boolean', default: false },
        replay: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return undefined;
    const { faults, replay } = values;
    const sizes = (values.nodes ?? (faults ? '50' : '100')).split(',').map(Number);
    const [seed = 0, seeds = 0, trials = 0] = [values.seed, values.seeds, values.trials].map(
      Number,
    );
    const minutes = Number(values.minutes);
    const isGood =
      [seed, seeds, trials, ...sizes].every((value) => Number.isSafeInteger(value) && value >= 0) &&
      sizes.every((size) => size >= 3 && size <= 20_000) &&
      minutes > 0;
    if (!isGood) return 'sim: give whole numbers, and 3 to 20,000 members: npm run sim -- --help';
    return { sizes, seed, seeds, trials, minutes, faults, replay };
  } catch (error) {
    return `sim: ${(error as Error).message}: npm run sim -- --help`;
  }
}

function measureAll({ sizes, seed, trials }: Arguments): void {
  const rows = sizes.map((size) => {
    const began = process.cpuUsage();
    const log = (line: string): void => console.error(`${clock(began)}  ${line}`);
    const measured = measure({ seed, size, trials, log });
    return { ...measured, cpu: cpuSince(began) };
  });
  console.log(table(rows));
}

function simulate({ sizes: [size = 0], seed, seeds, minutes, replay }: Arguments): void {
  const began = process.cpuUsage();
  let failed = 0;
  for (let at = seed; at < seed + seeds; at++) {
    try {
      const log = replay ? console.log : undefined;
      const duration = minutes * 60_000;
      const { weather, actions, converged, packets } = runScenario({
        seed: at,
        size,
        duration,
        ...(log === undefined ? {} : { log }),
      });
      const settled = `all knew the same ${(converged / 1_000).toFixed(1)} s after the last`;
      console.log(
        `${clock(began)}  seed ${at}: ${weather}; ${actions} faults, ${packets} packets; ${settled}`,
      );
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      failed++;
      console.log(`${clock(began)}  ${error.message}`);
      const again = `npm run sim -- --faults --nodes ${size} --minutes ${minutes} --seed ${at} --replay`;
      console.log(`          again: ${again}`);
    }
  }
  console.log(`${failed} of ${seeds} seeds failed`);
  if (failed > 0) process.exitCode = 1;
}

/** Seconds of computing. */
function cpuSince(began: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1e6;
}

function clock(began: NodeJS.CpuUsage): string {
  return `${cpuSince(began).toFixed(1).padStart(7)} s`;
}

main();
