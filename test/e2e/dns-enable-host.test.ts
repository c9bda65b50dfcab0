/** `weft dns enable-host`: the host itself asks weft, in a view of /etc of its own, and asks as before when it is undone. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Finished } from '../lab/command.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { WEFT } from '../lab/weftd.ts';

const SOON = 10_000;
/** What resolv.conf is before: a server that knows one name. */
const BEFORE = '# kept\nnameserver 127.0.0.1\n';

let lab: Lab;
let host: Host;
let etc: string;

/** As this machine's, with files of the host in /etc. */
function within(...command: readonly string[]): [string, string[]] {
  const script = 'mount --bind "$0" /etc && exec "$@"';
  return ['unshare', ['--mount', 'sh', '-c', script, etc, ...command]];
}

function seen(...command: readonly string[]): Promise<Finished> {
  const [program, args] = within(...command);
  return host.exec(program, args, { env: { WEFT_SOCKET: host.socket } });
}

const enable = (...flags: string[]): Promise<Finished> =>
  seen(process.execPath, WEFT, 'dns', 'enable-host', ...flags);

const getent = async (name: string): Promise<string> =>
  (await seen('getent', 'ahostsv4', name)).stdout.split(/\s/)[0] ?? '';

beforeAll(async () => {
  lab = await createLab({ nodes: 1 });
  host = lab.host(1);
  etc = join(host.directory, 'etc');
  await host.output('cp', ['-a', '/etc', etc]);
  await rm(join(etc, 'resolv.conf'), { force: true });
  await writeFile(join(etc, 'resolv.conf'), BEFORE);
  await lab.startEtcd();
  await lab.configureNetwork({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } });
  const server = '--no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root';
  const place = '--listen-address=127.0.0.1 --bind-interfaces --address=/out.example/192.0.2.99';
  host.spawn('dnsmasq', `${server} ${place}`.split(' '));
  host.spawn(...within(...host.weftdCommand([])));
  await eventually(() => host.httpGet('/readyz').then(() => true), {
    within: 2 * SOON,
    what: 'weftd is ready',
  });
  const added = await host.weft('dns', 'add', 'db', '192.0.2.7');
  expect([added.code, added.stderr]).toEqual([0, '']);
});
afterAll(() => lab?.close());

beforeEach(async () => {
  await rm(join(etc, 'resolv.conf'), { force: true });
  await writeFile(join(etc, 'resolv.conf'), BEFORE);
});

test('resolv.conf: told, made, asked, made again and undone', async () => {
  const conf = join(etc, 'resolv.conf');
  const told = await enable();
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(told.stdout).toContain('nameserver 127.0.0.57');
  expect(await readFile(conf, 'utf8')).toBe(BEFORE);
  expect(await getent('db.default.weft')).toBe('');

  const made = await enable('--yes', '--json');
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(made.stdout)).toMatchObject({ way: 'resolv.conf', made: true });
  expect(await readFile(`${conf}.before-weft`, 'utf8')).toBe(BEFORE);
  expect(await getent('db.default.weft')).toBe('192.0.2.7');
  expect(await getent('h1.host.weft')).toBe(host.address);
  // weftd does not ask itself, although it is the first server now.
  expect(await getent('out.example')).toBe('192.0.2.99');
  const dug = await seen('dig', '+tries=1', '+time=2', 'no.such.example');
  expect(dug.stdout).toMatch(/status: (?:REFUSED|SERVFAIL|NXDOMAIN)/);

  const again = await enable('--yes');
  expect(again.stdout).toMatch(/^this host asks weft already/);

  // Of what somebody has written meanwhile nothing goes.
  await writeFile(conf, `${await readFile(conf, 'utf8')}search example.com\n`);
  expect(await enable('--undo', '--yes')).toMatchObject({ code: 0, stderr: '' });
  expect(await readFile(conf, 'utf8')).toBe(`${BEFORE}search example.com\n`);
  expect(existsSync(`${conf}.before-weft`)).toBe(false);
  expect((await enable('--undo', '--yes')).stdout).toBe('nothing is there to be undone\n');
});

test('a resolv.conf that is mounted is written in place', async () => {
  const conf = join(etc, 'resolv.conf');
  const source = join(host.directory, 'mounted');
  await writeFile(source, BEFORE);
  const script = `mount --bind ${source} /etc/resolv.conf && exec "$@"`;
  const command = [process.execPath, WEFT, 'dns', 'enable-host'];
  const inPlace = (...flags: string[]) => seen('sh', '-c', script, 'sh', ...command, ...flags);
  expect(await inPlace('--yes')).toMatchObject({ code: 0, stderr: '' });
  expect(await readFile(source, 'utf8')).toContain('nameserver 127.0.0.57');
  expect(await inPlace('--undo', '--yes')).toMatchObject({ code: 0, stderr: '' });
  expect(await readFile(source, 'utf8')).toBe(BEFORE);
  expect(await readFile(conf, 'utf8')).toBe(BEFORE);
});

test('a link is not touched, and systemd-resolved gets a drop-in', async () => {
  const conf = join(etc, 'resolv.conf');
  await rm(conf);
  await symlink('/run/NetworkManager/resolv.conf', conf);
  const refused = await enable('--yes');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^weft: \/etc\/resolv\.conf is a link to .*name 127\.0\.0\.57/);

  await rm(conf);
  await writeFile(conf, 'nameserver 127.0.0.53\n');
  const bin = join(host.directory, 'bin');
  await mkdir(bin, { recursive: true });
  const [log, systemctl] = [join(bin, 'log'), join(bin, 'systemctl')];
  await writeFile(systemctl, `#!/bin/sh\necho "$@" >>${log}\n`, { mode: 0o755 });
  const through = ['env', `PATH=${bin}:${process.env['PATH']}`, process.execPath, WEFT, 'dns'];
  expect(await seen(...through, 'enable-host', '--yes')).toMatchObject({ code: 0, stderr: '' });
  const dropIn = join(etc, 'systemd/resolved.conf.d/weft.conf');
  expect(await readFile(dropIn, 'utf8')).toContain('[Resolve]\nDNS=127.0.0.57\nDomains=~weft\n');
  expect(await readFile(conf, 'utf8')).toBe('nameserver 127.0.0.53\n');
  expect(await seen(...through, 'enable-host', '--undo', '--yes')).toMatchObject({ code: 0 });
  expect(existsSync(dropIn)).toBe(false);
  expect(await readFile(log, 'utf8')).toBe('restart systemd-resolved\n'.repeat(2));
});
