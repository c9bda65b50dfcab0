import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memberNumber, Stage } from '../controlplane/api/testing.ts';
import { run } from './app.ts';
import { propose, shellWords } from './completion.ts';
import { NOUNS } from './nouns.ts';
import type { Entry } from './spec.ts';
import { Recorder } from './testing.ts';

const names = (...words: string[]): string[] =>
  propose(words, NOUNS).candidates.map(([name]) => name);

test('nouns, verbs, and help of both', () => {
  expect(names('')).toEqual(expect.arrayContaining(['status', 'lease', 'help']));
  expect(names('le')).not.toContain('complete');
  expect(names('leases', '')).toEqual(['ls']);
  expect(names('--json', '--socket', 'x', 'key', '')).toContain('rotate-wireguard');
  expect(names('help', 'k', '')).toContain('install');
  expect(names('key', 'generate', '')).toEqual([]);
  expect(names('nonsense', '')).toEqual([]);
});

test('options: those of the command, each once', () => {
  expect(names('leases', '--')).toEqual(expect.arrayContaining(['--watch', '--json', '--socket']));
  expect(names('leases', '--json', '--')).not.toContain('--json');
  expect(names('key', 'ls', '-')).not.toContain('--watch');
  expect(names('docker-opts', '-')).toEqual(['-f', '-d', '-i', '-c', '-k', '-m']);
  expect(names('leases', '--', '-')).not.toContain('--watch');
});

test('values: files, fields of the answer, fixed words', () => {
  expect(propose(['--socket', ''], NOUNS)).toMatchObject({ files: true });
  expect(propose(['docker-opts', '-f', ''], NOUNS)).toMatchObject({ files: true });
  expect(propose(['--socket=/r'], NOUNS)).toMatchObject({ files: true, kept: '--socket=' });
  expect(names('members', '--format', '')).toContain('{{name}}');
  expect(names('version', '--format={{')).toEqual(['{{version}}']);
  expect(names('completion', '')).toEqual(['bash', 'zsh', 'fish']);
});

test('names that the daemon knows', () => {
  expect(propose(['member', 'ls', 'h1', ''], NOUNS)).toMatchObject({ live: 'member' });
  const words = ['--socket', '/x.sock', 'member', 'ls', ''];
  expect(propose(words, NOUNS)).toMatchObject({ live: 'member', socketPath: '/x.sock' });
  const bound = ['--socket=/x.sock', 'peer', 'ls', ''];
  expect(propose(bound, NOUNS)).toMatchObject({ live: 'peer', socketPath: '/x.sock' });
});

test('arguments in their order, the last one again and again', () => {
  const table: Entry[] = [
    {
      name: 'a',
      summary: '',
      arguments: [
        { name: 'ONE', summary: '', completes: ['1'] },
        { name: 'MANY', summary: '', completes: ['2'], repeats: true },
      ],
      options: [{ name: 'x', value: 'X', summary: '' }],
      work: async () => await Promise.reject(new Error('not called')),
    },
  ];
  const next = (...words: string[]) => propose(words, table).candidates.map(([name]) => name);
  expect(next('a', '')).toEqual(['1']);
  expect(next('a', '-x', 'y', '')).toEqual(['1']);
  expect(next('a', 'y', '')).toEqual(['2']);
  expect(next('a', 'y', 'y', '')).toEqual(['2']);
});

test.each([
  ['weft ', ['weft', '']],
  ['weft le', ['weft', 'le']],
  ['  weft   a\tb', ['weft', 'a', 'b']],
  [String.raw`weft a\ b 'c d' "e \" f"g`, ['weft', 'a b', 'c d', 'e " fg']],
  ["weft 'a b", ['weft', 'a b']],
  ['weft netns:a', ['weft', 'netns:a']],
  ['weft \\', ['weft', '']],
])('%j as words', (line, words) => {
  expect(shellWords(line)).toEqual(words);
});

test('quoted words come back, and any line has words', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      const line = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
      expect(shellWords(line)).toEqual(words);
    }),
  );
  fc.assert(fc.property(fc.string(), (line) => shellWords(line).length >= 0));
  expect(shellWords('a "b\\')).toEqual(['a', 'b']);
});

test('complete: names from the daemon, and no word when it does not run', async () => {
  await using stage = await Stage.open();
  stage.daemon.putMember(memberNumber(1));
  stage.daemon.putMember({ ...memberNumber(2), name: 'other' });
  const complete = async (): Promise<object> => {
    const io = new Recorder();
    const argv = ['complete', '--', '--socket', stage.socketPath, 'member', 'ls', 'h'];
    return Object.assign(io, { code: await run(argv, io) });
  };
  expect(await complete()).toMatchObject({ out: 'h1\talive\n', err: '', code: 0 });
  stage.daemon.failure = new Error('a fault');
  expect(await complete()).toMatchObject({ out: '', err: '', code: 0 });
  await stage.stop();
  expect(await complete()).toMatchObject({ out: '', err: '', code: 0 });
});

test('complete --bash: only what bash replaces', async () => {
  const io = new Recorder();
  await run(['complete', '--bash', '--', "weft members --format='{{na", '{{na'], io);
  expect(io.out).toBe('{{name}}\n');
});

test('completion of a shell there is not', async () => {
  const io = new Recorder();
  expect(await run(['completion', 'csh'], io)).toBe(2);
  expect(io.err).toBe('weft: there is no completion for "csh": name one of bash, zsh, fish\n');
});
