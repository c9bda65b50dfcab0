/** The configuration file: TOML, every setting by its flag's name. */
import { TomlError, parse } from 'smol-toml';
import * as v from 'valibot';
import { nearest } from './flags.ts';
import { OPTION_NAMES, optionNamed, type OptionName } from './options.ts';
import { SettingError, quote } from './setting-error.ts';

export const DEFAULT_FILE = '/etc/weft/weftd.toml';

/** Reads a text file; throws as node:fs does. */
export type ReadFile = (path: string) => string;
export type FileTexts = ReadonlyMap<OptionName, readonly string[]>;

const IN_FILE = OPTION_NAMES.filter((name) => {
  const { flagOnly, notInFile } = optionNamed(name);
  return flagOnly !== true && notInFile !== true;
});

const SCHEMA = v.strictObject(
  Object.fromEntries(IN_FILE.map((name) => [name, v.optional(optionNamed(name).type.toml)])),
);

/** The texts that `path` holds; none if it may be `absent` and is. Throws SettingError. */
export function readSettings(path: string, absent: 'allowed' | 'wrong', read: ReadFile): FileTexts {
  let content: string;
  try {
    content = read(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && absent === 'allowed') return new Map();
    throw new SettingError(
      `the configuration file ${quote(path)} cannot be read: ${REASONS[code ?? ''] ?? code ?? 'unknown error'}; correct its path or its permissions`,
      { cause },
    );
  }
  return parseSettings(path, content);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission is denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is not a directory',
};

function parseSettings(path: string, content: string): FileTexts {
  const result = v.safeParse(SCHEMA, parseToml(path, content), { abortEarly: true });
  if (!result.success) throw new SettingError(sentence(path, result.issues[0]));
  const texts = new Map<OptionName, readonly string[]>();
  for (const name of IN_FILE) {
    const found = result.output[name];
    if (found !== undefined) texts.set(name, found);
  }
  return texts;
}

function parseToml(path: string, content: string): unknown {
  try {
    return parse(content);
  } catch (cause) {
    const where = cause instanceof TomlError ? `, line ${cause.line}, column ${cause.column}` : '';
    const [what = ''] = (cause as Error).message.split('\n');
    throw new SettingError(
      `${quote(path)}${where} is not TOML: ${what.replace(/^Invalid TOML document: /, '')}`,
      { cause },
    );
  }
}

function sentence(path: string, issue: v.BaseIssue<unknown>): string {
  const [key = ''] = (v.getDotPath(issue) ?? '').split('.');
  const name = IN_FILE.find((known) => known === key);
  if (name !== undefined) {
    return `${quote(path)}: ${name} is of the wrong type; give ${optionNamed(name).type.wanted}`;
  }
  if (OPTION_NAMES.some((known) => known === key)) {
    return `${quote(path)}: ${key} cannot stand in the file; give it as a flag`;
  }
  const near = nearest(key, IN_FILE);
  const advice = near === undefined ? 'settings are named like the flags' : `did you mean ${near}?`;
  return `${quote(path)}: there is no setting ${quote(key)}; ${advice}`;
}
