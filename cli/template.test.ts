import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WeftError } from '../controlplane/api/errors.ts';
import { parseTemplate, render } from './template.ts';

const FIELDS = {
  name: ['string', ''],
  since: ['time', ''],
  list: ['strings', ''],
  count: ['number', ''],
  'tags.*': ['string', ''],
  'etcd.connected': ['boolean', ''],
  'list[].x': ['string', ''],
} as const;

const VALUE = {
  name: 'h1',
  since: new Date('2026-11-21T03:00:00Z'),
  list: ['a', 'b'],
  count: 0,
  tags: { weft: '1' },
  etcd: { connected: false },
};

test.each([
  ['{{name}} {{ count }}', 'h1 0'],
  ['{{since}}', '2026-11-21T03:00:00.000Z'],
  ['{{list}}', 'a,b'],
  ['{{tags.weft}} {{tags.other}}', '1 -'],
  ['{{etcd.connected}}', 'false'],
  ['{{etcd}} {{tags}}', '{"connected":false} {"weft":"1"}'],
  [String.raw`{{name}}\t{{count}}\n\\n`, 'h1\t0\n\\n'],
  ['', ''],
])('%j', (template, line) => {
  expect(render(parseTemplate(template, FIELDS), VALUE)).toBe(line);
});

test('what is not known, or empty, keeps its column', () => {
  const template = parseTemplate('{{name}}|{{list}}|{{etcd.connected}}|{{tags.toString}}', FIELDS);
  expect(render(template, { list: [], tags: {} })).toBe('-|-|-|-');
});

test('what could steer the terminal is shown, not sent', () => {
  expect(render(parseTemplate('{{name}}', FIELDS), { name: '\u001b[2J\n' })).toBe(
    String.raw`\u001b[2J\u000a`,
  );
});

test.each([
  ['{{nam}}', 'it has no field "nam"'],
  ['{{}}', 'it has no field ""'],
  ['{{list[].x}}', 'it has no field "list[].x"'],
  ['{{name.x}}', 'it has no field "name.x"'],
  ['{{tags.a.b}}', 'it has no field "tags.a.b"'],
  ['{{name', 'it has {{ without }}'],
  ['name}}', 'it has }} without {{'],
])('%j is refused, with the list of fields', (template, why) => {
  const message = `--format cannot be used: ${why}`;
  expect(() => parseTemplate(template, FIELDS)).toThrow(
    expect.objectContaining({
      code: 'WEFT_USAGE',
      message,
      fix: 'fields are name, since, list, count, tags.*, etcd.connected, each in {{ }}',
    } satisfies Partial<WeftError>),
  );
});

test('text without braces and backslashes is printed as it is', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!/[{}\\]/.test(text));
      expect(render(parseTemplate(text, FIELDS), VALUE)).toBe(text);
    }),
  );
});
