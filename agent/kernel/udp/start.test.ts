import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** In a process of its own, which opens files until it may open no more. */
const SCRIPT = `
  const { openSync, closeSync } = await import('node:fs');
  const { startForwarder } = await import('./agent/kernel/udp/start.ts');
  const { userspaceWireguard } = await import('./agent/kernel/wireguard/userspace.ts');
  const files = [];
  try { for (;;) files.push(openSync('/dev/null')); } catch {}
  const refusals = [
    await startForwarder({ name: 'flannel0', listen: '127.0.0.1:8285' }),
    await userspaceWireguard(() => {})('weft-none'),
  ];
  files.forEach(closeSync);
  console.log(JSON.stringify(refusals.map(({ code, message }) => [code, message])));
  process.exit(0);
`;

test('where no file can be opened any more, a device that needs a program is refused', async () => {
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', SCRIPT];
  const limited = ['-c', 'ulimit -n 128; exec "$@"', 'sh', ...node];
  const { stdout } = await promisify(execFile)('sh', limited);
  expect(JSON.parse(stdout)).toEqual([
    ['EMFILE', expect.stringContaining('the udp forwarder of flannel0 did not start: ')],
    ['EMFILE', expect.stringContaining('EMFILE')],
  ]);
});
