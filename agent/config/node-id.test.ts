import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileError } from './atomic-file.ts';
import { loadNodeId, readNodeId } from './node-id.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-node-id-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('made once, then kept', () => {
  const state = join(directory, 'state');
  const first = loadNodeId(state);
  expect(first.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(loadNodeId(state)).toEqual(first);
  expect(statSync(state).mode & 0o777).toBe(0o755);
});

test('read without making one', () => {
  expect(readNodeId(directory)).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
  const { id } = loadNodeId(directory);
  expect(readNodeId(directory)).toBe(id);
  writeFileSync(join(directory, 'node-id'), 'half a UU');
  expect(readNodeId(directory)).toBeUndefined();
});

test('a damaged file is set aside and reported', () => {
  const path = join(directory, 'node-id');
  writeFileSync(path, 'half a UU');
  const { id, setAside = '' } = loadNodeId(directory);
  expect(readFileSync(setAside, 'utf8')).toBe('half a UU');
  expect(readFileSync(path, 'utf8')).toBe(`${id}\n`);
  expect(loadNodeId(directory)).toEqual({ id });
});

test('a state directory that cannot be is one sentence', () => {
  writeFileSync(join(directory, 'file'), '');
  const load = () => loadNodeId(join(directory, 'file'));
  expect(load).toThrow(FileError);
  expect(load).toThrow(/node-id cannot be read: a part of its path is not a directory/);
});
