/** Fields of JSON that others wrote: each reader gives a value of its type, or throws a CniError that names the field. Pure. */
import { CniError, shown } from './error.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Objects and arrays within each other. */
const DEPTH_LIMIT = 64;
/** Entries of a list, where it has no limit of its own. */
const LIST_LIMIT = 256;
/** Of a text, in UTF-16 units; paths are the longest (PATH_MAX of linux/limits.h). */
const TEXT_LIMIT = 4096;

/** Of a whole JSON text. */
export function fieldsIn(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CniError('decode', 'the configuration on stdin is no JSON', undefined, cause);
  }
  if (!isFields(value)) throw new CniError('decode', 'the configuration on stdin is no object');
  if (!isWithin(value, DEPTH_LIMIT))
    throw new CniError('decode', `the configuration is nested more than ${DEPTH_LIMIT} deep`);
  return value;
}

/** Undefined if it is not there, or empty. */
export function textIn(fields: Fields, key: string): string | undefined {
  const value = fieldIn(fields, key);
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string' && value.length <= TEXT_LIMIT && !value.includes('\0'))
    return value;
  throw wrong(key, `a text of ${TEXT_LIMIT} characters at most`);
}

export function flagIn(fields: Fields, key: string): boolean | undefined {
  const value = fieldIn(fields, key);
  if (value === undefined || typeof value === 'boolean') return value;
  throw wrong(key, 'true or false');
}

/** Empty if it is not there. */
export function textsIn(fields: Fields, key: string): readonly string[] {
  return itemsIn(fields, key).flatMap((item) => textIn({ [key]: item }, key) ?? []);
}

/** No fields if it is not there. */
export function objectIn(fields: Fields, key: string): Fields {
  const value = fieldIn(fields, key);
  if (value === undefined) return {};
  if (isFields(value)) return value;
  throw wrong(key, 'an object');
}

/** Empty if it is not there. */
export function objectsIn(fields: Fields, key: string, limit = LIST_LIMIT): readonly Fields[] {
  return itemsIn(fields, key, limit).map((item) => {
    if (isFields(item)) return item;
    throw wrong(key, 'a list of objects');
  });
}

function itemsIn(fields: Fields, key: string, limit = LIST_LIMIT): readonly unknown[] {
  const value = fieldIn(fields, key);
  if (value === undefined) return [];
  if (Array.isArray(value) && value.length <= limit) return value;
  throw wrong(key, `a list of ${limit} entries at most`);
}

/** Null is as good as nothing, as Go's runtimes write it. */
export function fieldIn(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? (fields[key] ?? undefined) : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without recursion, as it may be nested deeper than a stack is. */
function isWithin(value: object, limit: number): boolean {
  let level: readonly object[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= limit) return false;
    level = level.flatMap((each) =>
      Object.values(each).filter((inner): inner is object => typeof inner === 'object' && inner),
    );
  }
  return true;
}

function wrong(key: string, wanted: string): CniError {
  return new CniError('config', `${shown(key)} in the configuration is not ${wanted}`);
}
