import { expect, test, vi } from 'vitest';
import { WeftError } from '../controlplane/api/errors.ts';
import { memberNumber, Stage } from '../controlplane/api/testing.ts';
import { run } from './app.ts';
import { ask, Recorder } from './testing.ts';

test('members: a table by name, this host and its troubles told', async () => {
  await using stage = await Stage.open();
  stage.daemon.putMember({ ...memberNumber(10), status: 'failed', tags: {} });
  stage.daemon.putMember({ ...memberNumber(2), status: 'left', tags: { b: '\u001b[2J', a: '1' } });
  stage.daemon.putMember(memberNumber(0));
  stage.daemon.putMember({ ...memberNumber(3), roundTripMs: 41.7 });
  const { out, code } = await ask(stage, 'members');
  expect(code).toBe(0);
  expect(out).toBe(
    [
      'NAME  ADDRESS          STATUS            TAGS             RTT      SINCE',
      'h0    192.0.0.0:7946   alive, this host  weft=1           -        3 h',
      'h2    192.0.0.2:7946   left              a=1,b=\\u001b[2J  0.50 ms  3 h',
      'h3    192.0.0.3:7946   alive             weft=1           42 ms    3 h',
      'h10   192.0.0.10:7946  failed            -                2.50 ms  3 h',
      '4 members, 1 left, 1 failed',
      '',
    ].join('\n'),
  );
  const json = JSON.parse((await ask(stage, 'members', '--json')).out) as unknown[];
  expect(json).toEqual(
    ['h0', 'h2', 'h3', 'h10'].map(
      (name) => JSON.parse(JSON.stringify(stage.daemon.memberTable.get(name))) as unknown,
    ),
  );
});

test('members fit the terminal', async () => {
  await using stage = await Stage.open();
  stage.daemon.putMember({ ...memberNumber(1), tags: { role: 'x'.repeat(300) } });
  const terminal = new Recorder(70, { NO_COLOR: '1' });
  await run(['members', '--socket', stage.socketPath], terminal);
  for (const line of terminal.out.split('\n')) expect(line.length).toBeLessThanOrEqual(70);
});

test('members --watch: the table, then a line for each change', async () => {
  await using stage = await Stage.open();
  stage.daemon.putMember(memberNumber(1));
  const io = new Recorder();
  const ended = run(['members', '--watch', '--socket', stage.socketPath], io);
  await vi.waitFor(() => expect(io.out).toContain('1 member\n'));
  stage.daemon.putMember({ ...memberNumber(1), status: 'failed' });
  await vi.waitFor(() => expect(io.out).toContain('failed'));
  stage.daemon.removeMember('h1');
  await vi.waitFor(() => expect(io.out).toContain('- h1\n'));
  await stage.stop();
  expect(await ended).toBe(3);
  expect(io.out).toContain('+ h1  192.0.0.1:7946  failed  weft=1  0.25 ms\n');
});

test('members --watch --json: an event on each line', async () => {
  await using stage = await Stage.open();
  const io = new Recorder();
  const ended = run(['members', '--watch', '--json', '--socket', stage.socketPath], io);
  await vi.waitFor(() => expect(io.out).toContain('complete'));
  stage.daemon.putMember(memberNumber(0));
  await vi.waitFor(() => expect(io.out).toContain('present'));
  await stage.stop();
  await ended;
  const events = io.out.trim().split('\n');
  expect(events.map((line) => JSON.parse(line) as unknown)).toEqual([
    { type: 'complete' },
    { type: 'present', member: JSON.parse(JSON.stringify(memberNumber(0))) as unknown },
  ]);
});

const OK = { member: 'h2', ok: true };
const NOT_OK = { member: 'h10', ok: false, message: 'no answer' };

test('keys list: each key, and how many have it', async () => {
  await using stage = await Stage.open();
  stage.daemon.keyReport = {
    keys: [
      { key: 'AAAA', members: 2, primary: 2 },
      { key: 'BBBBBB==', members: 1, primary: 0 },
    ],
    answers: [OK, { ...NOT_OK, ok: true }],
  };
  const { out, code } = await ask(stage, 'keys', 'list');
  expect([out, code]).toEqual([
    [
      'KEY       MEMBERS  IN USE',
      'AAAA      2        2',
      'BBBBBB==  1        0',
      '2 keys on 2 members',
      '',
    ].join('\n'),
    0,
  ]);
  const { out: json } = await ask(stage, 'keys', 'list', '--json');
  expect(JSON.parse(json)).toEqual(stage.daemon.keyReport);
});

test('keys list tells who did not answer', async () => {
  await using stage = await Stage.open();
  stage.daemon.keyReport = { keys: [], answers: [NOT_OK, OK] };
  const { out, err, code } = await ask(stage, 'keys', 'list');
  expect(out).toBe('MEMBER  RESULT\nh10     failed: no answer\n0 keys on 2 members\n');
  expect([code, err]).toEqual([
    1,
    'weft: 1 of 2 members did not do it: see to them, then do the same again: where it is done, it changes nothing\n',
  ]);
});

test.each([
  ['install', 'installed'],
  ['use', 'used'],
  ['remove', 'removed'],
] as const)('keys %s: what became of it on every member', async (action, done) => {
  await using stage = await Stage.open();
  stage.daemon.keyReport = { keys: [], answers: [NOT_OK, OK] };
  const { out, code } = await ask(stage, 'keys', action, 'AAAA==');
  expect(out).toBe(`MEMBER  RESULT\nh2      ${done}\nh10     failed: no answer\n`);
  expect(code).toBe(1);
  expect(stage.daemon.keyChanges).toEqual([[action, 'AAAA==']]);
  stage.daemon.keyReport = { keys: [], answers: [OK] };
  expect(await ask(stage, 'keys', action, 'AAAA==')).toMatchObject({ err: '', code: 0 });
});

test('keys generate needs no daemon, and makes another one each time', async () => {
  await using stage = new Stage();
  const { out, code } = await ask(stage, 'keys', 'generate');
  expect([Buffer.from(out, 'base64').length, code]).toEqual([32, 0]);
  const { out: json } = await ask(stage, 'keys', 'generate', '--json');
  expect((JSON.parse(json) as { key: string }).key).not.toBe(out.trim());
});

test.each([['members'], ['keys', 'list'], ['keys', 'use', 'AAAA']])(
  '%s without gossip is one sentence',
  async (...argv) => {
    await using stage = await Stage.open();
    stage.daemon.failure = new WeftError('WEFT_GOSSIP_OFF', 'off', { fix: 'switch it on' });
    expect(await ask(stage, ...argv)).toMatchObject({
      out: '',
      err: 'weft: off: switch it on\n',
      code: 1,
    });
  },
);

test('keys rotate-wireguard: a line for each step, or the new key', async () => {
  await using stage = await Stage.open();
  stage.daemon.rotation = [
    { step: 'out', text: 'it begins' },
    { step: 'done', text: 'it is done', publicKey: 'AA==' },
  ];
  expect(await ask(stage, 'keys', 'rotate-wireguard')).toMatchObject({
    code: 0,
    out: 'it begins\nit is done\n',
  });
  const { out } = await ask(stage, 'keys', 'rotate-wireguard', '--json');
  expect(JSON.parse(out)).toEqual({ publicKey: 'AA==' });
  stage.daemon.failure = new WeftError('WEFT_ROTATION_REFUSED', 'no', { fix: 'do this' });
  expect(await ask(stage, 'keys', 'rotate-wireguard')).toMatchObject({
    code: 1,
    err: 'weft: no: do this\n',
  });
});
