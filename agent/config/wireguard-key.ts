/**
 * The private key of this host's WireGuard devices: made at the first need of it, and kept in the state directory. While
 * it is changed the new one lies beside it, until traffic goes by that alone; so these two files tell a weftd that
 * starts anew how far it was: another one beside it, or the same.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isKey, type PublicKey } from '../state/wireguard.ts';
import { readIfThere, writeAtomically } from './atomic-file.ts';

export interface WireguardKey {
  readonly publicKey: PublicKey;
  /** Where the private key is, base64, as `wg` reads it. */
  readonly file: string;
}

/** A key file that holds none. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

const MODE = 0o600;
const KEY_BYTES = 32;

export function wireguardKeyFileIn(stateDir: string): string {
  return join(stateDir, 'wgkey');
}

function newKeyFileIn(stateDir: string): string {
  return join(stateDir, 'wgkey.new');
}

/** All that may be there. */
export function wireguardKeyFiles(stateDir: string): string[] {
  return [wireguardKeyFileIn(stateDir), newKeyFileIn(stateDir)];
}

/** The one of the files that holds the private key which belongs to `publicKey`; the first where none does. */
export function wireguardKeyFileOf(stateDir: string, publicKey: PublicKey | undefined): string {
  const files = wireguardKeyFiles(stateDir);
  const isIt = (file: string): boolean => {
    const key = readIfThere(file)?.trim();
    return isKey(key) && publicKeyOf(key) === publicKey;
  };
  return files.find(isIt) ?? wireguardKeyFileIn(stateDir);
}

/** A private key that is in no file yet. */
export interface NewKey {
  readonly publicKey: PublicKey;
  readonly privateKey: string;
}

export function makeWireguardKey(): NewKey {
  const privateKey = makeKey();
  return { publicKey: publicKeyOf(privateKey), privateKey };
}

/** Puts the key beside the one in force. Throws a FileError. */
export function placeNewKey(stateDir: string, { privateKey }: NewKey): void {
  writeAtomically(newKeyFileIn(stateDir), `${privateKey}\n`, MODE);
}

/** The key beside the one in force. Throws FileError and KeyFileError. */
export function readNewKey(stateDir: string): NewKey | undefined {
  const privateKey = readKey([newKeyFileIn(stateDir)])?.key;
  return privateKey === undefined ? undefined : { publicKey: publicKeyOf(privateKey), privateKey };
}

/** The key beside it is in force from now on, and stays beside it. Throws a FileError. */
export function enforceNewKey(stateDir: string, { privateKey }: NewKey): void {
  writeAtomically(wireguardKeyFileIn(stateDir), `${privateKey}\n`, MODE);
}

export function dropNewKey(stateDir: string): void {
  rmSync(newKeyFileIn(stateDir), { force: true });
}

/** Since when the key in force is there, in ms since 1970; undefined when there is none. */
export function wireguardKeyTime(stateDir: string): number | undefined {
  return statSync(wireguardKeyFileIn(stateDir), { throwIfNoEntry: false })?.mtimeMs;
}

/**
 * Reads the key in the state directory. Where there is none, that of flanneld is taken over, from the first of
 * `flannelds` that exists, so that peers need not learn another; else one is made. Throws FileError and KeyFileError.
 */
export function loadWireguardKey(stateDir: string, flannelds: readonly string[]): WireguardKey {
  const file = wireguardKeyFileIn(stateDir);
  const known = readKey([file, ...flannelds]);
  const key = known?.key ?? makeKey();
  if (known?.path !== file) writeAtomically(file, `${key}\n`, MODE);
  return { publicKey: publicKeyOf(key), file };
}

/** As loadWireguardKey, but writes nothing: undefined where there is no key. Throws FileError and KeyFileError. */
export function readWireguardKey(
  stateDir: string,
  flannelds: readonly string[],
): PublicKey | undefined {
  const known = readKey([wireguardKeyFileIn(stateDir), ...flannelds]);
  return known && publicKeyOf(known.key);
}

/** A key of its own each time. */
export function randomPublicKey(): PublicKey {
  return publicKeyOf(makeKey());
}

function readKey(paths: readonly string[]): { path: string; key: string } | undefined {
  for (const path of paths) {
    const key = readIfThere(path)?.trim();
    if (key === undefined) continue;
    if (isKey(key)) return { path, key };
    const advice = 'remove it, and weftd makes another, or put the right one there';
    throw new KeyFileError(
      `${path} holds no WireGuard private key (base64 of 32 bytes): ${advice}`,
    );
  }
  return undefined;
}

/** RFC 8410: the key itself is at the end of both encodings. */
function makeKey(): string {
  const { privateKey } = generateKeyPairSync('x25519');
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  return der.subarray(-KEY_BYTES).toString('base64');
}

/** RFC 8410 section 7: what stands before the 32 bytes of an X25519 private key in PKCS #8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');

function publicKeyOf(privateKey: string): PublicKey {
  const key = Buffer.concat([PKCS8_HEAD, Buffer.from(privateKey, 'base64')]);
  const secret = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const der = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  return der.subarray(-KEY_BYTES).toString('base64') as PublicKey;
}
