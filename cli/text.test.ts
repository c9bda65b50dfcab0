import { expect, test } from 'vitest';
import { counted, instant, listed, painter, printable, span } from './text.ts';

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
