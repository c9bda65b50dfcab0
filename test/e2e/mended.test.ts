/** What is wrong and may be mended meanwhile: weftd says it once, changes nothing, and goes on when it is right. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startEtcd } from '../lab/etcd.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { kernelState } from '../lab/kernel-state.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { expectRefusal, withReadOnly } from './refusal.ts';

const CONFIG_KEY = '/coreos.com/network/config';
const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };

let lab: Lab;
let host: Host;
/** Under the lab's directory. */
let path: (name: string) => string;

beforeAll(async () => {
  lab = await createLab({ nodes: 1 });
  host = lab.host(1);
  path = (name) => join(lab.directory, name);
  await lab.startEtcd();
  for (const name of ['empty', 'read-only']) mkdirSync(path(name));
});

beforeEach(() => lab.configureNetwork(NETWORK));

afterAll(() => lab?.close());

/** Lines of the log with the text, once weftd is ready after `mend`. */
async function toldUntilMended(
  flags: readonly string[],
  says: RegExp,
  mend: () => Promise<unknown>,
): Promise<void> {
  const before = await kernelState(host);
  const weftd = host.startWeftd(flags);
  await weftd.waitForLog(says);
  expect(await kernelState(host)).toEqual(before);
  await eventually(async () => (await host.weft('status')).stdout.match(says) !== null, {
    within: 5000,
    what: 'weft status tells it too',
  });
  await mend();
  await weftd.waitReady();
  const told = weftd.log().filter(({ msg }) => says.test(msg));
  expect(told.map(({ level }) => level)).toEqual([expect.stringMatching(/warn|error/)]);
  expect(weftd.logLines().every((line) => line.startsWith('{'))).toBe(true);
  await weftd.stop();
  await host.runWeftd(['cleanup', '--yes']);
}

test('an etcd that is not there yet', async () => {
  const place = lab.etcdPlace;
  const flags = [`--etcd-endpoints=http://${place.address}:2579`];
  await toldUntilMended(flags, /etcd does not answer/, async () => {
    const dataDir = path('late-etcd');
    const late = await startEtcd({
      netns: place.netns,
      host: place.address,
      port: 2579,
      dataDir,
    });
    const put = ['put', CONFIG_KEY, JSON.stringify(NETWORK)];
    const env = { ETCDCTL_API: '3' };
    await place.output('etcdctl', [`--endpoints=${late.endpoint}`, ...put], { env });
  });
});

test('no network configuration, and one that is wrong', async () => {
  await lab.etcdctl('del', CONFIG_KEY);
  await toldUntilMended([], /there is no network configuration/, () =>
    lab.configureNetwork(NETWORK),
  );
  await lab.configureNetwork({ Network: '10.5.0.0/29' });
  await toldUntilMended([], /too small to divide/, () => lab.configureNetwork(NETWORK));
});

test('no subnet is free', async () => {
  const [network, key] = ['10.7.0.0/16', '/coreos.com/network/subnets/10.7.0.4-30'];
  const range = { SubnetLen: 30, SubnetMin: '10.7.0.4', SubnetMax: '10.7.0.4' };
  await lab.configureNetwork({ ...NETWORK, Network: network, ...range });
  const data = { VNI: 1, VtepMAC: '02:00:00:00:00:09' };
  const value = { PublicIP: '192.168.77.9', BackendType: 'vxlan', BackendData: data };
  await lab.etcdctl('put', key, JSON.stringify(value));
  const says = /out of subnets/;
  await expectRefusal(host, 1, { flags: ['--plan'], says });
  await toldUntilMended([], says, () => lab.etcdctl('del', key));
});

test('a subnet file that cannot be written stops nothing else', async () => {
  const flags = [`--subnet-file=${path('read-only/subnet.env')}`];
  const [command = '', ...through] = withReadOnly(path('read-only'));
  const weftd = host.spawn(command, [...through, ...host.weftdCommand(flags)]);
  await weftd.waitForLine(/the file system is read-only; choose another path/);
  await weftd.waitForLine(/"msg":"ready"/);
  expect((await host.weft('status')).stdout).toMatch(/! .*read-only/);
  await weftd.stop();
  await host.runWeftd(['cleanup', '--yes']);
});

test('a host without nft joins the mesh, and says which package is missing', async () => {
  const weftd = host.spawn('env', [`PATH=${path('empty')}`, ...host.weftdCommand([])]);
  await weftd.waitForLine(/"msg":"ready"/);
  const lines = weftd.lines.filter((line) => line.includes('install the Debian package nftables'));
  expect(lines).toHaveLength(1);
  expect((await host.weft('status')).stdout).toMatch(/! .*nft is not installed/);
  await weftd.stop();
  await host.runWeftd(['cleanup', '--yes']);
});

test('a user that etcd refuses', async () => {
  await lab.etcdctl('user', 'add', 'root:right');
  await lab.etcdctl('user', 'grant-role', 'root', 'root');
  await lab.etcdctl('user', 'add', 'guest:right');
  await lab.etcdctl('auth', 'enable');
  const as = (name: string, password: string): string[] => [
    `--etcd-username=${name}`,
    `--etcd-password=${password}`,
  ];
  const unknown = /refuses the user .*; check --etcd-username and --etcd-password/;
  const plan = async (flags: readonly string[], says: RegExp): Promise<void> =>
    expectRefusal(host, 1, { flags: ['--plan', ...flags], says });
  await plan([], unknown);
  await plan(as('root', 'wrong'), unknown);
  await plan(as('guest', 'right'), /user guest may not do this.*; grant it a role/);
  const disable = ['--user=root:right', 'auth', 'disable'];
  await toldUntilMended(as('root', 'wrong'), unknown, () => lab.etcdctl(...disable));
});
