import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { argumentsOf, runCommand } from './run.ts';

test('a line is split at blanks, then variables are put in, and nothing is a shell', () => {
  const environment = { SUBNET: '10.5.2.0/24', TWO: 'a b' };
  expect(argumentsOf('  ip route\treplace $SUBNET via ${TWO}x  ', environment)).toEqual([
    'ip',
    'route',
    'replace',
    '10.5.2.0/24',
    'via',
    'a bx',
  ]);
  expect(argumentsOf('echo $NONE | rm; `x` "$(y)"', environment)).toEqual([
    'echo',
    '',
    '|',
    'rm;',
    '`x`',
    '"$(y)"',
  ]);
});

const given = { environment: {}, input: '' };

test('input and environment arrive, and both outputs come back, trimmed', async () => {
  const run = { environment: { PUBLIC_IP: '192.0.2.7' }, input: 'data of the peer' };
  expect(await runCommand({ ...run, line: 'cat' })).toEqual({
    status: 'done',
    output: 'data of the peer',
  });
  expect(await runCommand({ ...run, line: 'echo $PUBLIC_IP;' })).toEqual({
    status: 'done',
    output: '192.0.2.7;',
  });
  expect(await runCommand({ ...run, line: 'printenv PUBLIC_IP PATH' })).toMatchObject({
    output: `192.0.2.7\n${process.env['PATH']}`,
  });
});

test('a failure says what and why', async () => {
  expect(await runCommand({ ...given, line: 'ls /no/such/file' })).toEqual({
    status: 'failed',
    reason: expect.stringMatching(/^ls exited with 2: .*No such file/) as string,
  });
  expect(await runCommand({ ...given, line: 'no-such-program x' })).toEqual({
    status: 'failed',
    reason: 'no-such-program is not installed',
  });
  expect(await runCommand({ ...given, line: '$NOTHING' })).toMatchObject({ status: 'failed' });
  expect(await runCommand({ ...given, line: '  ' })).toMatchObject({ status: 'failed' });
});

test('one that takes too long or writes too much is killed with what it started', async () => {
  expect(await runCommand({ ...given, line: 'sleep 600' }, 50)).toEqual({
    status: 'failed',
    reason: 'sleep was stopped, as it took longer than 0.05 s',
  });
  expect(await runCommand({ ...given, line: 'yes' })).toMatchObject({
    reason: 'yes was stopped, as it wrote more than 16384 bytes',
  });
});

test('what stands for a shell is a word like any other', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-run-'));
  try {
    const target = join(directory, 'made');
    await runCommand({ ...given, line: `echo x > ${target} ; touch;${target}` });
    expect(existsSync(target)).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
