/** The command weft when it is used wrongly, or nobody answers. */
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { expectOneSentence } from './refusal.ts';

let lab: Lab;
let host: Host;

beforeAll(async () => {
  lab = await createLab({ nodes: 1 });
  host = lab.host(1);
});

afterAll(() => lab?.close());

const ASKING = [['status'], ['status', '--watch'], ['leases'], ['leases', '--watch'], ['plan']];
test.each(ASKING)('%s %s without a daemon: exit code 3', async (...words) => {
  const args = words.filter((word) => word !== undefined);
  expectOneSentence(await host.weft(...args), 3, /weftd.*not.*: start/i, 'weft');
  expectOneSentence(await host.weft(...args, '--json'), 3, /weftd/, 'weft');
});

test.each([
  [['stauts'], /did you mean status/],
  [['status', '--wach'], /unknown option.*did you mean --watch/],
  [['status', 'now'], /too many arguments/],
  [['leases', '--yes'], /unknown option/],
  [['--socket'], /its value is missing/],
  [['--socket=', 'status'], /--socket is empty/],
  [['--json', 'docker-opts'], /takes no flags of weft/],
])('%s: exit code 2', async (args, says) => {
  expectOneSentence(await host.weft(...args), 2, says, 'weft');
});

test('version, help and docker-opts need no daemon', async () => {
  for (const args of [['version'], ['--help'], ['help', 'status'], ['docker-opts', '--help']])
    expect(await host.weft(...args)).toMatchObject({ code: 0, stderr: '' });
});

test('docker-opts: exit code 1 for what the script refuses', async () => {
  const missing = await host.weft(
    'docker-opts',
    '-f',
    `${lab.directory}/none`,
    '-d',
    lab.directory,
  );
  expect(missing).toMatchObject({ code: 1 });
  expect(missing.stderr).toMatch(/cannot be written: it is a directory; give a file\n$/);
  expect(await host.weft('docker-opts', '-x')).toMatchObject({ code: 1 });
});

test('a socket on which somebody else listens', async () => {
  const socket = `${lab.directory}/foreign.sock`;
  const server = createServer((connection) => {
    // The caller may be gone before it has read all; a connection kept would keep its namespace.
    connection.on('error', () => undefined).end('220 mail\r\n', () => connection.destroy());
  }).listen(socket);
  const answer = await host.weft('--socket', socket, 'status');
  expectOneSentence(answer, 3, /weftd/, 'weft');
  server.close();
});
