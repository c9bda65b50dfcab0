/** Reads what `iptables-save` prints, the same for both makes of iptables: chains and rules of the filter table. */
import { FORWARD_CHAINS, FORWARD_COMMENT } from '../../state/forward-chains.ts';
import type { IptablesRule } from '../../state/resource.ts';

export interface FilterTable {
  /** The chain where an accept counts, or undefined when there is no filter table. */
  readonly chain: string | undefined;
  /** Rules that carry our comment. */
  readonly rules: readonly IptablesRule[];
}

export const NO_TABLE: FilterTable = { chain: undefined, rules: [] };

/** Never throws: a line that is of no known form is not ours. */
export function parseSave(text: string, family: IptablesRule['family']): FilterTable {
  const lines = filterLines(text);
  const present = FORWARD_CHAINS.find(({ name }) =>
    lines.some((line) => line.startsWith(`:${name} `)),
  );
  return { chain: present?.name, rules: lines.flatMap((line) => ourRule(line, family)) };
}

/** The lines from `*filter` to its `COMMIT`. */
function filterLines(text: string): string[] {
  const lines = text.split('\n');
  const start = lines.indexOf('*filter');
  if (start < 0) return [];
  const end = lines.indexOf('COMMIT', start);
  return lines.slice(start + 1, end < 0 ? undefined : end);
}

function ourRule(line: string, family: IptablesRule['family']): IptablesRule[] {
  const [, name, rule] = /^-A (\S+) (.+)$/.exec(line) ?? [];
  const chain = FORWARD_CHAINS.find((known) => known.name === name);
  if (chain === undefined || rule === undefined || !hasOurComment(rule)) return [];
  return [{ kind: 'iptables', family, chain: chain.name, rule, position: chain.position }];
}

function hasOurComment(rule: string): boolean {
  const words = splitRule(rule) ?? [];
  return words.some((word, i) => word === '--comment' && words[i + 1] === FORWARD_COMMENT);
}

/**
 * The arguments of a rule as `iptables -S` and `iptables-save` print it: parted by spaces, in double quotes
 * where needed, with a backslash before quotes and backslashes. Undefined when a quote is not closed.
 */
export function splitRule(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text.charAt(i);
    if (letter === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (letter === ' ' && !quoted) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      const escaped = letter === '\\' && i + 1 < text.length;
      word = (word ?? '') + (escaped ? text.charAt(++i) : letter);
    }
  }
  if (word !== undefined) words.push(word);
  return quoted ? undefined : words;
}
