/** The CNI plugin, called as runtimes do, on real hosts. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { VERSIONS } from '../../cni/protocol.ts';
import { attachment, Cni, type CniResult } from '../lab/cni.ts';
import { list, NOTHING, readyLab, SOON, traces } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { createNetwork } from '../lab/networks.ts';
import { makeTarget, removeTarget } from '../lab/target.ts';
import type { Weftd } from '../lab/weftd.ts';

const VALID = 'cni.dev/valid-attachments';

let lab: Lab;
let daemons: Weftd[];
let hosts: [Host, Host];
let cni: Cni;
let made = 0;

beforeAll(async () => {
  ({ lab, daemons } = await readyLab(2));
  hosts = lab.hosts as unknown as [Host, Host];
  cni = new Cni(hosts[0]);
  await createNetwork(lab, 'blue', { v4: '10.6.0.0/24', v6: 'fd00:6::/64' });
});
afterAll(() => lab?.close());
/** Whatever a test made is garbage after it. */
afterEach(async () => {
  for (const host of hosts)
    for (const name of ['weftnet', 'bluenet'])
      await new Cni(host).succeed('GC', {}, { name, [VALID]: [] });
  expect(await traces(hosts[0])).toEqual(NOTHING);
});

const target = async (host: Host = hosts[0]): Promise<Namespace> =>
  await makeTarget(host, `cni${(made += 1)}`);

/** The links of a namespace that are not the kernel's own. */
const linksIn = async (space: Namespace): Promise<string[]> =>
  (await space.ipJson<{ ifname: string; link_type: string }>('link show'))
    .filter(({ link_type: type }) => type === 'ether')
    .map(({ ifname }) => ifname);

const pingByName = async (host: Host, space: Namespace, name: string): Promise<void> => {
  const words = ['netns', 'exec', space.netns, 'ping', '-c1', '-W2', name];
  await eventually(async () => (await host.ground.run('ip', words)).code === 0, {
    within: SOON,
    what: `${name} answers`,
  });
};

test.each(VERSIONS)('version %s: an interface comes, is checked, and goes', async (cniVersion) => {
  const space = await target();
  const config = { cniVersion };
  const env = attachment('web', space);
  expect(await cni.succeed('VERSION', {}, config)).toEqual({
    cniVersion,
    supportedVersions: VERSIONS,
  });
  const result = await cni.succeed<CniResult>('ADD', env, config);
  expect(result.cniVersion).toBe(cniVersion);
  const [endpoint] = await list(hosts[0]);
  expect(endpoint).toMatchObject({
    target: `cni:weftnet/web/eth0/run/netns/${space.netns}`,
    names: ['web'],
    network: 'default',
    state: 'attached',
  });
  const link = result.interfaces.findIndex(({ sandbox }) => sandbox === env['CNI_NETNS']);
  expect(result.interfaces[link]).toMatchObject({ name: 'eth0', mac: endpoint?.mac });
  expect(result.ips.map((ip) => [ip.address, ip.interface])).toEqual([
    [`${endpoint?.addresses[0]}/24`, link],
  ]);
  expect(result.routes.map(({ dst }) => dst)).toEqual(['10.5.0.0/16', '0.0.0.0/0']);
  expect(result.dns.nameservers).toEqual([result.ips[0]?.gateway]);
  const inside = await space.ipJson<{ mtu: number; address: string }>('link show eth0');
  expect(inside).toMatchObject([{ address: endpoint?.mac, mtu: 1450 }]);
  // A call whose answer was lost.
  expect(await cni.succeed('ADD', env, config)).toEqual(result);
  if (cniVersion !== '0.3.1')
    expect(await cni.succeed('CHECK', env, { ...config, prevResult: result })).toBeUndefined();
  expect(await cni.succeed('DEL', env, { ...config, prevResult: result })).toBeUndefined();
  expect(await linksIn(space)).toEqual([]);
  expect(await cni.succeed('DEL', attachment('web'), config)).toBeUndefined();
});

test.each(['default', 'blue'])('two hosts, by name, in the network %s', async (network) => {
  const spaces: Namespace[] = [];
  for (const [i, host] of hosts.entries()) {
    const space = await target(host);
    const config = { network, name: `${network === 'blue' ? 'blue' : 'weft'}net` };
    const runtimeConfig = { aliases: [`alias${i}`] };
    const env = { ...attachment(`c${i}`, space), CNI_ARGS: `K8S_POD_NAME=Pod_${i}` };
    await new Cni(host, config).succeed('ADD', env, { runtimeConfig });
    spaces.push(space);
  }
  const [first, second] = spaces as [Namespace, Namespace];
  await pingByName(hosts[0], first, 'pod-1');
  await pingByName(hosts[1], second, 'alias0');
});

test('addresses, MAC and way out are as asked for', async () => {
  const space = await target();
  const config = { name: 'bluenet', network: 'blue', isDefaultGateway: false };
  const runtimeConfig = { ips: ['10.6.0.77/24', 'fd00:6::77/64'], mac: '02:00:00:00:00:77' };
  const env = attachment('web', space, 'net1');
  const result = await cni.succeed<CniResult>('ADD', env, { ...config, runtimeConfig });
  expect(result.ips.map(({ address }) => address)).toEqual(['10.6.0.77/24', 'fd00:6::77/64']);
  expect(result.interfaces.at(-1)).toMatchObject({ name: 'net1', mac: '02:00:00:00:00:77' });
  expect(result.routes).toEqual([]);
  expect(await space.ipJson('route show default')).toEqual([]);
  const other = attachment('db', await target());
  const taken = await cni.fail('ADD', other, { ...config, runtimeConfig });
  expect(taken).toMatchObject({ code: 100, msg: expect.stringContaining('10.6.0.77') });
});

test('CHECK tells what somebody took away', async () => {
  const space = await target();
  const env = attachment('web', space);
  const prevResult = await cni.succeed<CniResult>('ADD', env);
  const checked = (): ReturnType<Cni['fail']> => cni.fail('CHECK', env, { prevResult });
  await space.ip('route del default');
  expect(await checked()).toMatchObject({ code: 101, msg: expect.stringContaining('no route') });
  await space.ip('address flush dev eth0');
  expect(await checked()).toMatchObject({ code: 101, msg: expect.stringContaining('address') });
  await cni.succeed('DEL', env);
  expect(await checked()).toMatchObject({ code: 101, msg: expect.stringContaining('no network') });
});

test('GC takes away what is valid no more, of its own configuration alone', async () => {
  const kept = attachment('kept', await target());
  const gone = attachment('gone', await target());
  const other = attachment('other', await target());
  for (const env of [kept, gone]) await cni.succeed('ADD', env);
  await cni.succeed('ADD', other, { name: 'bluenet', network: 'blue' });
  await cni.succeed('GC', {}, { [VALID]: [{ containerID: 'kept', ifname: 'eth0' }] });
  const left = (await list(hosts[0])).flatMap(({ mine, target: of = '' }) => (mine ? of : []));
  expect(new Set(left.map((of) => of.split('/')[1]))).toEqual(new Set(['kept', 'other']));
});

test('an endpoint goes with its namespace, whether DEL comes or not', async () => {
  const space = await target();
  await cni.succeed('ADD', attachment('web', space));
  await removeTarget(space);
  await eventually(async () => (await list(hosts[0])).length === 0, {
    within: SOON,
    what: 'it is gone',
  });
  await cni.succeed('DEL', attachment('web'));
});

describe('what is refused, changes nothing', () => {
  test.each<[string, number, string, object, Readonly<Record<string, string>>]>([
    ['a network that is not there', 7, 'no network "red"', { network: 'red' }, {}],
    ['a namespace that is not there', 3, 'no namespace', {}, { CNI_NETNS: '/run/netns/no-such' }],
    ['an address of another subnet', 100, 'not in this host', { ip: '192.0.2.1' }, {}],
    ['text that is no address', 7, 'is no IP address', { ip: 'one' }, {}],
    ['text that is no MAC', 7, 'is no MAC', { mac: 'one' }, {}],
    ['two addresses of a family', 7, 'of one family', { ip: ['10.5.1.9', '10.5.1.8'] }, {}],
    ['a container with a slash', 4, 'CNI_CONTAINERID', {}, { CNI_CONTAINERID: 'a/b' }],
    ['a version of tomorrow', 1, '"2.0.0"', { cniVersion: '2.0.0' }, {}],
  ])('%s', async (_, code, part, config, env) => {
    const space = await target();
    const failure = await cni.fail('ADD', { ...attachment('web', space), ...env }, config);
    expect(failure).toMatchObject({ code, msg: expect.stringContaining(part) });
    expect(await linksIn(space)).toEqual([]);
    expect(await list(hosts[0])).toEqual([]);
  });

  test('more on standard input than is read', async () => {
    const space = await target();
    const failure = await cni.fail('ADD', attachment('web', space), { more: ' '.repeat(2 << 20) });
    expect(failure).toMatchObject({ code: 6, msg: expect.stringContaining('1 MiB') });
    expect(await linksIn(space)).toEqual([]);
  });

  test('an interface that is there already', async () => {
    const space = await target();
    await space.ip('link add eth0 type bridge');
    const failure = await cni.fail('ADD', attachment('web', space));
    expect(failure).toMatchObject({ code: 100, msg: expect.stringContaining('a link eth0') });
    expect(await list(hosts[0])).toEqual([]);
  });
});

test('weftd away: a sentence, and everything as it was when it is back', async () => {
  const space = await target();
  const env = attachment('web', space);
  const prevResult = await cni.succeed<CniResult>('ADD', env);
  expect(await cni.succeed('STATUS')).toBeUndefined();
  expect(await cni.fail('STATUS', {}, { network: 'red' })).toMatchObject({ code: 50 });
  await daemons[0]?.stop();
  const away = { msg: expect.stringContaining('weftd does not answer') };
  expect(await cni.fail('STATUS')).toMatchObject({ code: 50, ...away });
  for (const verb of ['ADD', 'DEL', 'CHECK', 'GC'])
    expect(await cni.fail(verb, env, { prevResult, [VALID]: [] })).toMatchObject({
      code: 11,
      ...away,
    });
  await hosts[0].startWeftd().waitReady();
  expect(await cni.succeed('CHECK', env, { prevResult })).toBeUndefined();
  await cni.succeed('DEL', env);
  expect(await linksIn(space)).toEqual([]);
});
