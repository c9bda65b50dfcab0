/** Templates of `--format`: text in which `{{field}}` stands for a field of the JSON. */
import { WeftError } from '../controlplane/api/errors.ts';
import type { Answer } from './spec.ts';
import { printable } from './text.ts';

/** Text as it is, or the way to a field. */
export type Template = readonly (string | { readonly path: readonly string[] })[];

/** For what is not known, or empty: columns stay columns. */
const NOTHING = '-';

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', '\\': '\\' };

/**
 * `\t`, `\n` and `\\` are a tab, a new line and a backslash. Throws WEFT_USAGE for a field that is not one of
 * `fields`, and for braces without their counterparts.
 */
export function parseTemplate(text: string, fields: Answer['fields']): Template {
  return text.split(/(\{\{.*?\}\})/s).map((part) => {
    if (part.startsWith('{{') && part.endsWith('}}'))
      return fieldOf(part.slice(2, -2).trim(), fields);
    if (/\{\{|\}\}/.test(part))
      throw refused(`it has ${part.includes('{{') ? '{{ without }}' : '}} without {{'}`, fields);
    return part.replace(/\\([tn\\])/g, (_, letter: string) => ESCAPES[letter] ?? '');
  });
}

/** What a template can name. */
export function fieldNames(fields: Answer['fields']): string[] {
  return Object.keys(fields).filter((name) => !name.includes('[]'));
}

function fieldOf(name: string, fields: Answer['fields']): Template[number] {
  const path = name.split('.');
  const known = fieldNames(fields);
  const any = [...path.slice(0, -1), '*'].join('.');
  if (known.includes(name) || (path.length > 1 && known.includes(any))) return { path };
  // The whole of an object of which the fields are known.
  if (name !== '' && known.some((field) => field.startsWith(`${name}.`))) return { path };
  throw refused(`it has no field ${JSON.stringify(name)}`, fields);
}

function refused(why: string, fields: Answer['fields']): WeftError {
  return new WeftError('WEFT_USAGE', `--format cannot be used: ${why}`, {
    fix: `fields are ${fieldNames(fields).join(', ')}, each in {{ }}`,
  });
}

/** On one line. Times are RFC 3339, lists have commas, what else is no text is JSON. */
export function render(template: Template, value: unknown): string {
  return template
    .map((part) => (typeof part === 'string' ? part : printable(textOf(at(value, part.path)))))
    .join('');
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
        ? (inner as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}

function textOf(value: unknown): string {
  if (value === undefined || value === null || value === '') return NOTHING;
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(textOf).join(',') || NOTHING;
  return JSON.stringify(value);
}
