/** What was measured, as a table in Markdown. */
import { LAN } from '../../../controlplane/gossip/swim/settings.ts';
import { KINDS, type Load, type Measured } from './measure.ts';
import { suspicionMin, timeToInform } from './model.ts';
import type { Spreading } from './spread.ts';

export type Row = Measured & { /** Seconds. */ readonly cpu: number };

export function table(rows: readonly Row[]): string {
  return [times(rows), loads(rows)].join('\n\n');
}

/** Each of half / 99 % / all, in s: the median of the trials. The last column of all is the worst trial's. */
function times(rows: readonly Row[]): string {
  return markdown(
    ['members', ...KINDS, 'worst death', 'model, 99 %', 'shortest suspicion'],
    rows.map(({ size, spreadings }) => [
      count(size),
      ...KINDS.map((kind) => spreading(spreadings[kind])),
      seconds(Math.max(...spreadings.death.map(({ all }) => all))),
      seconds(timeToInform(size, 0.99, LAN)),
      seconds(suspicionMin(size, LAN)),
    ]),
  );
}

function loads(rows: readonly Row[]): string {
  return markdown(
    [
      'members',
      'at rest',
      'events',
      'records',
      'joins',
      'leaves',
      'deaths',
      'simulated',
      'CPU time',
    ],
    rows.map(({ size, idle, busy, virtual, cpu }) => [
      count(size),
      load(idle),
      ...KINDS.map((kind) => load(busy[kind])),
      `${count(virtual / 1_000)} s`,
      `${count(cpu)} s`,
    ]),
  );
}

function spreading(trials: readonly Spreading[]): string {
  return (['half', 'most', 'all'] as const)
    .map((share) => seconds(median(trials.map((trial) => trial[share]))))
    .join(' / ');
}

/** Packets, bytes in packets, bytes in streams. */
function load({ packets, bytes, streamBytes }: Load): string {
  return [packets.toFixed(1), count(bytes), count(streamBytes)].join(' / ');
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(2);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
