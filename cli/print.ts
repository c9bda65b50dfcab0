/** How every command writes: lines for people, JSON for programs. */
import type { Io } from './io.ts';

export function printLines(io: Io, lines: readonly string[]): void {
  io.stdout.write(`${lines.join('\n')}\n`);
}

/** One document, indented; or with `line` one of many, each on a line of its own. Times are RFC 3339. */
export function printJson(io: Io, value: unknown, line: 'line' | 'document' = 'document'): void {
  io.stdout.write(`${JSON.stringify(value, undefined, line === 'line' ? undefined : 2)}\n`);
}
