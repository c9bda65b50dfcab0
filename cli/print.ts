/** How every command writes: lines for people, JSON or a template for programs. */
import type { Context, Io } from './io.ts';
import { render } from './template.ts';

export function printLines(io: Io, lines: readonly string[]): void {
  io.stdout.write(`${lines.join('\n')}\n`);
}

/**
 * An answer in the form that was asked for; `lines` are for people. `line`: it is one of many, and its JSON stands on
 * a line of its own. Times in JSON are RFC 3339.
 */
export function printAnswer(
  { io, json, template }: Context,
  answer: object,
  lines: () => readonly string[],
  line: 'line' | 'document' = 'document',
): void {
  if (json) io.stdout.write(`${JSON.stringify(answer, undefined, line === 'line' ? 0 : 2)}\n`);
  else if (template === undefined) printLines(io, lines());
  else {
    const entries: readonly unknown[] = Array.isArray(answer) ? answer : [answer];
    if (entries.length > 0)
      printLines(
        io,
        entries.map((entry) => render(template, entry)),
      );
  }
}
