import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Resource } from '../../state/resource.ts';
import { CommandDriver } from './driver.ts';
import type { CommandEnd, CommandRun } from './run.ts';

const command = {
  kind: 'command',
  subject: '10.5.2.0/24',
  line: 'add',
  undo: 'remove',
  environment: { SUBNET: '10.5.2.0/24' },
  input: 'data',
} as const;
const DONE = { status: 'done' };

let directory = '';
let ran: CommandRun[] = [];
let end: CommandEnd = { status: 'done', output: '' };
let time = 0;
let took = 0;

function driver(boot = 'boot 1'): CommandDriver {
  const run = async (what: CommandRun): Promise<CommandEnd> => {
    ran.push(what);
    time += took;
    return end;
  };
  const file = join(directory, 'run/commands.json');
  return new CommandDriver({ file, boot, run, now: () => time });
}

async function dumped(of: CommandDriver): Promise<Resource[]> {
  const all: Resource[] = [];
  for await (const slice of of.dump()) all.push(...slice);
  return all;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-commands-'));
  [ran, end, time, took] = [[], { status: 'done', output: '' }, 0, 0];
});
afterEach(() => rmSync(directory, { recursive: true }));

test('what was run is told after a restart, and undone with what it was given', async () => {
  expect(await dumped(driver())).toEqual([]);
  expect(await driver().apply([{ action: 'create', desired: command }])).toEqual([DONE]);
  expect(ran).toEqual([command]);
  const next = driver();
  expect(await dumped(next)).toEqual([command]);
  expect(await next.apply([{ action: 'remove', actual: command }])).toEqual([DONE]);
  expect(ran[1]).toEqual({ ...command, line: 'remove' });
  expect(await dumped(driver())).toEqual([]);
});

test('after another boot nothing was run', async () => {
  await driver().apply([{ action: 'create', desired: command }]);
  expect(await dumped(driver('boot 2'))).toEqual([]);
});

test('other data are a new run; another way to undo it is only noted', async () => {
  const here = driver();
  await here.apply([{ action: 'create', desired: command }]);
  const other = { ...command, undo: 'remove it' };
  expect(await here.apply([{ action: 'change', actual: command, desired: other }])).toEqual([DONE]);
  expect(ran).toHaveLength(1);
  expect(await dumped(driver())).toEqual([other]);
  const moved = { ...other, input: 'new data' };
  await here.apply([{ action: 'change', actual: other, desired: moved }]);
  expect(ran[1]).toEqual(moved);
});

test('without a command for it nothing is run, and one that fails is not noted', async () => {
  const quiet = { ...command, line: '', undo: '' };
  expect(await driver().apply([{ action: 'create', desired: quiet }])).toEqual([DONE]);
  expect(await driver().apply([{ action: 'remove', actual: quiet }])).toEqual([DONE]);
  expect(ran).toEqual([]);
  end = { status: 'failed', reason: 'add exited with 1' };
  expect(await driver().apply([{ action: 'create', desired: command }])).toEqual([
    { status: 'failed', code: 'COMMAND', message: 'add exited with 1' },
  ]);
  expect(await dumped(driver())).toEqual([]);
});

test('commands that take long do not hold up a pass for ever', async () => {
  took = 20_000;
  const operations = [1, 2, 3, 4].map((n) => ({
    action: 'create' as const,
    desired: { ...command, subject: `${n}` },
  }));
  const outcomes = await driver().apply(operations);
  expect(outcomes.map(({ status }) => status)).toEqual(['done', 'done', 'failed', 'failed']);
  expect(ran).toHaveLength(2);
});

test('the record is for root alone, and one that makes no sense is none', async () => {
  await driver().apply([{ action: 'create', desired: command }]);
  const file = join(directory, 'run/commands.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const record = JSON.parse(readFileSync(file, 'utf8')) as { commands: object[] };
  writeFileSync(file, JSON.stringify({ ...record, commands: [{ kind: 'command' }, 7, command] }));
  expect(await dumped(driver())).toEqual([command]);
  for (const text of ['', '{', '[]', 'null', '{"boot":"boot 1","commands":{}}']) {
    writeFileSync(file, text);
    expect(await dumped(driver())).toEqual([]);
  }
});
