/**
 * Parsing of a stream while it arrives: a parser is a generator that yields how many bytes there must be, counted
 * from the start, before it can go on. So nothing is parsed twice but the value that is not complete yet.
 */
import { EXPANDED_LIMIT, FIELDS_LIMIT } from './limits.ts';
import { Reader } from './reader.ts';
import { Truncated } from './refusal.ts';

export type Steps<T> = Generator<number, T, undefined>;

export class Source {
  /** Grows with what arrives, never with what is announced. */
  #buffer: Uint8Array;
  #length: number;
  #at = 0;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#buffer = bytes;
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes what fits the bound of a stream, and says whether that was all. */
  append(chunk: Uint8Array): boolean {
    const fitting = chunk.subarray(0, EXPANDED_LIMIT - this.#length);
    const length = this.#length + fitting.length;
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(EXPANDED_LIMIT, 2 * length));
      grown.set(this.#buffer);
      this.#buffer = grown;
    }
    this.#buffer.set(fitting, this.#length);
    this.#length = length;
    return fitting.length === chunk.length;
  }

  /** What `parse` makes of the bytes from here on, as soon as they suffice. */
  *step<T>(parse: (reader: Reader) => T): Steps<T> {
    for (;;) {
      const reader = new Reader(this.#buffer.subarray(0, this.#length), this.#at, FIELDS_LIMIT);
      try {
        const value = parse(reader);
        this.#at = reader.at;
        return value;
      } catch (error) {
        if (!(error instanceof Truncated)) throw error;
        yield error.need;
      }
    }
  }
}

/** For bytes that are complete: wanting more of them is a Refused. */
export function completed<T>(steps: Steps<T>): T {
  const step = steps.next();
  if (step.done !== true) throw new Truncated(step.value);
  return step.value;
}
