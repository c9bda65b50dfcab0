/** The keys of a cluster, as a value. The first encrypts; every one of them decrypts. */

/** In bytes: AES-128, AES-192, AES-256. */
const KEY_LENGTHS = [16, 24, 32];

/** Empty: neither encrypt nor decrypt. */
export type Keyring = readonly Uint8Array[];

/** The ring after a change, or a sentence that says why there is none. */
export type KeyChange =
  | { readonly ok: true; readonly keyring: Keyring }
  | { readonly ok: false; readonly problem: string };

/** The key at the end; the first one is used at once. No change if it is there. */
export function addKey(keyring: Keyring, key: Uint8Array): KeyChange {
  if (!KEY_LENGTHS.includes(key.length))
    return failed(`a key has 16, 24 or 32 bytes, not ${key.length}`);
  if (keyring.some((other) => isEqual(other, key))) return { ok: true, keyring };
  return { ok: true, keyring: [...keyring, key.slice()] };
}

/** Encrypt with this key from now on. */
export function useKey(keyring: Keyring, key: Uint8Array): KeyChange {
  const found = keyring.find((other) => isEqual(other, key));
  if (found === undefined)
    return failed('the key is not installed: install it on every member first');
  return { ok: true, keyring: [found, ...keyring.filter((other) => other !== found)] };
}

/** No change if it is not there. */
export function removeKey(keyring: Keyring, key: Uint8Array): KeyChange {
  const [primary] = keyring;
  if (primary !== undefined && isEqual(primary, key))
    return failed('the key is in use: use another one on every member first');
  return { ok: true, keyring: keyring.filter((other) => !isEqual(other, key)) };
}

function failed(problem: string): KeyChange {
  return { ok: false, problem };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
