/** What may come next on a command line, as far as the table of commands knows. Pure. */
import { told } from './help.ts';
import { resolve } from './resolve.ts';
import {
  GLOBAL_OPTIONS,
  type Command,
  type Completion,
  type Entry,
  type LiveName,
  type Option,
} from './spec.ts';
import { fieldNames } from './template.ts';

export type Candidate = readonly [word: string, summary: string];

export interface Proposal {
  /** Every one that there is; the caller keeps those that begin as the last word does. */
  readonly candidates: readonly Candidate[];
  /** Names that the daemon knows belong to them too. */
  readonly live?: LiveName;
  /** Files do. */
  readonly files?: true;
  /** What the last word begins with, and stays: `--socket=`. */
  readonly kept?: string;
  /** Value of `--socket`, if it was given. */
  readonly socketPath?: string;
}

/** `words` follow `weft`; the last one is being typed, and may be empty. */
export function propose(words: readonly string[], table: readonly Entry[]): Proposal {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = commandOf(positionals(before, GLOBAL_OPTIONS), table);
  const options = command?.raw === true ? [] : [...GLOBAL_OPTIONS];
  options.push(...(command?.options ?? []));
  const socketPath = socketOf(before);
  const proposal = proposeFor(typed, before, { command, options, table });
  return { ...proposal, ...(socketPath === undefined ? {} : { socketPath }) };
}

interface Line {
  readonly command: Command | undefined;
  readonly options: readonly Option[];
  readonly table: readonly Entry[];
}

function proposeFor(typed: string, before: readonly string[], line: Line): Proposal {
  const { command, options, table } = line;
  const ended = before.includes('--');
  const pending = ended ? undefined : options.find((option) => takes(option, before.at(-1)));
  if (pending !== undefined) return valuesOf(pending, command);
  const [, kept = ''] = /^(--[^=]+=)/.exec(typed) ?? [];
  const bound = ended || kept === '' ? undefined : options.find((o) => `--${o.name}=` === kept);
  if (bound !== undefined) return { ...valuesOf(bound, command), kept };
  if (!ended && typed.startsWith('-')) return { candidates: flagsOf(options, before) };
  return wordsAfter(positionals(before, options), command, table);
}

/** What stands where no option does. */
function wordsAfter(
  words: readonly string[],
  command: Command | undefined,
  table: readonly Entry[],
): Proposal {
  const [first] = words;
  if (first === undefined) return { candidates: [...namesOf(table), HELP] };
  if (first === 'help') return { candidates: namesOf(verbsAfter(words.slice(1), table)) };
  const place = resolve(words, table);
  const verbs = words.length === place.used ? verbsAfter(words, table) : [];
  if (verbs.length > 0) return { candidates: namesOf(verbs) };
  const given = words.length - place.used;
  const last = command?.arguments?.at(-1);
  const argument = command?.arguments?.[given] ?? (last?.repeats === true ? last : undefined);
  return completionsOf(argument?.completes);
}

const HELP: Candidate = ['help', 'print how a command is used'];

function verbsAfter(words: readonly string[], table: readonly Entry[]): readonly Entry[] {
  if (words.length === 0) return table;
  const { noun, command } = resolve(words, table);
  return command === undefined ? (noun?.verbs ?? []) : [];
}

function namesOf(entries: readonly Entry[]): Candidate[] {
  return entries.filter(told).map(({ name, summary }) => [name, summary]);
}

function commandOf(words: readonly string[], table: readonly Entry[]): Command | undefined {
  const { noun, command } = resolve(words, table);
  return command ?? noun?.verbs[0];
}

function flagsOf(options: readonly Option[], before: readonly string[]): Candidate[] {
  return options
    .filter(({ name, repeats }) => repeats === true || !before.includes(flagOf(name)))
    .map(({ name, summary }) => [flagOf(name), summary]);
}

function flagOf(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** The word before is this option, and the value comes next. */
function takes({ name, short, value }: Option, word: string | undefined): boolean {
  return value !== undefined && (word === flagOf(name) || word === `-${short ?? name}`);
}

function valuesOf(option: Option, command: Command | undefined): Proposal {
  if (option.name !== 'format') return completionsOf(option.completes);
  const fields = Object.entries(command?.answer?.fields ?? {});
  const names = fieldNames(Object.fromEntries(fields));
  return {
    candidates: fields
      .filter(([name]) => names.includes(name) && !name.includes('*'))
      .map(([name, [type]]) => [`{{${name}}}`, type]),
  };
}

function completionsOf(completes: Completion | undefined): Proposal {
  if (completes === undefined) return { candidates: [] };
  if (completes === 'file') return { candidates: [], files: true };
  if (typeof completes === 'string') return { candidates: [], live: completes };
  return { candidates: completes.map((word) => [word, '']) };
}

/** Without options and their values. */
function positionals(words: readonly string[], options: readonly Option[]): string[] {
  const end = words.indexOf('--');
  const upToEnd = end === -1 ? words : words.slice(0, end);
  return [
    ...upToEnd.filter(
      (word, i) => !/^-./.test(word) && !options.some((option) => takes(option, upToEnd[i - 1])),
    ),
    ...(end === -1 ? [] : words.slice(end + 1)),
  ];
}

function socketOf(words: readonly string[]): string | undefined {
  const at = words.lastIndexOf('--socket');
  const bound = words.findLast((word) => word.startsWith('--socket='));
  return at === -1 ? bound?.slice('--socket='.length) : words[at + 1];
}

/**
 * The words of a line as bash splits it, up to where the cursor is, which ends the last one. Quotes and backslashes
 * are taken off; what would be expanded stays as it is.
 */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let rest = line.trimStart();
  while (rest !== '') {
    const [raw = ''] =
      /^(?:\\.|'[^']*(?:'|$)|"(?:\\.|[^"\\])*(?:"|\\?$)|[^\s'"\\]|\\$)+/s.exec(rest) ?? [];
    words.push(unquoted(raw));
    const after = rest.slice(raw.length);
    rest = after.trimStart();
    if (rest === '' && after !== '') words.push('');
  }
  return words;
}

function unquoted(raw: string): string {
  return raw.replace(
    /\\(.?)|'([^']*)'?|"((?:\\.|[^"\\])*)"?/gs,
    (_, escaped?: string, single?: string, double?: string) =>
      escaped ?? single ?? (double ?? '').replace(/\\([$`"\\])/g, '$1'),
  );
}
