/** Columns of text, as wide as needed and no wider than the terminal. */
import { printable } from './text.ts';

const GAP = '  ';
/** A column that is cut keeps at least so many characters. */
const LEAST = 6;

/**
 * The head line and one line for each row. When they do not fit into `width`, the widest columns are cut, and
 * what is cut ends in `…`; without `width` nothing is.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width?: number,
): string[] {
  const cells = [head, ...rows].map((row) => row.map(printable));
  const wanted = head.map((_, i) =>
    cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), 0),
  );
  const widths = width === undefined ? wanted : fit(wanted, width - GAP.length * (head.length - 1));
  return cells.map((row) =>
    row
      .map((cell, i) => padded(cell, widths[i] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

/** Takes from the widest until all fit into `room`, or none is wider than LEAST. */
function fit(wanted: readonly number[], room: number): number[] {
  const widths = [...wanted];
  for (;;) {
    const excess = widths.reduce((sum, width) => sum + width, 0) - room;
    const widest = Math.max(...widths);
    if (excess <= 0 || widest <= LEAST) return widths;
    const next = Math.max(LEAST, ...widths.filter((width) => width < widest));
    const at = widths.indexOf(widest);
    // Down to the next narrower one in one step, then they take turns.
    widths[at] = Math.max(widest - excess, Math.min(next, widest - 1));
  }
}

function padded(cell: string, width: number): string {
  return cell.length <= width ? cell.padEnd(width) : `${cell.slice(0, width - 1)}…`;
}
