/** Which command the words of a line name. */
import { isNoun, type Command, type Entry, type Noun } from './spec.ts';

/** As far as the words lead. */
export interface Place {
  readonly noun?: Noun;
  readonly command?: Command;
  /** How many words name it. */
  readonly used: number;
}

/** No noun and no command: the first word, if there is one, is unknown. */
export function resolve(words: readonly string[], table: readonly Entry[]): Place {
  const [first, second] = words;
  const entry = find(table, first);
  if (entry === undefined) return { used: 0 };
  if (!isNoun(entry)) return { command: entry, used: 1 };
  const verb = find(entry.verbs, second);
  return verb === undefined ? { noun: entry, used: 1 } : { noun: entry, command: verb, used: 2 };
}

function find<T extends Entry>(entries: readonly T[], word: string | undefined): T | undefined {
  if (word === undefined) return undefined;
  return entries.find(({ name, aliases }) => name === word || aliases?.includes(word) === true);
}

/** `lease ls` */
export function fullName({ noun, command }: Pick<Place, 'noun' | 'command'>): string {
  return [noun?.name, command?.name].filter((name) => name !== undefined).join(' ');
}

/** The one of `known` that `word` was probably meant to be: at most one edit in three letters away. */
export function meant(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((name) => ({ name, edits: distance(word, name) }))
    .filter(({ name, edits }) => edits * 3 <= Math.max(word.length, name.length))
    .toSorted((a, b) => a.edits - b.edits);
  return best?.name;
}

/** Letters to insert, remove, change, or swap with the next (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const at = (di: number, dj: number): number => (di === 0 ? row : rows[i - di])?.[j - dj] ?? 0;
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(1, 0) + 1,
        at(0, 1) + 1,
        at(1, 1) + (same ? 0 : 1),
        swapped ? at(2, 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
