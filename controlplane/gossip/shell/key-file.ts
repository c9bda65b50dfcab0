/** Serf's keyring file: a JSON array of keys in base64, the one that encrypts first. A single key may stand alone. */
import { addKey, type Keyring } from '../codec/index.ts';
import { GossipError } from './error.ts';

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Throws a GossipError that names `path`. */
export function parseKeyFile(path: string, text: string): Keyring {
  const list = jsonOf(path, text);
  if (!Array.isArray(list) || list.length === 0)
    throw failed(path, 'is no list of keys: write ["KEY"], 16, 24 or 32 random bytes in base64');
  return list.reduce<Keyring>((keyring, entry: unknown, index) => {
    const added = typeof entry === 'string' ? addKey(keyring, keyBytes(entry)) : undefined;
    if (added?.ok === true) return added.keyring;
    throw failed(path, `has as its key ${index + 1} what is none: 16, 24 or 32 bytes in base64`);
  }, []);
}

export function formatKeyFile(keyring: Keyring): string {
  const keys = keyring.map((key) => Buffer.from(key).toString('base64'));
  return `${JSON.stringify(keys, undefined, 2)}\n`;
}

/** A key as people give it. Throws a GossipError. */
export function parseKey(text: string): Uint8Array {
  const key = keyBytes(text);
  if (addKey([], key).ok) return key;
  throw new GossipError('key', 'a key has 16, 24 or 32 bytes, in base64');
}

/** No bytes for what is not base64. */
function keyBytes(text: string): Uint8Array {
  const isBase64 = BASE64.test(text.trim());
  return new Uint8Array(Buffer.from(isBase64 ? text : '', 'base64'));
}

function jsonOf(path: string, text: string): unknown {
  const bare = text.trim();
  if (BASE64.test(bare)) return [bare];
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw failed(path, 'is no JSON: write ["KEY"]', cause);
  }
}

function failed(path: string, what: string, cause?: unknown): GossipError {
  return new GossipError('key-file', `the key file ${path} ${what}`, { cause });
}
