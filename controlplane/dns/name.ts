/**
 * Names on the wire ↔ text: labels in lower case with dots between, without the last one; the root is ''. A byte that
 * is no letter, digit, hyphen or underscore is written \DDD (RFC 1035, section 5.1), so that no two names are one text.
 */
import { LABEL_BYTES, NAME_BYTES, POINTER } from './wire.ts';

const DOT = 0x2e;

/** How a byte of a label is written: in lower case; undefined: as \DDD. */
const LETTERS: readonly (number | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte);
  return /[A-Za-z0-9_-]/.test(letter) ? letter.toLowerCase().charCodeAt(0) : undefined;
});

const room: number[] = [];

export interface ReadName {
  readonly name: string;
  /** Where what follows it begins. */
  readonly end: number;
}

/** Of a question, which nothing stands before: a pointer there is none. Undefined if it is malformed. */
export function readPlainName(
  bytes: Uint8Array,
  start: number,
  length: number,
): ReadName | undefined {
  let at = start;
  room.length = 0;
  for (;;) {
    const size = bytes[at] ?? 0;
    if (at >= length || size > LABEL_BYTES) return undefined;
    at++;
    if (size === 0) break;
    if (at + size >= length || at + size - start >= NAME_BYTES) return undefined;
    if (room.length > 0) room.push(DOT);
    for (const end = at + size; at < end; at++) pushLetter(bytes[at] ?? 0);
  }
  return { name: String.fromCharCode(...room), end: at };
}

/** Where what follows a name begins. Pointers are not followed, so none can lead astray. Undefined beyond the end. */
export function skipName(bytes: Uint8Array, start: number): number | undefined {
  let at = start;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) return undefined;
    if (size >= POINTER) return at + 2 <= bytes.length ? at + 2 : undefined;
    if (size > LABEL_BYTES) return undefined;
    at += size + 1;
    if (size === 0) return at <= bytes.length ? at : undefined;
  }
}

/** Without compression. Throws a RangeError for text that is no name: ours are checked before. */
export function nameBytes(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const label of name === '' ? [] : name.split('.')) {
    const letters = Buffer.from(
      label.replaceAll(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number(code))),
      'latin1',
    );
    if (letters.length === 0 || letters.length > LABEL_BYTES)
      throw new RangeError(`not a DNS name: ${name}`);
    bytes.push(letters.length, ...letters);
  }
  bytes.push(0);
  if (bytes.length > NAME_BYTES) throw new RangeError(`a DNS name is too long: ${name}`);
  return Uint8Array.from(bytes);
}

/** Whether it can be asked for. */
export function isNameText(name: string): boolean {
  try {
    return nameBytes(name).length > 0;
  } catch {
    return false;
  }
}

function pushLetter(byte: number): void {
  const letter = LETTERS[byte];
  if (letter !== undefined) room.push(letter);
  else for (const digit of `\\${String(byte).padStart(3, '0')}`) room.push(digit.charCodeAt(0));
}
