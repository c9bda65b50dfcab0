/** One setting: where its value comes from, flag before environment before file before default. */
import { isDeepStrictEqual } from 'node:util';
import type { FileTexts } from './file.ts';
import type { Flags } from './flags.ts';
import { environmentNames, optionNamed, type OptionName } from './options.ts';
import { SettingError, quote } from './setting-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Source =
  | { readonly kind: 'flag' }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'default' };

/** A setting with its value and where that came from. `value` is undefined when nothing sets it. */
export interface Setting {
  readonly name: OptionName;
  readonly value: unknown;
  readonly source: Source;
}

export function isSet({ source }: Setting): boolean {
  return source.kind !== 'default';
}

export interface File {
  readonly path: string;
  readonly texts: FileTexts;
}

/** Throws SettingError if the text that counts is no value of the option's type. */
export function settingOf(
  name: OptionName,
  flags: Flags,
  env: Environment,
  file: File | undefined,
): Setting {
  const given = flags.texts.get(name);
  if (given !== undefined) return read(name, given, { kind: 'flag' });
  for (const variable of environmentNames(name)) {
    const text = env[variable];
    // As with flanneld, an empty variable is none.
    if (text !== undefined && text !== '')
      return read(name, [text], { kind: 'environment', variable });
  }
  const written = file?.texts.get(name);
  if (file !== undefined && written !== undefined)
    return read(name, written, { kind: 'file', path: file.path });
  return { name, value: optionNamed(name).default, source: { kind: 'default' } };
}

function read(name: OptionName, texts: readonly string[], source: Source): Setting {
  const option = optionNamed(name);
  const unset = option.repeatable === true ? [] : undefined;
  const mayBeUnset = option.default === undefined || isDeepStrictEqual(option.default, unset);
  // An empty text unsets what need not be set: unit files expand variables that may be empty.
  const filled = mayBeUnset ? texts.filter((text) => text !== '') : texts;
  const parsed = filled.map((text) => {
    const value = option.type.parse(text);
    if (value === undefined) throw new SettingError(refusal(name, text, source));
    return value;
  });
  const value = option.repeatable === true ? parsed.flat() : (parsed.at(-1) ?? option.default);
  return { name, value, source };
}

function refusal(name: OptionName, text: string, source: Source): string {
  const option = optionNamed(name);
  const shown = option.secret === true ? 'is not possible' : `cannot be ${quote(text)}`;
  return `${place(name, source)} ${shown}; give ${option.type.wanted}`;
}

function place(name: OptionName, source: Source): string {
  if (source.kind === 'environment') return source.variable;
  return source.kind === 'file' ? `${quote(source.path)}: ${name}` : `--${name}`;
}
