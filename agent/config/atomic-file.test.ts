import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareDirectory } from './atomic-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-atomic-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('a directory is made with those above it, readable by all, and may be there', () => {
  const path = join(directory, 'a', 'b');
  for (let i = 0; i < 2; i++) prepareDirectory(path);
  for (const made of [path, join(directory, 'a')]) expect(statSync(made).mode & 0o7777).toBe(0o755);
  expect(readdirSync(path)).toEqual([]);
});

test.each(['file', 'file/below'])('%s cannot be a directory', (path) => {
  writeFileSync(join(directory, 'file'), '');
  const sentence = /cannot be written: a part of its path is not a directory; choose another path/;
  expect(() => prepareDirectory(join(directory, path))).toThrow(sentence);
});
