import { expect, test } from 'vitest';
import type { Reader } from './reader.ts';
import { completed, Source } from './stepwise.ts';
import { Writer } from './writer.ts';

test('what arrives byte by byte is not parsed over and over', () => {
  let attempts = 0;
  const text = 'x'.repeat(900);
  const source = new Source();
  const steps = source.step((reader: Reader) => {
    attempts++;
    return [reader.text(1000), reader.text(1000)];
  });
  let need = 0;
  let parsed: unknown;
  for (const byte of encoded([text, text])) {
    source.append(Uint8Array.of(byte));
    if (source.length < need) continue;
    const step = steps.next();
    if (step.done === true) parsed = step.value;
    else need = step.value;
  }
  expect(parsed).toEqual([text, text]);
  // For each text: its form, its length, its end; and the one that finds everything.
  expect(attempts).toBeLessThan(8);
});

test('complete bytes that do not suffice are refused', () => {
  const source = new Source(encoded(['a']).subarray(0, 1));
  expect(() => completed(source.step((reader) => reader.text(10)))).toThrow('at least 2 bytes');
});

test('each value is read from where the one before ended', () => {
  const source = new Source(encoded(['a', 'b']));
  const read = (): string => completed(source.step((reader) => reader.text(10)));
  expect([read(), read()]).toEqual(['a', 'b']);
});

function encoded(texts: readonly string[]): Uint8Array {
  const writer = new Writer();
  texts.forEach((text) => writer.text(text));
  return writer.bytes();
}
