/** `npm run lab` as a user starts it, without the set-up and the build. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { namespacesOf, processesOf } from '../lab/traces.ts';
import type { Picture } from '../../deploy/lab/picture.ts';

const MAIN = fileURLToPath(new URL('../../deploy/lab/main.ts', import.meta.url));

function startLab(...args: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  });
  const name = `weft-${child.pid}-1`;
  return {
    child,
    name,
    ended: Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]).then(
      ([[code], out, err]) => ({ code: code as number | null, out, err }),
    ),
  };
}

function expectNothingOf(name: string): void {
  expect(namespacesOf(name)).toEqual([]);
  expect(processesOf(name)).toEqual([]);
}

test.each(['vxlan', 'host-gw'])('--once over %s shows that all workloads meet', async (backend) => {
  const lab = startLab('--nodes', '2', '--backend', backend, '--once', '--json');
  const { code, out, err } = await lab.ended;
  expect({ code, err }).toMatchObject({ code: 0 });
  const picture = JSON.parse(out) as Picture;
  expect(picture.leases.map((lease) => [lease.host, lease.backend])).toEqual([
    ['h1', backend],
    ['h2', backend],
  ]);
  expect(picture.latencies.flat().filter((latency) => latency !== null)).toHaveLength(2);
  expect(picture.throughput?.bitsPerSecond).toBeGreaterThan(0);
  expectNothingOf(lab.name);
});

test('interrupted while it is being built, it leaves nothing and says so by its exit code', async () => {
  const lab = startLab();
  await eventually(() => processesOf(lab.name).length > 0, { within: 20_000, what: 'etcd runs' });
  lab.child.kill('SIGINT');
  expect((await lab.ended).code).toBe(130);
  expectNothingOf(lab.name);
});

test('it stays until it is told to end, and that is no failure', async () => {
  const lab = startLab('--nodes', '2');
  let shown = '';
  lab.child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  await eventually(() => shown.includes('Ctrl-C ends the lab'), {
    within: 30_000,
    what: 'the lab stands',
  });
  lab.child.kill('SIGINT');
  expect((await lab.ended).code).toBe(0);
  expectNothingOf(lab.name);
});

test('a wrong option is one sentence and exit code 2', async () => {
  const { code, out, err } = await startLab('--nodes', 'many').ended;
  expect({ code, out, err }).toEqual({
    code: 2,
    out: '',
    err: 'lab: --nodes takes 2 to 20, not many\n',
  });
});
