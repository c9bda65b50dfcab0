import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isWeftError } from '../controlplane/api/errors.ts';
import { NOUNS } from './nouns.ts';
import { parse, type Call } from './parse.ts';
import { fullName, meant } from './resolve.ts';
import { isNoun, type Command, type Entry } from './spec.ts';

const work = async () => await Promise.resolve({ run: async () => await Promise.resolve() });
const BOX: Command = {
  name: 'box',
  summary: '',
  arguments: [
    { name: 'ONE', summary: '' },
    { name: 'MORE', summary: '', optional: true, repeats: true },
  ],
  options: [
    { name: 'tag', short: 't', value: 'TAG', repeats: true, summary: '' },
    { name: 'quiet', short: 'q', summary: '' },
  ],
  work,
};
const LS: Command = { name: 'ls', aliases: ['list'], summary: '', work };
const TABLE: readonly Entry[] = [BOX, { name: 'thing', aliases: ['t'], summary: '', verbs: [LS] }];

const call = (...argv: string[]): Call => {
  const parsed = parse(argv, TABLE);
  if (parsed.type !== 'call') throw new Error(`it is ${parsed.type}`);
  return parsed;
};

test('options stand anywhere, and words after -- are words', () => {
  for (const argv of [
    ['--json', 'box', 'a', '-t', 'x', 'b', '--tag=y', '--', '-c', '--json'],
    ['box', '-tx', 'a', '--tag', 'y', '--json', '--', 'b', '-c', '--json'],
  ]) {
    const { words, values } = call(...argv);
    expect(words).toEqual(['a', 'b', '-c', '--json']);
    expect(values).toEqual({ json: true, tag: ['x', 'y'] });
  }
  expect(call('box', '-qty', 'a').values).toEqual({ quiet: true, tag: ['y'] });
});

test('a noun alone, its aliases and those of its verbs', () => {
  for (const argv of [['thing'], ['t'], ['thing', 'ls'], ['t', 'list'], ['--json', 't', 'list']])
    expect(call(...argv).name).toBe('thing ls');
});

test('help of what was named, and of nothing', () => {
  const of = (...argv: string[]) => {
    const parsed = parse(argv, TABLE);
    return parsed.type === 'help' ? [fullName(parsed.of), parsed.asked] : parsed.type;
  };
  expect(of()).toEqual(['', false]);
  expect(of('--help')).toEqual(['', true]);
  expect(of('help', 'thing', 'list')).toEqual(['thing ls', true]);
  expect(of('thing', '-h')).toEqual(['thing', true]);
  expect(of('box', '--help', '--tag', 'x')).toEqual(['box', true]);
  expect(of('-V')).toBe('version');
});

test.each([
  ['lesae', 'lease'],
  ['stauts', 'status'],
  ['lease', 'lease'],
  ['xyzzy', undefined],
  ['l', undefined],
])('%s was meant to be %s', (word, name) => {
  expect(meant(word, ['status', 'lease', 'leases'])).toBe(name);
});

test('whatever is typed is a call, or one sentence', () => {
  const word = fc.oneof(
    fc.constantFrom('box', 'thing', 'ls', 'help', '--json', '-t', '--tag', '--', '-q', '--socket='),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        parse(argv, TABLE);
      } catch (error) {
        expect(isWeftError(error) && error.code).toBe('WEFT_USAGE');
      }
    }),
  );
});

test('no spelling of a command is another one, and what is long is told shortly', () => {
  const all = NOUNS.flatMap((entry) => (isNoun(entry) ? [entry, ...entry.verbs] : [entry]));
  for (const known of [NOUNS, ...NOUNS.filter(isNoun).map(({ verbs }) => verbs)]) {
    const names = known.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
  }
  for (const { summary } of all) expect(summary).toMatch(/^[a-z].{5,76}[^.]$/);
});
