/** What comes of reading outside text: a value, or the reason (a clause for a log line) why there is none. */
export type Parsed<T> = { readonly value: T } | { readonly reason: string };

export function isRefused<T>(parsed: Parsed<T>): parsed is { readonly reason: string } {
  return 'reason' in parsed;
}

/**
 * A JSON object's fields with names in lower case. Go's encoding/json, which flanneld reads with, matches
 * names without regard to case, and the last of equals wins.
 */
export function parseObject(text: string): Parsed<Fields> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { reason: 'not JSON' };
  }
  return isObject(json) ? { value: fieldsOf(json) } : { reason: 'not a JSON object' };
}

export type Fields = ReadonlyMap<string, unknown>;

export function fieldsOf(object: Readonly<Record<string, unknown>>): Fields {
  return new Map(Object.entries(object).map(([name, value]) => [name.toLowerCase(), value]));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
