/** The private key of this host's WireGuard devices: made at the first need of it, and kept in the state directory. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
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
