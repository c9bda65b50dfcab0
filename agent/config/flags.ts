/** The command line in the syntax of Go's package flag: one or two dashes, `-x=v` or `-x v`, booleans only `-x` or `-x=v`. */
import { COMMANDS, type CommandName } from './option.ts';
import { OPTION_NAMES, OPTIONS, type OptionName } from './options.ts';
import { SettingError, quote } from './setting-error.ts';

export interface Flags {
  readonly command: CommandName;
  /** Every text a flag was given, in order. */
  readonly texts: ReadonlyMap<OptionName, readonly string[]>;
}

/** Throws SettingError. Stops at `--help`, `-h` or `--version`, whatever comes after. */
export function parseFlags(argv: readonly string[]): Flags | 'help' | 'version' {
  const texts = new Map<OptionName, string[]>();
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--') {
      words.push(...argv.slice(i + 1));
      break;
    }
    const parts = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument);
    if (parts === null) {
      words.push(argument);
      continue;
    }
    const name = optionOf(parts[1] ?? '');
    if ((name === 'help' || name === 'version') && parts[2] === undefined) return name;
    const text = parts[2] ?? (isBoolean(name) ? 'true' : argv[++i]);
    if (text === undefined) throw new SettingError(missing(name));
    texts.set(name, [...(texts.get(name) ?? []), text]);
  }
  return { command: commandOf(words), texts };
}

function isBoolean(name: OptionName): boolean {
  return OPTIONS[name].type.placeholder === '';
}

function missing(name: OptionName): string {
  return `--${name} needs a value; give ${OPTIONS[name].type.wanted}`;
}

function optionOf(name: string): OptionName {
  if (name === 'h') return 'help';
  const option = OPTION_NAMES.find((known) => known === name);
  if (option !== undefined) return option;
  const near = nearest(name, OPTION_NAMES);
  const advice = near === undefined ? '' : ` did you mean --${near}?`;
  throw new SettingError(
    `weftd has no flag ${quote(`--${name}`)};${advice} "weftd --help" lists them all`,
  );
}

function commandOf(words: readonly string[]): CommandName {
  const [word, extra] = words;
  if (word === undefined) return 'run';
  const names = Object.keys(COMMANDS) as (keyof typeof COMMANDS)[];
  const command = names.find((name) => name === word);
  if (command === undefined) {
    throw new SettingError(
      `weftd has no command ${quote(word)}; there are ${names.join(', ')}, and none to run the daemon`,
    );
  }
  if (extra !== undefined) {
    throw new SettingError(
      `weftd ${command} takes no word ${quote(extra)}; take it out, or write a boolean as --flag=false`,
    );
  }
  return command;
}

/** More letters wrong than this, and it is another word. */
const FARTHEST = 3;

/** The word most like `text`, if any is: for "did you mean". */
export function nearest<T extends string>(text: string, words: readonly T[]): T | undefined {
  if (text.length > 40) return undefined;
  let best: T | undefined;
  let least = Math.min(FARTHEST + 1, Math.ceil(text.length / 2) + 1);
  for (const word of words) {
    const distance = editDistance(text, word);
    if (distance < least) [best, least] = [word, distance];
  }
  return best;
}

/** Levenshtein's: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
