/**
 * Encrypted data: version, nonce, AES-GCM's ciphertext, tag. Version 1 encrypts as it is; version 0, which
 * memberlist's first protocol used and we only read, pads to 16 bytes before (PKCS #7, RFC 5652 section 6.3).
 */
import { createCipheriv, createDecipheriv, type CipherGCMTypes } from 'node:crypto';
import type { Keyring } from './keyring.ts';
import { Refused } from './refusal.ts';

export type EncryptionVersion = 0 | 1;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK = 16;
const HEAD = 1 + NONCE_BYTES;
/** Bytes that encryption adds; with version 0 at most. Also the least an encrypted blob has. */
export const ENCRYPTION_OVERHEAD = { 0: HEAD + BLOCK + TAG_BYTES, 1: HEAD + TAG_BYTES } as const;

/** 12 bytes that were never given before: chance is an argument. */
export type NonceSource = () => Uint8Array;

export interface Sealing {
  readonly nonce: NonceSource;
  /** Authenticated, not sent. */
  readonly aad: Uint8Array;
  readonly version?: EncryptionVersion;
}

export function encryptedLength(plain: number, version: EncryptionVersion = 1): number {
  return HEAD + plain + (version === 0 ? paddingOf(plain) : 0) + TAG_BYTES;
}

/** With the first key. Throws a RangeError without one. */
export function encrypt(
  plain: Uint8Array,
  keyring: Keyring,
  { nonce, aad, version = 1 }: Sealing,
): Uint8Array {
  const [key] = keyring;
  if (key === undefined) throw new RangeError('no key to encrypt with');
  const iv = nonce();
  const cipher = createCipheriv(cipherOf(key), key, iv, { authTagLength: TAG_BYTES }).setAAD(aad);
  const padding = version === 0 ? paddingOf(plain.length) : 0;
  const sealed = [
    Uint8Array.of(version),
    iv,
    cipher.update(plain),
    cipher.update(new Uint8Array(padding).fill(padding)),
    cipher.final(),
    cipher.getAuthTag(),
  ];
  return new Uint8Array(Buffer.concat(sealed));
}

/** With whichever key fits, in the order of the ring. Throws a Refused. */
export function decrypt(sealed: Uint8Array, keyring: Keyring, aad: Uint8Array): Uint8Array {
  const version = sealed[0];
  if (version !== 0 && version !== 1)
    throw new Refused('undecryptable', 'not of an encryption version that there is');
  if (sealed.length < ENCRYPTION_OVERHEAD[version])
    throw new Refused('undecryptable', `encrypted data of ${sealed.length} bytes`);
  for (const key of keyring) {
    const plain = open(sealed, key, aad);
    if (plain !== undefined) return version === 0 ? withoutPadding(plain) : plain;
  }
  throw new Refused('undecryptable', 'none of our keys opens it');
}

function open(sealed: Uint8Array, key: Uint8Array, aad: Uint8Array): Uint8Array | undefined {
  const end = sealed.length - TAG_BYTES;
  const nonce = sealed.subarray(1, HEAD);
  const decipher = createDecipheriv(cipherOf(key), key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(aad)
    .setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(HEAD, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
}

function cipherOf(key: Uint8Array): CipherGCMTypes {
  return `aes-${(key.length * 8) as 128 | 192 | 256}-gcm`;
}

function paddingOf(length: number): number {
  return BLOCK - (length % BLOCK);
}

function withoutPadding(padded: Uint8Array): Uint8Array {
  const padding = padded.at(-1) ?? 0;
  if (padding < 1 || padding > BLOCK || padding > padded.length)
    throw new Refused('malformed', 'padding that is none');
  return padded.subarray(0, padded.length - padding);
}
