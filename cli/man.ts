/** Man pages in man(7), from the table of commands. Pure; deploy/build/man.mjs writes them. */
import { globalsOf, spellings, termOf, told, usageWords } from './help.ts';
import { fullName } from './resolve.ts';
import {
  EXIT_CODES,
  GLOBAL_OPTIONS,
  isNoun,
  type Command,
  type Entry,
  type Noun,
  type Option,
} from './spec.ts';

export interface Page {
  /** `weft-lease-ls.1` */
  readonly file: string;
  readonly text: string;
}

export interface Edition {
  readonly version: string;
  /** `2026-11-28` */
  readonly date: string;
}

/** `weft.1`, and one for each command that is told of. */
export function manPages(table: readonly Entry[], edition: Edition): Page[] {
  const commands = table.filter(told).flatMap((entry) => {
    if (!isNoun(entry)) return [commandPage(entry, undefined, edition)];
    return entry.verbs.filter(told).map((verb) => commandPage(verb, entry, edition));
  });
  const names = commands.map(({ file }) => file.slice(0, -'.1'.length));
  return [programPage(table, names, edition), ...commands];
}

function programPage(table: readonly Entry[], pages: readonly string[], edition: Edition): Page {
  const rows = table.filter(told).flatMap((entry) => {
    const verbs = isNoun(entry) ? entry.verbs.filter(told) : [entry];
    const noun = isNoun(entry) ? entry : undefined;
    return verbs.map((command): Row => [
      bold(`weft ${fullName({ command, ...(noun === undefined ? {} : { noun }) })}`),
      prose(command.summary),
    ]);
  });
  return page('weft', 'shows and steers the network that weftd weaves', edition, [
    section('SYNOPSIS', [
      `${bold('weft')} [${italic('OPTIONS')}] ${italic('NOUN')} [${italic('VERB')}] [${italic('ARGUMENT')}]\\&...`,
    ]),
    section('DESCRIPTION', [
      paragraphs([
        'The command weft asks the daemon weftd on the same host, over a unix socket. It needs root or membership in the group weft.',
        'A command is a noun and a verb. A noun alone does its first verb: "weft lease" is "weft lease ls". "weft help NOUN VERB" prints how one is used.',
      ]),
    ]),
    section('COMMANDS', rows.map(term)),
    section('OPTIONS', [
      prose('They may stand before the command or after it.'),
      ...GLOBAL_OPTIONS.map(optionTerm),
    ]),
    section('TEMPLATES', [
      paragraphs([
        "A template prints a line for each entry of an answer: text in which {{field}} stands for a field of its JSON, {{a.b}} for one of an object in it. A list has commas, what is not known is '-', what is no text is JSON. \\t, \\n and \\\\ are a tab, a new line and a backslash. A field that there is not is refused, with the list of those that are. With --watch there is a line for everything that is there, is new or has changed.",
      ]),
    ]),
    exitStatus(),
    section('ENVIRONMENT', [
      term([bold('WEFT_SOCKET'), prose('the socket of weftd, unless --socket names another')]),
      term([bold('NO_COLOR'), prose('no colours, if it is not empty')]),
    ]),
    section('SEE ALSO', [pages.map((name) => `${bold(name)}(1)`).join(',\n')]),
  ]);
}

function commandPage(command: Command, noun: Noun | undefined, edition: Edition): Page {
  const name = fullName({ command, ...(noun === undefined ? {} : { noun }) });
  const { summary, description = [], options = [], examples = [], answer, raw } = command;
  const others = spellings(command, noun);
  const fields = Object.entries(answer?.fields ?? {}).map(([field, [type, meaning]]) =>
    term([bold(field), prose(meaning === '' ? type : `${type}: ${meaning}`)]),
  );
  return page(`weft ${name}`, summary, edition, [
    section('SYNOPSIS', [
      broken([bold(`weft ${name}`), ...usageWords(command).map(literal)].join(' ')),
      ...others.flatMap((other) => ['.br', bold(other)]),
    ]),
    section('DESCRIPTION', [
      paragraphs([sentence(summary), ...(noun?.description ?? []), ...description]),
    ]),
    section(
      'ARGUMENTS',
      (command.arguments ?? []).map((word) => term([italic(word.name), prose(word.summary)])),
    ),
    section('OPTIONS', [...options, ...globalsOf(command)].map(optionTerm)),
    section('JSON', answer === undefined ? [] : [prose(sentence(answer.json)), ...fields]),
    section(
      'EXAMPLES',
      examples.map(({ line, does }) => term([bold(line), prose(does)])),
    ),
    ...(raw === true ? [] : [exitStatus()]),
    section('SEE ALSO', [`${bold('weft')}(1)`]),
  ]);
}

type Row = readonly [term: string, text: string];

function page(name: string, summary: string, edition: Edition, sections: readonly string[]): Page {
  const file = name.replaceAll(' ', '-');
  const { version, date } = edition;
  return {
    file: `${file}.1`,
    text: [
      `.TH ${file.toUpperCase()} 1 "${date}" "weft ${version}" "weft"`,
      section('NAME', [broken(`${literal(file)} \\- ${literal(summary)}`)]),
      ...sections,
    ]
      .filter((part) => part !== '')
      .map((part) => `${part}\n`)
      .join(''),
  };
}

/** Nothing without lines. */
function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`.SH ${title}`, ...lines].join('\n');
}

function exitStatus(): string {
  return section(
    'EXIT STATUS',
    EXIT_CODES.map(([code, meaning]) => term([bold(String(code)), prose(meaning)])),
  );
}

function term([head, text]: Row): string {
  return `.TP\n${head}\n${text}`;
}

function optionTerm(option: Option): string {
  const { short, value, summary } = option;
  const flag = bold(termOf({ name: option.name }));
  const head = `${short === undefined ? '' : `${bold(`-${short}`)}, `}${flag}`;
  return term([value === undefined ? head : `${head} ${italic(value)}`, prose(summary)]);
}

function paragraphs(texts: readonly string[]): string {
  return texts.map((text) => prose(text)).join('\n.PP\n');
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase();
  return `${first}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

function bold(text: string): string {
  return `\\fB${literal(text)}\\fR`;
}

function italic(text: string): string {
  return `\\fI${literal(text)}\\fR`;
}

/** Each sentence begins a line, as roff wants it; what stands between backquotes is bold. */
function prose(text: string): string {
  return text
    .split(/(?<=[.?!]) (?=[A-Z"])/)
    .map((sentence) => sentence.split('`'))
    .map((parts) =>
      broken(parts.map((part, i) => (i % 2 === 0 ? literal(part) : bold(part))).join('')),
    )
    .join('\n');
}

/** mandoc(1) finds longer lines bad style. In bytes: all are ASCII. */
const LINE_LIMIT = 78;

/** At spaces; roff fills the lines again. */
function broken(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > LINE_LIMIT) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  // What begins with a dot or an apostrophe would be a request.
  return lines.map((line) => line.replace(/^[.']/, '\\&$&')).join('\n');
}

const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '"': '\\(dq',
};

/** Every character as it is: groff_char(7). */
function literal(text: string): string {
  return text
    .replace(/[\\\-'`^~"]/g, (char) => SPECIAL[char] ?? char)
    .replace(/[^\u0000-\u007f]/gu, (char) => `\\[u${hex(char)}]`);
}

function hex(char: string): string {
  return (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}
