/** From the words of a command line to a command with its options and arguments. Pure. */
import { parseArgs } from 'node:util';
import { WeftError } from '../controlplane/api/errors.ts';
import { fullName, meant, resolve, type Place } from './resolve.ts';
import { GLOBAL_OPTIONS, type Command, type Entry, type Option } from './spec.ts';

/** By name; a list for one that may be repeated. */
export type Values = Readonly<Record<string, string | true | readonly string[]>>;

/** Of an option that takes a value; undefined if it was not given. */
export function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** Of an option that may be repeated. */
export function listOf(values: Values, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value : [];
}

export interface Call {
  readonly type: 'call';
  readonly name: string;
  readonly command: Command;
  readonly words: readonly string[];
  readonly values: Values;
}

export type Parsed =
  | Call
  /** `asked`: for help, and not for nothing. */
  | { readonly type: 'help'; readonly of: Place; readonly asked: boolean }
  | { readonly type: 'version' };

/** Throws WEFT_USAGE. */
export function parse(argv: readonly string[], table: readonly Entry[]): Parsed {
  // The options of a command are known once the command is; those before it are global.
  const first = positionals(tokensOf(argv, GLOBAL_OPTIONS));
  if (first[0] === 'help') return helpOf(first.slice(1), table);
  const place = resolve(first, table);
  const command = place.command ?? place.noun?.verbs[0];
  const options = [...GLOBAL_OPTIONS, ...(command?.options ?? [])];
  const tokens = tokensOf(argv, options);
  const values = valuesOf(tokens, options);
  if (values['version'] === true) return { type: 'version' };
  if (values['help'] === true) return { type: 'help', of: place, asked: true };
  const words = positionals(tokens);
  if (command === undefined) {
    if (words[0] !== undefined) throw unknown(words[0], table);
    return { type: 'help', of: place, asked: false };
  }
  const name = fullName({ ...place, command });
  const given = words.slice(place.used);
  if (place.command === undefined) refuseUnknownVerb(place, given);
  checkCount(command, name, given);
  return { type: 'call', name, command, words: given, values };
}

/** Throws WEFT_USAGE for words that name nothing. */
function helpOf(words: readonly string[], table: readonly Entry[]): Parsed {
  const of = resolve(words, table);
  const rest = words[of.used];
  if (rest === undefined) return { type: 'help', of, asked: true };
  const known = of.noun?.verbs ?? (of.command === undefined ? table : []);
  throw unknown(rest, known, fullName(of));
}

/** A word after a noun alone is a verb that there is not: words for the first verb come after its name. */
function refuseUnknownVerb({ noun }: Place, [word]: readonly string[]): void {
  if (noun !== undefined && word !== undefined) throw unknown(word, noun.verbs, noun.name);
}

function unknown(word: string, known: readonly Entry[], name = ''): WeftError {
  const names = known.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  return usage(`unknown command '${word}'${didYouMean(meant(word, names))}`, name);
}

function didYouMean(text: string | undefined): string {
  return text === undefined ? '' : ` (did you mean ${text}?)`;
}

type Tokens = NonNullable<ReturnType<typeof parseArgs>['tokens']>;

function tokensOf(argv: readonly string[], options: readonly Option[]): Tokens {
  const config = options.map(({ name, short, value }) => [
    name,
    { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) },
  ]);
  // Not strict: its sentences are not ours.
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(config) as Record<string, { type: 'boolean' | 'string' }>,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens;
}

function positionals(tokens: Tokens): string[] {
  return tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
}

function valuesOf(tokens: Tokens, options: readonly Option[]): Values {
  const values: Record<string, string | true | string[]> = {};
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = options.find(({ name }) => name === token.name);
    if (option === undefined) {
      const known = options.map(({ name }) => `--${name}`);
      throw usage(`unknown option '${token.rawName}'${didYouMean(meant(token.rawName, known))}`);
    }
    const value = valueOf(token, option);
    const before = values[option.name];
    if (option.repeats !== true || value === true) values[option.name] = value;
    else values[option.name] = [...(Array.isArray(before) ? before : []), value];
  }
  return values;
}

type OptionToken = Extract<Tokens[number], { kind: 'option' }>;

function valueOf({ rawName, value, inlineValue }: OptionToken, option: Option): string | true {
  if (option.value === undefined) {
    if (value === undefined) return true;
    throw usage(`option '${rawName}' takes no value`);
  }
  // What looks like an option is one, unless it was bound with `=`.
  if (value === undefined || (!inlineValue && /^-./.test(value)))
    throw usage(`option '${rawName} ${option.value}': its value is missing`);
  if (value === '') throw usage(`${rawName} is empty`);
  return value;
}

function checkCount(command: Command, name: string, words: readonly string[]): void {
  const wanted = command.arguments ?? [];
  const missing = wanted.find(({ optional }, i) => optional !== true && words[i] === undefined);
  if (missing !== undefined) throw usage(`'${name}' needs ${missing.name}`, name);
  const most = wanted.at(-1)?.repeats === true ? Number.POSITIVE_INFINITY : wanted.length;
  if (words.length <= most) return;
  const takes = most === 0 ? 'no argument' : `${most} argument${most === 1 ? '' : 's'}`;
  throw usage(`too many arguments: '${name}' takes ${takes}, and got ${words.length}`, name);
}

function usage(message: string, name = ''): WeftError {
  const line = name === '' ? 'weft --help' : `weft help ${name}`;
  return new WeftError('WEFT_USAGE', message, { fix: `see ${line}` });
}
