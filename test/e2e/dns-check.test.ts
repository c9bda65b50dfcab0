/** `weft dns check`: every host is asked for every name, and whoever disagrees or is not heard is named. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Finding } from '../../controlplane/api/dns-model.ts';
import { eventually } from '../lab/eventually.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { Weftd } from '../lab/weftd.ts';

const SOON = 10_000;

let lab: Lab;
const daemons: Weftd[] = [];

beforeAll(async () => {
  lab = await createLab({ nodes: 3 });
  await lab.startEtcd();
  await lab.configureNetwork({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } });
  daemons.push(...lab.hosts.map((host) => host.startWeftd()));
  await Promise.all(daemons.map((daemon) => daemon.waitReady()));
  for (const [i, host] of lab.hosts.entries()) {
    const added = await host.weft('dns', 'add', `db${i + 1}`, `192.0.2.${i + 1}`);
    expect([added.code, added.stderr]).toEqual([0, '']);
  }
});
afterAll(() => lab?.close());

/** Names of three hosts, and a static record of each. */
const NAMES = 6;

async function checked(): Promise<{ code: number; findings: readonly Finding[] }> {
  const { code, stdout, stderr } = await lab.host(1).weft('dns', 'check', '--json');
  expect(stderr).toBe('');
  return { code, findings: JSON.parse(stdout) as readonly Finding[] };
}

async function untilKnown(): Promise<void> {
  await eventually(
    async () => {
      const { stdout } = await lab.host(1).weft('dns', 'ls', '--json');
      return (JSON.parse(stdout) as readonly unknown[]).length === NAMES;
    },
    { within: SOON, what: 'h1 knows all names' },
  );
}

test('hosts that agree', async () => {
  await untilKnown();
  const { code, stdout } = await lab.host(2).weft('dns', 'check');
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `3 hosts asked for ${NAMES} names: all agree\n`,
  });
  expect(await checked()).toEqual({ code: 0, findings: [] });
});

test('a host whose DNS answers otherwise is named, with what it says and what the owner says', async () => {
  await daemons[2]?.stop();
  daemons[2] = await lab.host(3).startWeftd(['--dns-domain', 'other']).waitReady();
  await untilKnown();
  const { code, findings } = await checked();
  expect(code).toBe(1);
  // Also of its own names: they are not known there by that domain.
  expect(findings.map(({ kind, host, name, status }) => [kind, host, name, status])).toEqual(
    ['db1.default', 'db2.default', 'db3.default', 'h1.host', 'h2.host', 'h3.host'].map((name) => [
      'disagrees',
      'h3',
      `${name}.weft`,
      'REFUSED',
    ]),
  );
  expect(findings[0]).toMatchObject({ says: [], owners: ['h1'], ownerSays: ['192.0.2.1'] });
  const { stdout } = await lab.host(1).weft('dns', 'check');
  expect(stdout).toMatch(/^db1\.default\.weft +h3 +REFUSED +h1 +192\.0\.2\.1$/m);
  expect(stdout).toMatch(/^3 hosts asked for 6 names: 6 disagreements$/m);
});

test('a host that is frozen is named, and the others are compared', async () => {
  process.kill(daemons[1]?.pid ?? 0, 'SIGSTOP');
  try {
    const { code, findings } = await checked();
    expect(code).toBe(1);
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'silent', host: 'h2', status: 'did not answer' }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'disagrees', host: 'h3', name: 'db1.default.weft' }),
    );
  } finally {
    process.kill(daemons[1]?.pid ?? 0, 'SIGCONT');
  }
});

test('a member whose name DNS cannot have is heard, and ends nobody', async () => {
  const name = `${'x'.repeat(64)}..h3`;
  await daemons[2]?.stop();
  daemons[2] = await lab.host(3).startWeftd(['--node-name', name]).waitReady();
  await eventually(async () => (await checked()).findings.every(({ host }) => host === 'h3'), {
    within: 2 * SOON,
    what: 'all that are there agree',
  });
  expect(daemons.map(({ result }) => result)).toEqual([undefined, undefined, undefined]);
  const { stdout } = await lab.host(3).weft('dns', 'ls', '--json');
  const names = (JSON.parse(stdout) as readonly { name: string }[]).map((entry) => entry.name);
  expect(names).toContain('h1');
  expect(names).not.toContain(name);
});
