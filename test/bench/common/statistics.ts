/** Figures of several rounds, and how they are printed. */

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** The share `of` (0 to 1) of the values that lies below the result. */
export function quantile(values: readonly number[], of: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(of * sorted.length))] ?? Number.NaN;
}

/** A line of a benchmark's result. `wanted` is a clause: `under 3`. */
export function say(name: string, figure: string, wanted?: string): void {
  console.log(
    `${name.padEnd(58)} ${figure}${wanted === undefined ? '' : `   (wanted: ${wanted})`}`,
  );
}

/** `12.3 (11.9 12.3 14.0)`: the median and what it is of. */
export function spread(values: readonly number[], digits = 0): string {
  const all = values.map((value) => value.toFixed(digits)).join(' ');
  return `${median(values).toFixed(digits)}  [${all}]`;
}
