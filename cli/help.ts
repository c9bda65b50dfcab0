/** What `--help` prints. Pure. */
import { fullName, type Place } from './resolve.ts';
import {
  EXIT_CODES,
  GLOBAL_OPTIONS,
  isNoun,
  type Command,
  type Entry,
  type Noun,
  type Option,
} from './spec.ts';

/** Text is broken at this many columns, or at the terminal's width if that is less. */
const MOST_COLUMNS = 100;
/** A term that is longer stands on a line of its own. */
const LONGEST_TERM = 26;

type Row = readonly [term: string, text: string];

export function helpLines(of: Place, table: readonly Entry[], columns = MOST_COLUMNS): string[] {
  const width = Math.max(40, Math.min(columns, MOST_COLUMNS));
  if (of.command !== undefined) return commandHelp(of.command, fullName(of), width, of.noun);
  return of.noun === undefined ? programHelp(table, width) : nounHelp(of.noun, width);
}

function programHelp(table: readonly Entry[], width: number): string[] {
  return [
    'Usage: weft [OPTIONS] COMMAND',
    ...paragraph('Shows and steers the network that weftd weaves on this host.', width),
    ...section('Commands', table.filter(told).map(rowOf), width),
    ...section('Options', GLOBAL_OPTIONS.map(optionRow), width),
    ...section(
      'Exit codes',
      EXIT_CODES.map(([code, meaning]) => [String(code), meaning]),
      width,
    ),
    ...paragraph(
      '"weft help COMMAND" tells more of one. A thing alone lists: "weft lease" is "weft lease ls".',
      width,
    ),
  ];
}

function nounHelp(noun: Noun, width: number): string[] {
  const { name, summary, description = [], verbs } = noun;
  return [
    `Usage: weft ${name} COMMAND`,
    ...also(noun),
    ...[summary, ...description].flatMap((text) => paragraph(text, width)),
    ...section('Commands', verbs.filter(told).map(rowOf), width),
    ...paragraph(
      `"weft help ${name} COMMAND" tells more of one; "weft ${name}" alone is "weft ${name} ${verbs[0].name}".`,
      width,
    ),
  ];
}

function commandHelp(command: Command, name: string, width: number, noun?: Noun): string[] {
  const { summary, description = [], options = [], examples = [], answer } = command;
  const fields = Object.entries(answer?.fields ?? {}).map(([field, [type, meaning]]): Row => [
    field,
    plain(meaning === '' ? type : `${type}: ${meaning}`),
  ]);
  return [
    ['Usage: weft', name, ...usageWords(command)].join(' '),
    ...also(command, noun),
    ...[summary, ...description].flatMap((text) => paragraph(text, width)),
    ...section(
      'Arguments',
      (command.arguments ?? []).map((a): Row => [a.name, a.summary]),
      width,
    ),
    ...section('Options', [...options, ...globalsOf(command)].map(optionRow), width),
    ...section(
      'Examples',
      examples.map(({ line, does }): Row => [line, does]),
      width,
    ),
    ...(answer === undefined ? [] : section(`JSON: ${answer.json}`, fields, width)),
  ];
}

/** What follows its name: `TARGET [NETWORK] [--name NAME]… [OPTIONS]`. */
export function usageWords({ arguments: words = [], options = [], raw }: Command): string[] {
  return [
    ...words.map(({ name, optional, repeats }) => {
      const many = repeats === true ? '…' : '';
      return optional === true ? `[${name}]${many}` : `${name}${many}`;
    }),
    ...options.map((option) => `[${termOf(option)}]${option.repeats === true ? '…' : ''}`),
    ...(raw === true ? [] : ['[OPTIONS]']),
  ];
}

/** Those that mean something to it. */
export function globalsOf({ answer, raw }: Command): Option[] {
  if (raw === true) return [];
  return GLOBAL_OPTIONS.filter(({ name }) => {
    if (name === 'version') return false;
    return answer !== undefined || (name !== 'format' && name !== 'json');
  });
}

export function told(entry: Entry): boolean {
  return isNoun(entry) || entry.hidden !== true;
}

/** Other spellings of the whole: `weft leases`, `weft lease list`. */
export function spellings(command: Command, noun?: Noun): string[] {
  const { name, aliases = [] } = command;
  if (noun === undefined) return aliases.map((alias) => `weft ${alias}`);
  const alone = noun.verbs[0] === command ? [noun.name, ...(noun.aliases ?? [])] : [];
  return [...alone, ...aliases.map((alias) => `${noun.name} ${alias}`)]
    .filter((spelling) => spelling !== `${noun.name} ${name}`)
    .map((spelling) => `weft ${spelling}`);
}

function also(entry: Entry, noun?: Noun): string[] {
  const others = isNoun(entry)
    ? (entry.aliases ?? []).map((alias) => `weft ${alias}`)
    : spellings(entry, noun);
  return others.length === 0 ? [] : [`Also:  ${others.join(', ')}`];
}

function rowOf(entry: Entry): Row {
  const verbs = isNoun(entry) ? entry.verbs.map(({ name }) => name) : [];
  return [entry.name, `${entry.summary}${verbs.length > 1 ? ` (${verbs.join(', ')})` : ''}`];
}

/** One letter alone has one dash, as docker-opts wants. */
export function termOf({ name, value }: Pick<Option, 'name' | 'value'>): string {
  const flag = name.length === 1 ? `-${name}` : `--${name}`;
  return value === undefined ? flag : `${flag} ${value}`;
}

function optionRow(option: Option): Row {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  return [`${short}${termOf(option)}`, option.summary];
}

/** The backquotes of the documentation are not for terminals. */
function plain(text: string): string {
  return text.replaceAll('`', '');
}

function paragraph(text: string, width: number): string[] {
  return ['', ...wrapped(plain(text), width)];
}

function section(title: string, rows: readonly Row[], width: number): string[] {
  if (rows.length === 0) return [];
  const terms = rows.map(([term]) => term.length).filter((length) => length <= LONGEST_TERM);
  const indent = 2 + Math.max(0, ...terms) + 2;
  const lines = rows.flatMap(([term, text]) => {
    const [first = '', ...rest] = wrapped(text, width - indent);
    const pad = ' '.repeat(indent);
    const head = `  ${term}`;
    const beside = head.length <= indent - 2;
    return [
      ...(beside ? [`${head.padEnd(indent)}${first}`.trimEnd()] : [head, `${pad}${first}`]),
      ...rest.map((line) => `${pad}${line}`),
    ];
  });
  return ['', `${title}:`, ...lines];
}

/** At spaces; a word that is longer than a line stands out. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
