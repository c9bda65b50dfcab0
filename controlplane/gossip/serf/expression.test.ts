import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { search } from './expression.ts';

describe('search', () => {
  it.each([
    ['web', 'a web b', true],
    ['^web$', 'web1', false],
    ['^web-[0-9]+$', 'web-17', true],
    ['^(eu|us)-(east|west)$', 'us-west', true],
    ['^(?:eu|us)$', 'ap', false],
    ['(?i)WEB', 'web', true],
    ['(?i:W)eb', 'wEb', false],
    ['(?P<name>a)b', 'ab', true],
    ['[[:alpha:]]{3}', 'a1b2', false],
    ['[^a-c]', 'abc', false],
    ['[]a]', ']', true],
    ['[a-]', '-', true],
    ['\\d\\D\\w\\W\\s\\S', '1a_- x', true],
    ['\\.', 'a', false],
    ['\\x41\\x{42}', 'AB', true],
    ['\\Aa\\z', 'a', true],
    ['\\bfoo\\b', 'a foo b', true],
    ['\\Bfoo', 'foo', false],
    ['a{2,3}', 'a', false],
    ['^a{2,3}$', 'aaa', true],
    ['^a{2}$', 'aaa', false],
    ['^a{2,}$', 'aaaaa', true],
    ['a{', 'a{', true],
    ['', '', true],
    ['(|a)+', '', true],
    ['.', '\n', false],
    ['(?s).', '\n', true],
    ['(?m)^b$', 'a\nb\nc', true],
    ['^.$', '\u{1f600}', true],
    ['x*', 'y', true],
  ])('finds %j in %j: %j', (pattern, text, found) => {
    expect(search(pattern, text)).toBe(found);
  });

  it.each([
    '(',
    ')',
    '[',
    '[b-a]',
    '*',
    'a**',
    'a{3,2}',
    'a{1001}',
    '(?=a)',
    '(?<=a)',
    '\\1',
    '\\',
  ])('refuses %j', (pattern) => {
    expect(search(pattern, 'a')).toBeUndefined();
  });

  it('does what JavaScript does, where both understand the same', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '^', '$', '\\b');
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        atom,
        fc.tuple(tie('pattern'), tie('pattern')).map((parts) => parts.join('')),
        fc.tuple(tie('pattern'), tie('pattern')).map((parts) => `(?:${parts.join('|')})`),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '*?'))
          .map(([part, times]) => `(?:${part})${times}`),
      ),
    }));
    fc.assert(
      fc.property(pattern, fc.stringMatching(/^[abc ]{0,8}$/), (pattern, text) => {
        const found = search(pattern, text);
        if (found !== undefined) expect(found).toBe(new RegExp(pattern, 'u').test(text));
      }),
      { numRuns: 500 },
    );
  });

  it('takes any pattern, and is done with it soon', () => {
    for (const pattern of ['^(a+)+$', '(a|a)*$', '((){1000}){1000}', '(.{30}){30}x', '(.*.*)*x'])
      search(pattern, `${'a'.repeat(500)}!`);
    const likely = fc
      .array(fc.constantFrom(...Array.from('ab1-^$.|*+?()[]{},:\\dwsbzxP<>i\u{1f600}')), {
        maxLength: 20,
      })
      .map((letters) => letters.join(''));
    fc.assert(
      fc.property(fc.oneof(likely, fc.string()), fc.string(), (pattern, text) => {
        expect([true, false, undefined]).toContain(search(pattern, text));
      }),
      { numRuns: 2_000 },
    );
  });
});
