/** Text for people: colours, times, lists, and nothing that could steer the terminal. */
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';
export type Paint = (style: Style, text: string) => string;

export function painter(color: boolean): Paint {
  return color
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_style, text) => text;
}

/** Control characters made visible: names and errors come from etcd, where anybody may have written them. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** The length of a time in its largest whole unit: `3 h`. What is below a second, or negative, is `0 s`. */
export function span(ms: number): string {
  const [name, unit] = UNITS.find(([, length]) => ms >= length) ?? ['s', Number.POSITIVE_INFINITY];
  return `${Math.floor(ms / unit)} ${name}`;
}

/** `2026-11-21 03:00:00 UTC` */
export function instant(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** In the largest binary unit of which there is one: `999 B`, `1.5 KiB`, `12 GiB`. */
export function byteCount(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const units = bytes / 1024 ** power;
  return `${power > 0 && units < 10 ? units.toFixed(1) : Math.floor(units)} ${BYTE_UNITS[power]}`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1 lease`, `2 leases` */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** Comma-separated; `none` for an empty list. */
export function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(', ');
}

/** For sorting: numbers in a text by their value, so that `h2` comes before `h10`. Not Intl's, which takes 10 ms to load. */
export function inOrder(a: string, b: string): number {
  const [as, bs] = [a, b].map((text) => text.split(/(\d+)/));
  for (const [i, part] of (as ?? []).entries()) {
    const other = bs?.[i];
    if (other === undefined) return 1;
    if (part === other) continue;
    // The odd ones are numbers.
    const byValue = i % 2 === 0 ? 0 : Number(part) - Number(other);
    return byValue || (part < other ? -1 : 1);
  }
  return (as?.length ?? 0) - (bs?.length ?? 0);
}
