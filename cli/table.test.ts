import fc from 'fast-check';
import { expect, test } from 'vitest';
import { table } from './table.ts';

test('columns are as wide as their widest cell', () => {
  expect(
    table(
      ['A', 'LONGER', 'C'],
      [
        ['10.5.1.0/24', 'x', 'y'],
        ['z', 'longest one', 'y'],
      ],
    ),
  ).toEqual([
    'A            LONGER       C',
    '10.5.1.0/24  x            y',
    'z            longest one  y',
  ]);
});

test('the widest column is cut to fit, and the cut shows', () => {
  expect(table(['KEY', 'NODE'], [['a'.repeat(30), 'b'.repeat(10)]], 30)).toEqual([
    'KEY                 NODE',
    `${'a'.repeat(17)}…  ${'b'.repeat(10)}`,
  ]);
});

test('what could steer the terminal is shown, not sent', () => {
  expect(table(['N'], [['a\u001b[2Jb\nc']])).toEqual(['N', 'a\\u001b[2Jb\\u000ac']);
});

const arbCell = fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 60 });
const arbTable = fc
  .integer({ min: 1, max: 5 })
  .chain((columns) =>
    fc.tuple(
      fc.array(fc.array(arbCell, { minLength: columns, maxLength: columns }), { minLength: 1 }),
      fc.integer({ min: columns * 8, max: 200 }),
    ),
  );

test('no line is wider than the terminal, and without one nothing is lost', () => {
  fc.assert(
    fc.property(arbTable, ([[head = [], ...rows], width]) => {
      for (const line of table(head, rows, width)) expect(line.length).toBeLessThanOrEqual(width);
      const whole = table(head, rows);
      rows.forEach((row, i) => {
        for (const cell of row) expect(whole[i + 1]).toContain(cell.trimEnd());
      });
    }),
  );
});
