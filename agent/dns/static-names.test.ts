import { mkdtempSync, rmSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keyOfName, type Name } from '../../controlplane/names/index.ts';
import { StaticNames } from './static-names.ts';

const DB: Name = {
  name: 'db',
  network: 'default',
  address: Uint8Array.of(192, 0, 2, 7),
  ttl: 30,
};

let directory: string;
let path: string;
let said: Set<string>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-names-'));
  path = join(directory, 'names.json');
  said = new Set();
});
afterEach(() => rmSync(directory, { recursive: true }));

function opened(): { readonly names: StaticNames; readonly aside: string | undefined } {
  const names = new StaticNames({
    path,
    put: (_kind, key) => void said.add(key),
    remove: (_kind, key) => void said.delete(key),
  });
  return { names, aside: names.open() };
}

test('what was added is said again by the next weftd, until it is removed', () => {
  opened().names.add(DB);
  said.clear();
  const { names, aside } = opened();
  expect(aside).toBeUndefined();
  expect([...names.list()]).toEqual([DB]);
  expect([...said]).toEqual([keyOfName(DB)]);
  expect(names.remove(({ name }) => name === 'other')).toBe(0);
  expect(names.remove(({ name }) => name === 'db')).toBe(1);
  expect([...said]).toEqual([]);
  expect([...opened().names.list()]).toEqual([]);
});

test.each([
  'junk',
  '{}',
  '[1]',
  '[{"name":"DB","network":"default","address":"192.0.2.7","ttl":1}]',
])('of a file that has %s nothing counts, and it is put aside', (text) => {
  writeFileSync(path, text);
  const { names, aside } = opened();
  expect([aside, ...names.list(), ...said]).toEqual([`${path}.damaged`]);
  names.add(DB);
  expect(readFileSync(`${path}.damaged`, 'utf8')).toBe(text);
});
