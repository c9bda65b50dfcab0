import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { manPages } from './man.ts';
import { NOUNS } from './nouns.ts';
import type { Entry } from './spec.ts';

const EDITION = { version: '0.1.0', date: '2026-11-28' };
const PAGES = manPages(NOUNS, EDITION);

test('one for weft, and one for each command', () => {
  expect(PAGES.map(({ file }) => file)).toEqual(
    expect.arrayContaining(['weft.1', 'weft-status.1', 'weft-lease-ls.1', 'weft-key-use.1']),
  );
  expect(PAGES.map(({ file }) => file)).not.toContain('weft-complete.1');
});

test.each(PAGES.map(({ file, text }) => [file, text]))('%s is right for mandoc', (_, text) => {
  const { error, status, stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'style'], {
    input: text,
    encoding: 'utf8',
  });
  expect([error, status, stdout]).toEqual([undefined, 0, '']);
});

/** As Debian's lintian asks it. */
test.each(PAGES.map(({ file, text }) => [file, text]))('%s is right for man', (_, text) => {
  const { error, status, stderr } = spawnSync(
    'man',
    ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', '-'],
    {
      input: text,
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', MANROFFSEQ: '', MANWIDTH: '80' },
    },
  );
  expect([error, status, stderr]).toEqual([undefined, 0, '']);
});

const ODD: Entry = {
  name: 'odd',
  summary: "what roff could take for its own: .TH, 'x, \\fB and --flag",
  description: ['.PP is no macro here. "Neither" is \\n, `code -x` or é…'],
  examples: [{ line: ".odd '{{a}}' ~/b ^", does: 'nothing' }],
  work: async () => await Promise.reject(new Error('not called')),
};

test('text is printed as it is', () => {
  const page = manPages([ODD], EDITION).find(({ file }) => file === 'weft-odd.1');
  const { stdout } = spawnSync('mandoc', ['-T', 'utf8', '-O', 'width=200'], {
    input: page?.text ?? '',
    encoding: 'utf8',
  });
  // Sentences have two blanks between them, and bold is overprinted.
  const shown = stdout.replaceAll(/.\u0008/g, '').replaceAll(/ +/g, ' ');
  for (const text of [
    ODD.summary,
    '.PP is no macro here. "Neither" is \\n, code -x or é…',
    ".odd '{{a}}' ~/b ^",
  ])
    expect(shown).toContain(text);
});
