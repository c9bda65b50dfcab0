/**
 * Regular expressions in RE2's syntax, as the filters of queries have them, searched for anywhere in a text.
 * JavaScript's own would take exponential time for some that anybody on the network may send. Here a text is read
 * once, at all the places of the pattern that are possible at the same time (Thompson 1968). What is not understood
 * is refused: look-around and back references, which RE2 has not either, and RE2's Unicode classes.
 */
import { parse, Unsupported, type Between, type Letter, type Node } from './expression-parser.ts';

/** Letters of a pattern, and of a text: more do not fit a query or a tag. */
const PATTERN_LIMIT = 512;
const TEXT_LIMIT = 512;
/** Steps of a program, with all that is repeated written out: with a text, at most half a million comparisons. */
const PROGRAM_LIMIT = 1_000;

/** A letter and a between go on to the next step, a fork to those it names. */
type Step =
  | Letter
  | Between
  | { readonly kind: 'fork'; readonly to: number[] }
  | { readonly kind: 'match' };

/** Whether the pattern is found in the text; undefined when it is not understood. */
export function search(pattern: string, text: string): boolean | undefined {
  if (pattern.length > PATTERN_LIMIT || text.length > TEXT_LIMIT) return undefined;
  try {
    return new Search(compile(parse(pattern)), Array.from(text)).run();
  } catch (error) {
    if (error instanceof Unsupported) return undefined;
    throw error;
  }
}

function compile(node: Node): readonly Step[] {
  const steps: Step[] = [];
  // What compiles to no step counts as well: an empty group a thousand times a thousand times.
  let work = 0;
  const fork = (...to: number[]): number[] => {
    steps.push({ kind: 'fork', to });
    return to;
  };
  const emit = (node: Node): void => {
    if (++work > PROGRAM_LIMIT || steps.length > PROGRAM_LIMIT) throw new Unsupported();
    if (node.kind === 'sequence') for (const part of node.nodes) emit(part);
    else if (node.kind === 'choice') emitChoice(node.nodes);
    else if (node.kind === 'repeat') emitRepeat(node);
    else steps.push(node);
  };
  const emitChoice = (nodes: readonly Node[]): void => {
    if (nodes.length === 1) return emit(nodes[0] as Node);
    const starts = fork();
    const ends = nodes.map((node) => {
      starts.push(steps.length);
      emit(node);
      return fork();
    });
    for (const end of ends) end.push(steps.length);
  };
  const emitRepeat = ({ node, least, most }: Extract<Node, { kind: 'repeat' }>): void => {
    for (let times = 0; times < least; times++) emit(node);
    if (most === Infinity) {
      const start = steps.length;
      const loop = fork(start + 1);
      emit(node);
      fork(start);
      loop.push(steps.length);
      return;
    }
    const skips: number[][] = [];
    for (let times = least; times < most; times++) {
      skips.push(fork(steps.length + 1));
      emit(node);
    }
    for (const skip of skips) skip.push(steps.length);
  };
  emit(node);
  steps.push({ kind: 'match' });
  return steps;
}

class Search {
  readonly #steps: readonly Step[];
  readonly #text: readonly string[];
  /** Letters that are possible next. */
  #places = new Set<number>();
  #found = false;

  constructor(steps: readonly Step[], text: readonly string[]) {
    this.#steps = steps;
    this.#text = text;
  }

  run(): boolean {
    for (let at = 0; !this.#found; at++) {
      this.#reach(at, [0, ...this.#places]);
      const letter = this.#text[at];
      if (this.#found || letter === undefined) break;
      this.#places = new Set(this.#passing(letter));
    }
    return this.#found;
  }

  /** All steps that can be reached from some without a letter, `at` letters into the text. */
  #reach(at: number, from: number[]): void {
    const seen = new Set<number>();
    const letters = new Set<number>();
    while (from.length > 0) {
      const place = from.pop() as number;
      if (seen.has(place)) continue;
      seen.add(place);
      const step = this.#steps[place] as Step;
      if (step.kind === 'match') this.#found = true;
      else if (step.kind === 'letter') letters.add(place);
      else if (step.kind === 'fork') from.push(...step.to);
      else if (step.passes(this.#text[at - 1], this.#text[at])) from.push(place + 1);
    }
    this.#places = letters;
  }

  *#passing(letter: string): Generator<number> {
    for (const place of this.#places) {
      const step = this.#steps[place] as Letter;
      if (step.passes(letter)) yield place + 1;
    }
  }
}
