import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { peerOf } from './peer-credentials.ts';

test('the other end of a unix socket is this process', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-peer-'));
  const server = createServer().listen(join(folder, 's'));
  await once(server, 'listening');
  const caller = connect(join(folder, 's'));
  const [socket] = (await once(server, 'connection')) as [Socket];
  const { pid, getuid, getgid } = process;
  expect(peerOf(socket)).toBe(`uid ${getuid?.()}, gid ${getgid?.()}, pid ${pid}`);
  socket.destroy();
  expect(peerOf(socket)).toBeUndefined();
  caller.destroy();
  server.close();
  rmSync(folder, { recursive: true });
});
