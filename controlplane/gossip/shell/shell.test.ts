import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatKeyFile, parseKey, parseKeyFile } from './key-file.ts';
import { parseHostPort, resolvePlaces } from './places.ts';
import { Problems } from './problems.ts';
import { StateFile } from './state-file.ts';

const KEY = 'AAECAwQFBgcICQoLDA0ODw==';

test('Serf’s key file, both ways', () => {
  const keyring = parseKeyFile('f', `["${KEY}", "CQkJCQkJCQkJCQkJCQkJCQ=="]`);
  expect(keyring.map(({ length }) => length)).toEqual([16, 16]);
  expect(JSON.parse(formatKeyFile(keyring))).toEqual([KEY, 'CQkJCQkJCQkJCQkJCQkJCQ==']);
  expect(parseKeyFile('f', `${KEY}\n`).map(({ length }) => length)).toEqual([16]);
  for (const bad of ['', 'AAAA', '{}', '[]', '[1]', '["x"]', `"${KEY}"`, `["${KEY}", ""]`])
    expect(() => parseKeyFile('f', bad)).toThrow('the key file f');
  expect(parseKey(KEY)).toHaveLength(16);
  for (const bad of ['', 'AAAA', 'not base64!', `${KEY}${KEY}`])
    expect(() => parseKey(bad)).toThrow('16, 24 or 32 bytes');
});

test.each([
  ['host', 'host', 7946],
  ['host.example.:17', 'host.example.', 17],
  ['n1/host:17', 'host', 17],
  ['192.0.2.1', '192.0.2.1', 7946],
  ['2001:db8::1', '2001:db8::1', 7946],
  ['[2001:db8::1]:17', '2001:db8::1', 17],
  ['n1/[::1]', '::1', 7946],
])('%s is a place', (text, host, port) => {
  expect(parseHostPort(text, 7946)).toEqual({ host, port });
});

test.each(['', 'host:', 'host:x', 'host:65536', 'a:b:c', '[::1', '1.2.3.4.5', 'ho st', 'n/'])(
  '%j is none',
  (text) => {
    expect(() => parseHostPort(text, 7946)).toThrow('is no place');
  },
);

test('names have all their addresses, and one that has none is told', async () => {
  const { endpoints, problems } = await resolvePlaces([
    { host: 'localhost', port: 1 },
    { host: '::ffff:192.0.2.1', port: 2 },
    { host: 'no-such-host.invalid', port: 3 },
  ]);
  expect(endpoints.map(({ addr, port }) => [...addr, port])).toContainEqual([127, 0, 0, 1, 1]);
  expect(endpoints.at(-1)).toEqual({ addr: Uint8Array.of(192, 0, 2, 1), port: 2 });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain('no-such-host.invalid has no address');
});

test('a problem is told once, forgotten after its time, and bounded in number', () => {
  let now = 0;
  const told: string[] = [];
  const problems = new Problems(() => now, {
    told: ({ message }) => told.push(message),
    changed: () => undefined,
  });
  problems.set('listen', '', 'no port');
  for (let i = 0; i < 3; i++) problems.set('refused', '192.0.2.1', 'other key', 1_000);
  expect(told).toEqual(['no port', 'other key']);
  now = 500;
  problems.set('refused', '192.0.2.1', 'other key', 1_000);
  now = 1_400;
  expect(problems.list().map(({ since }) => since.getTime())).toEqual([0, 0]);
  now = 1_500;
  expect(problems.list()).toHaveLength(1);
  for (let i = 0; i < 1_000; i++) problems.set('refused', String(i), 'other key', 1_000);
  expect(problems.list()).toHaveLength(64);
  problems.set('snapshot', 'f', 'unwritable');
  expect(problems.list()).toHaveLength(65);
  problems.clear('snapshot', 'f');
  problems.clear('listen');
  expect(problems.list()).toHaveLength(63);
});

test('of what is written in haste the last one stays; what cannot be written is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-state-'));
  const outcomes: (string | undefined)[] = [];
  const file = new StateFile(join(folder, 'deep', 'f'), (problem) => outcomes.push(problem));
  expect(file.read()).toBeUndefined();
  for (let i = 0; i < 10; i++) file.write(String(i));
  await file.settled();
  expect(readFileSync(file.path, 'utf8')).toBe('9');
  expect(outcomes).toEqual([undefined, undefined]);
  const below = new StateFile(join(file.path, 'x'), (problem) => outcomes.push(problem));
  below.write('');
  await below.settled();
  expect(outcomes[2]).toContain('EEXIST');
  rmSync(folder, { recursive: true });
});
