import fc from 'fast-check';
import { expect, test } from 'vitest';
import { counted, inOrder, instant, listed, painter, printable, span } from './text.ts';

test.each([
  [-5, '0 s'],
  [999, '0 s'],
  [1000, '1 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_600_000, '1 h'],
  [86_399_999, '23 h'],
  [172_800_000, '2 d'],
])('%d ms are %s', (ms, text) => {
  expect(span(ms)).toBe(text);
});

test('times, counts and lists', () => {
  expect(instant(new Date('2026-11-21T03:00:00.999Z'))).toBe('2026-11-21 03:00:00 UTC');
  expect([counted(0, 'lease'), counted(1, 'lease')]).toEqual(['0 leases', '1 lease']);
  expect([listed([]), listed(['a', 'b'])]).toEqual(['none', 'a, b']);
});

test('colour only where it is wanted', () => {
  expect(painter(false)('red', 'x')).toBe('x');
  expect(painter(true)('red', 'x')).toBe('\u001b[31mx\u001b[39m');
});

test('text that runs backwards or rings the bell is made visible', () => {
  expect(printable('a\u202eb\u0007')).toBe('a\\u202eb\\u0007');
  expect(printable('grüße ✓')).toBe('grüße ✓');
});

test('names in order: numbers by their value', () => {
  const names = [
    'h10',
    'h2',
    'h',
    'a',
    'h2b',
    'h02',
    'h2a3',
    'h2a20',
    '10.5.0.0-24',
    '9.5.0.0-24',
    '',
  ];
  expect(names.toSorted(inOrder)).toEqual([
    '',
    '9.5.0.0-24',
    '10.5.0.0-24',
    'a',
    'h',
    'h02',
    'h2',
    'h2a3',
    'h2a20',
    'h2b',
    'h10',
  ]);
});

test('the order is one: nothing stands before itself, and of two one comes first', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '0', '1', '9', '-'), maxLength: 6 });
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      expect(inOrder(a, a)).toBe(0);
      expect(Math.sign(inOrder(a, b))).toBe(0 - Math.sign(inOrder(b, a)));
      if (inOrder(a, b) <= 0 && inOrder(b, c) <= 0) expect(inOrder(a, c)).toBeLessThanOrEqual(0);
      expect(inOrder(a, b) === 0).toBe(a === b);
    }),
  );
});
