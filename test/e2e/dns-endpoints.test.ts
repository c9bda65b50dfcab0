/** What DNS does for an endpoint that asked for it: an address inside of its namespace, links, named ports. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import { attach, list, NOTHING, readyLab, SOON, traces, weft } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import { dig } from '../lab/names.ts';
import type { Namespace } from '../lab/namespace.ts';
import { readSubnetEnv } from '../lab/subnet-env.ts';
import { makeTarget, removeTarget } from '../lab/target.ts';
import type { Weftd } from '../lab/weftd.ts';

const INSIDE = '127.0.0.11';

let lab: Lab;
let daemons: Weftd[];
let here: Host;
let target: Namespace;
let web: Endpoint;
let db: Endpoint;

beforeAll(async () => {
  ({ lab, daemons } = await readyLab(2));
  here = lab.host(1);
  db = await attach(lab.host(2), await makeTarget(lab.host(2), 'db'), '--name', 'db');
  target = await makeTarget(here, 'web');
  web = await attach(here, target, '--name', 'web', '--dns-inside');
});
afterAll(() => lab?.close());

async function untilAnswered(place: Namespace, name: string, data: readonly string[]) {
  await eventually(
    async () => {
      expect((await dig(place, INSIDE, name)).data).toEqual(data);
      return true;
    },
    { within: SOON, what: `${name} is ${data.join()}` },
  );
}

test('an endpoint asks at 127.0.0.11, by UDP and TCP, and its resolver does so by itself', async () => {
  // Its own name is known as soon as it is attached.
  expect((await dig(target, INSIDE, 'web')).data).toEqual(web.addresses);
  await untilAnswered(target, 'db', db.addresses);
  expect(await dig(target, INSIDE, 'db.default.weft +tcp')).toMatchObject({
    data: db.addresses,
    transport: 'TCP',
  });
  const [address = ''] = db.addresses;
  expect((await dig(target, INSIDE, `-x ${address}`)).data).toEqual(['db.default.']);
  expect(readFileSync(`/etc/netns/${target.netns}/resolv.conf`, 'utf8')).toContain(
    `nameserver ${INSIDE}\nsearch`,
  );
  const words = ['netns', 'exec', target.netns, 'getent', 'ahostsv4', 'db'];
  expect((await here.ground.run('ip', words)).stdout).toContain(address);
  expect(await weft<Endpoint>(here, 'endpoint', 'inspect', 'web')).toMatchObject({
    dnsInside: true,
  });
});

test('where it was not asked for, nobody answers there', async () => {
  const plain = await makeTarget(here, 'plain');
  await attach(here, plain, '--name', 'plain');
  expect((await dig(plain, INSIDE, 'web')).status).toBeUndefined();
  expect((await here.weft('detach', 'plain')).code).toBe(0);
});

test('a link is known to the endpoint that has it alone, at the gateway and inside', async () => {
  const [first, second] = [await makeTarget(here, 's1'), await makeTarget(here, 's2')];
  const stores = await Promise.all(
    [first, second].map((at) => attach(here, at, '--name', 'store')),
  );
  const both = stores.flatMap(({ addresses }) => addresses).toSorted();
  const link = [
    '--link',
    'store:cellar',
    '--link',
    'nobody:gone',
    '--link',
    'nobody:gone.example.com',
  ];
  const linked = await makeTarget(here, 'linked');
  const inside = await makeTarget(here, 'linked-inside');
  const { links } = await attach(here, linked, '--name', 'linked', ...link);
  expect(links[0]).toBe('store:cellar');
  await attach(here, inside, '--name', 'linked-inside', '--dns-inside', ...link);
  const { gateways } = await readSubnetEnv(here.subnetFile);
  const gateway = gateways[4]?.address ?? '';
  for (const [place, server] of [
    [linked, gateway],
    [inside, INSIDE],
    [inside, gateway],
  ] as const) {
    for (const name of ['cellar', 'cellar.default.weft', 'store'])
      expect((await dig(place, server, name)).data.toSorted()).toEqual(both);
    for (const name of ['gone', 'gone.default.weft', 'gone.example.com'])
      expect((await dig(place, server, name)).status).toBe('NXDOMAIN');
  }
  expect((await dig(first, gateway, 'cellar')).status).toBe('NXDOMAIN');
  expect((await dig(target, INSIDE, 'cellar')).status).toBe('NXDOMAIN');
  for (const { id } of stores) expect((await here.weft('detach', id)).code).toBe(0);
  for (const name of ['linked', 'linked-inside'])
    expect((await here.weft('detach', name)).code).toBe(0);
});

test('named ports are SRV records on every host, and told by the commands', async () => {
  const there = lab.host(2);
  const at = await makeTarget(there, 'ports');
  const ports = ['--port', 'http:80', '--port', 'dns:53/udp'];
  const { addresses } = await attach(there, at, '--name', 'api', ...ports);
  await untilAnswered(target, 'api', addresses);
  const srv = async (name: string): Promise<readonly string[]> =>
    (await dig(target, INSIDE, `${name} srv`)).data;
  expect(await srv('_http._tcp.api.default.weft')).toEqual(['0 1 80 api.default.weft.']);
  expect(await srv('_dns._udp.api')).toEqual(['0 1 53 api.default.weft.']);
  expect(await srv('_dns._tcp.api')).toEqual([]);
  const told = ['http:80/tcp', 'dns:53/udp'];
  expect(await weft(here, 'endpoint', 'inspect', 'api')).toMatchObject({ ports: told });
  expect(await weft(here, 'dns', 'ls', 'api')).toMatchObject([{ name: 'api', ports: told }]);
  expect((await here.weft('dns', 'ls', 'api')).stdout).toContain(told.join());
  expect((await there.weft('detach', 'api')).code).toBe(0);
});

test('it is back after weftd was killed and started again', async () => {
  await daemons[0]?.kill('SIGKILL');
  expect((await dig(target, INSIDE, 'web')).status).toBeUndefined();
  daemons[0] = await here.startWeftd().waitReady();
  await untilAnswered(target, 'web', web.addresses);
  await untilAnswered(target, 'db', db.addresses);
});

test.each([
  ['at its port', 53],
  ['at another port, as that of Docker', 41_181],
])('a resolver that is there already, %s, is told, and nothing is attached', async (_, port) => {
  const taken = await makeTarget(here, `taken${port}`);
  await taken.ip('link set lo up');
  const program = `require('dgram').createSocket('udp4').bind(${port}, '${INSIDE}')`;
  const other = taken.spawn(process.execPath, ['-e', program]);
  await eventually(async () => (await taken.output('ss', ['-ulnH'])).includes(INSIDE), {
    within: SOON,
    what: 'it listens',
  });
  const before = await traces(here);
  const said = await here.weft('attach', `netns:${taken.netns}`, '--dns-inside');
  expect(said.code).toBe(1);
  expect(said.stderr).toContain(
    `names cannot be answered inside of netns:${taken.netns}: another server has ${INSIDE} there`,
  );
  expect(said.stderr).toContain('attach it without --dns-inside');
  expect(await traces(here)).toEqual(before);
  await other.stop();
});

test('detached it is closed; and sockets inside do not keep a namespace that was removed', async () => {
  expect((await here.weft('detach', 'web')).code).toBe(0);
  expect((await dig(target, INSIDE, 'web')).status).toBeUndefined();
  await attach(here, target, '--name', 'web', '--dns-inside');
  await removeTarget(target);
  await eventually(async () => (await list(here)).every(({ mine }) => !mine), {
    within: SOON,
    what: 'its endpoint is gone',
  });
  await eventually(
    async () => {
      expect(await traces(here)).toEqual(NOTHING);
      return true;
    },
    { within: SOON, what: 'so is what stood for it' },
  );
});
