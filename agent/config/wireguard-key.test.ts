import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isKey } from '../state/wireguard.ts';
import {
  dropNewKey,
  enforceNewKey,
  KeyFileError,
  loadWireguardKey,
  makeWireguardKey,
  placeNewKey,
  readNewKey,
  readWireguardKey,
  wireguardKeyFileOf,
} from './wireguard-key.ts';

/** By `wg genkey` and `wg pubkey`. */
const PAIR = {
  private: 'cLZ90cms0RBvP+DmatmJbMxNtJnGK1lNfReLdqAGTFI=',
  public: 'ph2kAspK9MJLGjQg1HozxAvLzEQYoWEVjaEexQUN/GU=',
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-key-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('a key is made once, for nobody else to read', () => {
  const state = join(directory, 'state');
  const { publicKey, file } = loadWireguardKey(state, []);
  expect(isKey(publicKey)).toBe(true);
  expect(isKey(readFileSync(file, 'utf8').trim())).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(loadWireguardKey(state, []).publicKey).toBe(publicKey);
  expect(loadWireguardKey(directory, []).publicKey).not.toBe(publicKey);
});

test('the public key is the one that wg derives', () => {
  writeFileSync(join(directory, 'wgkey'), `${PAIR.private}\n`);
  expect(loadWireguardKey(directory, []).publicKey).toBe(PAIR.public);
});

test("flanneld's key is taken over, and ours counts before it", () => {
  const flanneld = join(directory, 'flannel-wgkey');
  const state = join(directory, 'state');
  expect(loadWireguardKey(state, [flanneld]).publicKey).not.toBe(PAIR.public);
  rmSync(state, { recursive: true });
  writeFileSync(flanneld, PAIR.private);
  expect(readWireguardKey(state, [flanneld])).toBe(PAIR.public);
  expect(loadWireguardKey(state, [flanneld]).publicKey).toBe(PAIR.public);
  rmSync(flanneld);
  expect(loadWireguardKey(state, [flanneld]).publicKey).toBe(PAIR.public);
});

test('read without making one', () => {
  expect(readWireguardKey(directory, [])).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
});

test('a file that holds no key is refused, and not told', () => {
  const path = join(directory, 'wgkey');
  for (const text of ['', 'secret', PAIR.private.slice(1), `${PAIR.private}A`]) {
    writeFileSync(path, text);
    expect(() => loadWireguardKey(directory, [])).toThrow(KeyFileError);
    expect(() => loadWireguardKey(directory, [])).toThrow(
      `${path} holds no WireGuard private key (base64 of 32 bytes): remove it`,
    );
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
});

test('a new key lies beside the one in force, takes its place, and goes', () => {
  const { publicKey: old, file } = loadWireguardKey(directory, []);
  expect(readNewKey(directory)).toBeUndefined();
  const key = makeWireguardKey();
  placeNewKey(directory, key);
  expect(readNewKey(directory)).toEqual(key);
  expect(readWireguardKey(directory, [])).toBe(old);
  expect(statSync(`${file}.new`).mode & 0o777).toBe(0o600);
  expect(wireguardKeyFileOf(directory, old)).toBe(file);
  expect(wireguardKeyFileOf(directory, key.publicKey)).toBe(`${file}.new`);
  enforceNewKey(directory, key);
  expect(readWireguardKey(directory, [])).toBe(key.publicKey);
  expect(wireguardKeyFileOf(directory, key.publicKey)).toBe(file);
  dropNewKey(directory);
  expect(readNewKey(directory)).toBeUndefined();
  dropNewKey(directory);
});
