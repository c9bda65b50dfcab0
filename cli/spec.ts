/** What a command of `weft` is, as data: parsing, `--help`, completion, man pages and their checks are made from this. */
import type { Context } from './io.ts';

/** Names that the daemon knows: commands/complete.ts asks it for them. */
export type LiveName = 'lease' | 'member' | 'peer' | 'endpoint' | 'network';

/** What a word of the command line may be. */
export type Completion = 'file' | LiveName | readonly string[];

export interface Option {
  /** Without the dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What stands for its value in the help, in capitals; absent: it takes none. */
  readonly value?: string;
  readonly repeats?: true;
  /** No capital, no full stop. */
  readonly summary: string;
  readonly completes?: Completion;
}

export interface Argument {
  /** In capitals. */
  readonly name: string;
  readonly summary: string;
  readonly optional?: true;
  /** Takes all words that are left. Only the last one may. */
  readonly repeats?: true;
  readonly completes?: Completion;
}

export interface Example {
  readonly line: string;
  /** What it does: no capital, no full stop. */
  readonly does: string;
}

/** Type and meaning of a field of the JSON. */
export type Field = readonly [type: string, meaning: string];

/** What `--json` prints, and what `--format` takes. */
export interface Answer {
  /** `an array of leases` */
  readonly json: string;
  /**
   * By name. `a.b` is a field of the object `a`, `a.*` any field of it; `a[].b` a field of each entry of the array
   * `a`, which templates cannot take.
   */
  readonly fields: Readonly<Record<string, Field>>;
}

/** What does something: a noun's verb, or one that stands alone. */
export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line: no capital, no full stop. */
  readonly summary: string;
  /** Paragraphs. */
  readonly description?: readonly string[];
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  readonly examples?: readonly Example[];
  /** Absent: `--format` is refused. */
  readonly answer?: Answer;
  /** Works, but is told nowhere. */
  readonly hidden?: true;
  /** Gets its words as they are, with the flags: app.ts calls it before anything is parsed. */
  readonly raw?: true;
  /** Imported when it is called: `weft --help` loads none of it. Gives the exit code, if it is not that of success. */
  work(): Promise<{ run(context: Context): Promise<number | void> }>;
}

/** A thing, and what can be done with it. A noun alone does its first verb. */
export interface Noun {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly description?: readonly string[];
  readonly verbs: readonly [Command, ...Command[]];
}

export type Entry = Command | Noun;

export function isNoun(entry: Entry): entry is Noun {
  return 'verbs' in entry;
}

export const DEFAULT_SOCKET = '/run/weft/weft.sock';

/** Before or after the command. */
export const GLOBAL_OPTIONS: readonly Option[] = [
  {
    name: 'socket',
    value: 'PATH',
    summary: `where weftd listens (WEFT_SOCKET; default: ${DEFAULT_SOCKET})`,
    completes: 'file',
  },
  { name: 'json', summary: 'print JSON' },
  {
    name: 'format',
    value: 'TEMPLATE',
    summary: "print each entry by a template: '{{name}} {{address}}'",
  },
  { name: 'no-color', summary: 'print without colours, as in a pipe or with NO_COLOR set' },
  { name: 'help', short: 'h', summary: 'print how it is used' },
  { name: 'version', short: 'V', summary: 'print the version' },
];

/** For what can be watched. */
export const WATCH: Option = { name: 'watch', short: 'w', summary: 'go on, and show each change' };

/** For changes that made twice would be others. */
export const CHANGE_ID: Option = {
  name: 'id',
  value: 'ID',
  summary: 'an id of your choice for this change: asked again by it, weftd makes no other',
};

export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done; also when the reader of a pipe has seen enough'],
  [1, 'failed; one sentence on standard error says why. weft dns check: not all hosts agree'],
  [2, 'wrong usage'],
  [3, 'weftd does not answer: not running, no permission, too slow, or it stopped meanwhile'],
];
