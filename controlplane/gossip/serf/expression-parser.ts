/** Reads regular expressions in RE2's syntax; see expression.ts. */

export type Node =
  | Letter
  | Between
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly node: Node;
      readonly least: number;
      readonly most: number;
    };

export interface Letter {
  readonly kind: 'letter';
  readonly passes: (letter: string) => boolean;
}

/** What is between two letters; undefined at the ends. */
export interface Between {
  readonly kind: 'between';
  readonly passes: (before: string | undefined, after: string | undefined) => boolean;
}

/** Not a regular expression, or one that is not understood here. */
export class Unsupported extends Error {}

/** RE2's own bound. */
const REPEAT_LIMIT = 1_000;
/** Groups within each other. */
const DEPTH_LIMIT = 64;
const EMPTY: Node = { kind: 'sequence', nodes: [] };

/** Parts of classes, as JavaScript writes them. */
const CLASSES: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Za-z_',
  s: '\\t\\n\\f\\r ',
};
const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: '\\t ',
  digit: '0-9',
  lower: 'a-z',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};
const CONTROLS: Readonly<Record<string, string>> = {
  a: '\u0007',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Throws an Unsupported. */
export function parse(pattern: string): Node {
  return new Parser(pattern).parse();
}

class Parser {
  readonly #letters: readonly string[];
  #at = 0;
  #depth = 0;
  /** Among i, s, m. They hold up to the end of the group in which they are set. */
  #flags: ReadonlySet<string> = new Set();

  constructor(pattern: string) {
    this.#letters = Array.from(pattern);
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#next !== undefined) throw new Unsupported();
    return node;
  }

  get #next(): string | undefined {
    return this.#letters[this.#at];
  }

  #take(): string {
    const letter = this.#next;
    if (letter === undefined) throw new Unsupported();
    this.#at++;
    return letter;
  }

  /** What the expression, anchored at its start, finds here. */
  #skip(expression: RegExp): RegExpExecArray | undefined {
    const found = expression.exec(this.#letters.slice(this.#at, this.#at + 64).join(''));
    if (found === null) return undefined;
    this.#at += Array.from(found[0]).length;
    return found;
  }

  #choice(): Node {
    if (++this.#depth > DEPTH_LIMIT) throw new Unsupported();
    const flags = this.#flags;
    const nodes = [this.#sequence()];
    while (this.#skip(/^\|/)) nodes.push(this.#sequence());
    this.#flags = flags;
    this.#depth--;
    return { kind: 'choice', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#next !== undefined && this.#next !== '|' && this.#next !== ')')
      nodes.push(this.#repeated(this.#atom()));
    return { kind: 'sequence', nodes };
  }

  /** One quantifier at most, as RE2 has it. A lazy one finds the same. */
  #repeated(node: Node): Node {
    const times = this.#quantifier();
    if (times === undefined) return node;
    this.#skip(/^\?/);
    if (this.#quantifier() !== undefined) throw new Unsupported();
    return { kind: 'repeat', node, ...times };
  }

  #quantifier(): { least: number; most: number } | undefined {
    if (this.#skip(/^\*/)) return { least: 0, most: Infinity };
    if (this.#skip(/^\+/)) return { least: 1, most: Infinity };
    if (this.#skip(/^\?/)) return { least: 0, most: 1 };
    const counted = this.#skip(/^\{(\d{1,4})(,?)(\d{0,4})\}/);
    if (counted === undefined) return undefined;
    const least = Number(counted[1]);
    const open = counted[2] === ',' && counted[3] === '';
    const most = counted[2] === ',' ? Number(counted[3]) : least;
    if (least > REPEAT_LIMIT || (!open && (most > REPEAT_LIMIT || most < least)))
      throw new Unsupported();
    return { least, most: open ? Infinity : most };
  }

  #atom(): Node {
    const letter = this.#take();
    const dotAll = this.#flags.has('s');
    const lines = this.#flags.has('m');
    switch (letter) {
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '\\':
        return this.#escape();
      case '.':
        return { kind: 'letter', passes: (other) => dotAll || other !== '\n' };
      case '^':
        return between((before) => before === undefined || (lines && before === '\n'));
      case '$':
        return between((_, after) => after === undefined || (lines && after === '\n'));
      case '*':
      case '+':
      case '?':
        throw new Unsupported();
      default:
        return this.#letter(letter);
    }
  }

  #group(): Node {
    const outer = this.#flags;
    if (!this.#skip(/^\?P?<\w+>/) && this.#next === '?') {
      const given = this.#skip(/^\?([ims]*)(?:-([ims]+))?([:)])/);
      if (given === undefined) throw new Unsupported();
      const [, on = '', off = '', end] = given;
      this.#flags = new Set([...outer, ...Array.from(on)].filter((flag) => !off.includes(flag)));
      if (end === ')') return EMPTY;
    }
    const node = this.#choice();
    if (this.#take() !== ')') throw new Unsupported();
    this.#flags = outer;
    return node;
  }

  #escape(): Node {
    const letter = this.#take();
    if (letter === 'A') return between((before) => before === undefined);
    if (letter === 'z') return between((_, after) => after === undefined);
    if (letter === 'b') return between((before, after) => isWord(before) !== isWord(after));
    if (letter === 'B') return between((before, after) => isWord(before) === isWord(after));
    const known = CLASSES[letter];
    if (known !== undefined) return this.#oneOf(known);
    const negated = CLASSES[letter.toLowerCase()];
    if (negated !== undefined) return this.#oneOf(`^${negated}`);
    return this.#letter(this.#escaped(letter));
  }

  /** The letter that an escape stands for. */
  #escaped(letter: string): string {
    const control = CONTROLS[letter];
    if (control !== undefined) return control;
    if (letter === 'x') {
      const code = this.#skip(/^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,5})\})/);
      if (code === undefined) throw new Unsupported();
      return String.fromCodePoint(Number.parseInt(code[1] ?? code[2] ?? '', 16));
    }
    if (/^[0-9A-Za-z]$/.test(letter) || letter > '\u007f') throw new Unsupported();
    return letter;
  }

  /** After the bracket. */
  #class(): Node {
    let body = this.#skip(/^\^/) ? '^' : '';
    let first = true;
    while (first || this.#next !== ']') {
      body += this.#classPart();
      first = false;
    }
    this.#take();
    return this.#oneOf(body);
  }

  #classPart(): string {
    const posix = this.#skip(/^\[:(\w+):\]/);
    if (posix !== undefined) return known(POSIX[posix[1] ?? '']);
    const escape = this.#skip(/^\\([dws])/);
    if (escape !== undefined) return known(CLASSES[escape[1] ?? '']);
    const from = this.#classLetter();
    if (!this.#skip(/^-(?!\])/)) return quoted(from);
    const to = this.#classLetter();
    if ((from.codePointAt(0) ?? 0) > (to.codePointAt(0) ?? 0)) throw new Unsupported();
    return `${quoted(from)}-${quoted(to)}`;
  }

  #classLetter(): string {
    const letter = this.#take();
    return letter === '\\' ? this.#escaped(this.#take()) : letter;
  }

  #letter(letter: string): Letter {
    if (this.#flags.has('i')) return this.#oneOf(quoted(letter));
    return { kind: 'letter', passes: (other) => other === letter };
  }

  /** One letter at a time: nothing to go back over. */
  #oneOf(body: string): Letter {
    const expression = new RegExp(`^[${body}]$`, this.#flags.has('i') ? 'iu' : 'u');
    return { kind: 'letter', passes: (letter) => expression.test(letter) };
  }
}

function between(passes: Between['passes']): Between {
  return { kind: 'between', passes };
}

function isWord(letter: string | undefined): boolean {
  return letter !== undefined && /^\w$/.test(letter);
}

function quoted(letter: string): string {
  return `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`;
}

function known(body: string | undefined): string {
  if (body === undefined) throw new Unsupported();
  return body;
}
