import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isCommandFor, stateOf } from './hung.ts';

let directory: string;
let server: Server | undefined;
const sockets = new Set<Socket>();
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-hung-'));
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function listen(answer: (socket: Socket) => void): Promise<string> {
  const path = join(directory, 'socket');
  server = createServer((socket) => {
    sockets.add(socket);
    answer(socket);
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return path;
}

test('who answers, who is silent, and who is gone', async () => {
  expect(await stateOf(join(directory, 'none'), 5000)).toBe('gone');
  const asked: string[] = [];
  const path = await listen((socket) =>
    socket.on('data', (data) => {
      asked.push(data.toString());
      if (asked.length === 1) socket.write('errno=0\n\n');
    }),
  );
  expect(await stateOf(path, 5000)).toBe('answers');
  expect(asked).toEqual(['get=1\n\n']);
  expect(await stateOf(path, 20)).toBe('silent');
});

test('one that hangs up is gone', async () => {
  const path = await listen((socket) => socket.end());
  expect(await stateOf(path, 5000)).toBe('gone');
});

test.each([
  [['wireguard-go', 'flannel-wg', ''], true],
  [['/usr/bin/wireguard-go', '-f', 'flannel-wg', ''], true],
  [['wireguard-go', 'flannel-wg-v6', ''], false],
  [['tail', 'wireguard-go', 'flannel-wg', ''], false],
  [[''], false],
])('whether %j serves flannel-wg: %s', (words, does) => {
  expect(isCommandFor(words, 'flannel-wg')).toBe(does);
});
