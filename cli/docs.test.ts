/** docs/cli.md tells the same fields as `--help` and `--format` do. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NOUNS } from './nouns.ts';
import { isNoun, type Command, type Entry } from './spec.ts';

const page = readFileSync(new URL('../docs/cli.md', import.meta.url), 'utf8');

/** By its heading, `weft attach TARGET, weft detach ENDPOINT`. */
const sections = page
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ heading: text.slice(0, text.indexOf('\n')), text }));

const commands = NOUNS.flatMap((entry: Entry): { name: string; command: Command }[] =>
  isNoun(entry)
    ? entry.verbs.map((command) => ({ name: `${entry.name} ${command.name}`, command }))
    : [{ name: entry.name, command: entry }],
);

/** `weft dns ls | lookup NAME` is of `dns ls` and `dns lookup`. */
function isAbout(heading: string, name: string): boolean {
  const [noun = '', verb] = name.split(' ');
  return heading.split(/, (?=weft )/).some((part) => {
    const [, first, ...rest] = part.split(/[\s|[\]]+/);
    return first === noun && (verb === undefined || rest.includes(verb));
  });
}

/** What stands in the first column of its tables of fields: "`a.b`, `.c`" is `a.b` and `a.c`. */
function fieldsIn(text: string): string[] {
  const tables = text.match(/^\| field .*\n(?:\|.*\n)+/gm) ?? [];
  return tables.flatMap((table) =>
    table
      .split('\n')
      .slice(2)
      .flatMap((row) => {
        const names = [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(
          ([, name = '']) => name,
        );
        const prefix = names[0]?.replace(/\.[^.]*$/, '');
        return names.map((name) => (name.startsWith('.') ? `${prefix}${name}` : name));
      }),
  );
}

/** With the sections that it names: as in `weft endpoint ls`. */
function withReferred(text: string): string {
  const names = [...text.matchAll(/as in\s`weft ([a-z ]+)`/g)].map(([, name = '']) => name);
  const referred = sections.filter(({ heading }) => names.some((name) => isAbout(heading, name)));
  return [text, ...referred.map((section) => section.text)].join('\n');
}

const plain = (field: string): string => field.replace(/\[\]$/, '');

const told = commands.filter(({ command }) => command.answer !== undefined && !command.hidden);

test.each(told.map(({ name }) => name))('weft %s is told with all its fields', (name) => {
  const about = sections.filter(({ heading }) => isAbout(heading, name));
  expect(about.map(({ heading }) => heading)).toHaveLength(1);
  const text = withReferred((about[0] as (typeof sections)[number]).text);
  const { answer } = commands.find((entry) => entry.name === name)?.command ?? {};
  const tables = new Set(fieldsIn(text).map(plain));
  for (const field of Object.keys(answer?.fields ?? {}).map(plain)) {
    if (tables.has(field)) continue;
    // Fields of entries, and those of small answers, stand in a sentence.
    const last = field.split('.').at(-1) ?? '';
    expect(text, field).toMatch(new RegExp(`[\`{" ,]${last}[\`}" ,:]`));
  }
});

test('what the tables tell is there', () => {
  for (const { heading, text } of sections) {
    const known = new Set(
      commands
        .filter(({ name }) => isAbout(heading, name))
        .flatMap(({ command }) => Object.keys(command.answer?.fields ?? {}).map(plain)),
    );
    for (const field of fieldsIn(text).map(plain)) expect(known, heading).toContain(field);
  }
});
