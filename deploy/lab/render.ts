/** A picture of the lab as text for a terminal. */
import type { Picture } from './picture.ts';
import { unreachable } from './picture.ts';

export function render(picture: Picture): string {
  const { leases, routes, throughput, troubles } = picture;
  const sections = [
    section(
      'Leases in etcd',
      table(['host', 'subnet', 'public address', 'backend'], leaseRows(leases)),
    ),
    section(`Routes of ${routes.host}`, routes.lines),
    section('Ping between all workloads, round trip in ms', matrix(picture)),
  ];
  if (throughput !== undefined)
    sections.push(
      section('Throughput', [
        `${throughput.from} → ${throughput.to}: ${gigabits(throughput.bitsPerSecond)}`,
      ]),
    );
  sections.push(section('Verdict', [...troubles, verdict(picture)]));
  return sections.join('\n');
}

function verdict(picture: Picture): string {
  const count = picture.workloads.length;
  const lost = unreachable(picture);
  if (lost.length === 0) return `every workload reaches every other (${count * (count - 1)} pairs)`;
  return `no answer: ${lost.slice(0, LOST_SHOWN).join(', ')}${lost.length > LOST_SHOWN ? ', …' : ''} (${lost.length} of ${count * (count - 1)} pairs)`;
}

/** Pairs named in the verdict; the matrix shows them all. */
const LOST_SHOWN = 6;

function section(title: string, lines: readonly string[]): string {
  const body = lines.length === 0 ? ['(none)'] : lines;
  return [title, ...body.map((line) => `  ${line}`), ''].join('\n');
}

function leaseRows(leases: Picture['leases']): string[][] {
  return leases.map(({ host, subnet, publicAddress, backend }) => [
    host,
    subnet,
    publicAddress,
    backend,
  ]);
}

function matrix({ workloads, latencies }: Picture): string[] {
  const rows = workloads.map((from, row) => [
    `${from.name} ${from.address}`,
    ...workloads.map((_, column) => cell(row === column, latencies[row]?.[column] ?? null)),
  ]);
  return table(['from \\ to', ...workloads.map(({ name }) => name)], rows);
}

function cell(own: boolean, ms: number | null): string {
  if (own) return '·';
  return ms === null ? 'lost' : ms.toFixed(2);
}

/** Columns as wide as their widest cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function gigabits(bitsPerSecond: number): string {
  return `${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s`;
}
