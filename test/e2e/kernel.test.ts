/**
 * The netlink driver on the real kernel, each test in a fresh network namespace which this process enters:
 *
 *     under0 (veth, 192.0.2.1/24, 2001:db8::1/64) ── under1
 *        └── flannel.1, flannel-v6.1: what the driver makes
 *
 * Whatever it makes is looked at with iproute2, and must be told back as the same.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { address } from '../../agent/ip/address.ts';
import { mac } from '../../agent/ip/mac.ts';
import { prefix } from '../../agent/ip/prefix.ts';
import { composeKernel } from '../../agent/kernel/kernel.ts';
import { openNetlink, type Netlink } from '../../agent/kernel/netlink/netlink.ts';
import { SysctlDriver } from '../../agent/kernel/sysctl.ts';
import type { Kernel, KernelEvent, Operation, Outcome } from '../../agent/state/kernel.ts';
import {
  ROUTE_PROTOCOL,
  keyOf,
  linkKey,
  same,
  type FdbEntry,
  type LinkAddress,
  type Neighbour,
  type Resource,
  type Route,
  type Sysctl,
  type VxlanLink,
} from '../../agent/state/resource.ts';
import { runSync } from '../lab/command.ts';
import { enterNamespace } from '../lab/enter.ts';
import { eventually } from '../lab/eventually.ts';

const NETNS = `wkker${process.pid}`;
const DONE: Outcome = { status: 'done' };
/** How soon an event must be told, in ms. */
const SOON = 2000;

interface Family {
  readonly name: string;
  readonly link: VxlanLink;
  readonly address: LinkAddress;
  readonly neighbour: Neighbour;
  readonly fdb: FdbEntry;
  readonly route: Route;
  readonly direct: Route;
  readonly blackhole: Route;
  readonly otherRemote: string;
  readonly ip: string;
}

const COMMON = {
  kind: 'link',
  type: 'vxlan',
  vni: 1,
  lower: 'under0',
  port: 8472,
  learning: false,
  gbp: false,
  up: true,
  alias: 'weft',
} as const;

function family(
  ip: string,
  link: VxlanLink,
  own: string,
  peer: string,
  length: number,
  underlayPeer: string,
  otherRemote: string,
): Family {
  const full = ip === '-4' ? 32 : 128;
  const route = { kind: 'route', metric: 0, type: 'unicast', protocol: ROUTE_PROTOCOL } as const;
  const peerPrefix = prefix(`${peer}/${length}`);
  const peerMac = mac('a6:6a:fc:ba:f0:41');
  const base = address(peer);
  return {
    name: ip === '-4' ? 'IPv4' : 'IPv6',
    ip,
    link,
    otherRemote,
    address: { kind: 'address', link: link.name, address: address(own), length: full },
    neighbour: { kind: 'neighbour', link: link.name, address: base, mac: peerMac },
    fdb: { kind: 'fdb', link: link.name, mac: peerMac, remote: address(underlayPeer) },
    route: { ...route, prefix: peerPrefix, link: link.name, gateway: base, onlink: true },
    direct: {
      ...route,
      prefix: peerPrefix,
      link: 'under0',
      gateway: address(underlayPeer),
      onlink: false,
    },
    blackhole: {
      kind: 'route',
      prefix: peerPrefix,
      metric: 0,
      type: 'blackhole',
      onlink: false,
      protocol: ROUTE_PROTOCOL,
    },
  };
}

const V4 = family(
  '-4',
  {
    ...COMMON,
    name: 'flannel.1',
    local: address('192.0.2.1'),
    mtu: 1450,
    mac: mac('02:00:00:00:00:01'),
  },
  '10.5.13.0',
  '10.5.37.0',
  24,
  '192.0.2.2',
  '192.0.2.3',
);
const V6 = family(
  '-6',
  {
    ...COMMON,
    name: 'flannel-v6.1',
    local: address('2001:db8::1'),
    mtu: 1430,
    mac: mac('02:00:00:00:00:02'),
  },
  'fd00:5:0:13::',
  'fd00:5:0:37::',
  64,
  '2001:db8::2',
  '2001:db8::3',
);

/** Everything of one family, in the order it is made. */
function everything(of: Family): Resource[] {
  return [of.link, of.address, of.neighbour, of.fdb, of.route];
}

let leave = (): void => undefined;
let netlink: Netlink;
let kernel: Kernel;
let events: KernelEvent[];

beforeEach(() => {
  runSync('ip', ['netns', 'add', NETNS]);
  leave = enterNamespace(NETNS);
  batch([
    'link set lo up',
    'link add under0 type veth peer name under1',
    'address add 192.0.2.1/24 dev under0',
    'address add 2001:db8::1/64 dev under0 nodad',
    'link set under0 up',
    'link set under1 up',
  ]);
  netlink = openNetlink();
  kernel = composeKernel([netlink.driver, new SysctlDriver()]);
  events = [];
  kernel.watch((event) => events.push(event));
});

afterEach(async () => {
  await netlink.close();
  leave();
  runSync('ip', ['netns', 'delete', NETNS]);
});

function batch(lines: readonly string[]): void {
  runSync('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
}

function ip(args: string): string {
  return runSync('ip', args.split(' '));
}

function ipJson(args: string): Record<string, unknown>[] {
  return JSON.parse(ip(`-j -d ${args}`) || '[]') as Record<string, unknown>[];
}

function create(resources: readonly Resource[]): Promise<readonly Outcome[]> {
  return kernel.apply(resources.map((desired) => ({ action: 'create', desired })));
}

function remove(resources: readonly Resource[]): Promise<readonly Outcome[]> {
  return kernel.apply(resources.map((actual) => ({ action: 'remove', actual })));
}

function change(actual: Resource, desired: Resource): Promise<readonly Outcome[]> {
  return kernel.apply([{ action: 'change', desired, actual }]);
}

async function dump(...wanted: string[]): Promise<Resource[]> {
  const all: Resource[] = [];
  for await (const slice of kernel.dump(new Set(wanted))) all.push(...slice);
  return all;
}

/** What is dumped, one line each, in an order of its own. */
async function dumped(): Promise<string[]> {
  return lines((await dump()).filter(({ kind }) => kind !== 'sysctl'));
}

function lines(resources: readonly Resource[]): string[] {
  return resources.map((resource) => JSON.stringify(resource, Object.keys(resource).sort())).sort();
}

function allDone(outcomes: readonly Outcome[]): void {
  expect(outcomes.filter(({ status }) => status !== 'done')).toEqual([]);
}

describe.each([V4, V6])('$name', (of) => {
  beforeEach(async () => {
    await dump();
  });

  test('what is made stands as iproute2 shows it, and is told back as the same', async () => {
    allDone(await create(everything(of)));
    expect(await dumped()).toEqual(lines(everything(of)));
    const [link] = ipJson(`link show ${of.link.name}`);
    expect(link).toMatchObject({
      ifname: of.link.name,
      mtu: of.link.mtu,
      address: of.link.mac,
      ifalias: 'weft',
      linkinfo: {
        info_kind: 'vxlan',
        info_data: { id: 1, link: 'under0', port: 8472, learning: false, ttl: 0, udp_csum: true },
      },
    });
    expect(link?.['flags']).toContain('UP');
    expect(ipJson(`${of.ip} route show proto 119`)).toMatchObject([
      {
        dst: of.route.prefix,
        gateway: of.route.gateway,
        dev: of.link.name,
        scope: 'global',
        flags: ['onlink'],
      },
    ]);
    expect(ipJson(`${of.ip} neigh show dev ${of.link.name} nud permanent`)).toMatchObject([
      { dst: of.neighbour.address, lladdr: of.neighbour.mac, state: ['PERMANENT'] },
    ]);
    const fdb = JSON.parse(runSync('bridge', ['-j', 'fdb', 'show', 'dev', of.link.name])) as object;
    expect(fdb).toMatchObject([
      { mac: of.fdb.mac, dst: of.fdb.remote, flags: ['self'], state: 'permanent' },
    ]);
  });

  test('made a second time it is done, and another driver finds the same', async () => {
    allDone(await create(everything(of)));
    const other = openNetlink();
    const found: Resource[] = [];
    for await (const slice of other.driver.dump(new Set())) found.push(...slice);
    const again = everything(of).map((desired): Operation => ({ action: 'create', desired }));
    const outcomes = await other.driver.apply(again);
    await other.close();
    expect(lines(found)).toEqual(lines(everything(of)));
    allDone(outcomes);
  });

  test('removed, nothing is left; removed again it is done', async () => {
    allDone(await create(everything(of)));
    allDone(await remove(everything(of).toReversed()));
    expect(await dumped()).toEqual([]);
    expect(ip('-o link show')).not.toContain(of.link.name);
    allDone(await remove(everything(of).toReversed()));
  });

  test('neighbour, forwarding entry and route change in place', async () => {
    allDone(await create(everything(of)));
    const newMac = mac('02:00:00:00:00:99');
    const neighbour: Neighbour = { ...of.neighbour, mac: newMac };
    const fdb: FdbEntry = { ...of.fdb, remote: address(of.otherRemote) };
    allDone(await change(of.neighbour, neighbour));
    allDone(await change(of.fdb, fdb));
    allDone(await change(of.route, of.direct));
    expect(await dumped()).toEqual(lines([of.link, of.address, neighbour, fdb, of.direct]));
    allDone(await change(of.direct, of.blackhole));
    expect(await dumped()).toEqual(lines([of.link, of.address, neighbour, fdb, of.blackhole]));
    allDone(await change(of.blackhole, of.route));
    expect(await dumped()).toEqual(lines([of.link, of.address, neighbour, fdb, of.route]));
  });

  test('a link changes in place where the kernel permits', async () => {
    allDone(await create([of.link]));
    const [before] = await netlink.readLinks().then((all) => all.filter(isOfWeft));
    const local = address(of.otherRemote);
    ip(`address add ${local}/${of.ip === '-4' ? 24 : 64} dev under0`);
    const wanted: VxlanLink = {
      ...of.link,
      mtu: 1300,
      mac: mac('02:00:00:00:00:77'),
      alias: 'weft overlay',
      learning: true,
      lower: 'under1',
      local,
    };
    allDone(await change(of.link, wanted));
    expect(await dumped()).toEqual(lines([wanted]));
    const [after] = await netlink.readLinks().then((all) => all.filter(isOfWeft));
    expect(after?.index).toBe(before?.index);
  });

  test.each(['vni', 'port', 'gbp', 'type'] as const)(
    'a link of another %s is made anew',
    async (what) => {
      const standing = {
        vni: `vxlan id 7 local ${of.link.local} dev under0 dstport 8472 nolearning`,
        port: `vxlan id 1 local ${of.link.local} dev under0 dstport 4789 nolearning`,
        gbp: `vxlan id 1 local ${of.link.local} dev under0 dstport 8472 nolearning gbp`,
        type: 'bridge',
      }[what];
      ip(`link add ${of.link.name} type ${standing}`);
      const [actual] = await dump(of.link.name);
      expect(actual).toMatchObject({ kind: 'link', name: of.link.name });
      allDone(await change(actual as Resource, of.link));
      expect(await dumped()).toEqual(lines([of.link]));
    },
  );

  test('a route of somebody else in our place is a conflict, and stays', async () => {
    allDone(await create([of.link]));
    ip(`${of.ip} route add ${of.route.prefix} via ${of.otherRemote} dev under0 proto static`);
    expect(await create([of.route])).toEqual([
      {
        status: 'conflict',
        found: `${of.route.prefix} via ${of.otherRemote} dev under0 proto static`,
      },
    ]);
    expect(ip(`${of.ip} route show ${of.route.prefix}`)).toContain('proto static');
  });

  test('a route that flanneld left on our link is taken over', async () => {
    allDone(await create([of.link]));
    const { prefix: to, gateway } = of.route;
    ip(`${of.ip} route add ${to} via ${gateway} dev ${of.link.name} onlink`);
    expect(await dumped()).toEqual(lines([of.link, { ...of.route, protocol: 3 }]));
    allDone(await create([of.route]));
    expect(await dumped()).toEqual(lines([of.link, of.route]));
  });

  test('a removal takes our route and not the one that replaced it', async () => {
    allDone(await create([of.link, of.route]));
    ip(`${of.ip} route replace ${of.route.prefix} via ${of.otherRemote} dev under0 proto static`);
    allDone(await remove([of.route]));
    expect(ip(`${of.ip} route show ${of.route.prefix}`)).toContain('proto static');
  });

  test('what we do ourselves is not told, what others do is', async () => {
    allDone(await create(everything(of)));
    allDone(await change(of.fdb, { ...of.fdb, remote: address(of.otherRemote) }));
    allDone(await change({ ...of.fdb, remote: address(of.otherRemote) }, of.fdb));
    allDone(await create([of.fdb]));
    await othersDid(`link set ${of.link.name} txqueuelen 777`, {
      type: 'present',
      resource: of.link,
    });
    const ours = new Set(everything(of).map(keyOf));
    const told = events.filter(
      (event) =>
        event.type !== 'unknown' &&
        ours.has(event.type === 'absent' ? event.key : keyOf(event.resource)),
    );
    expect(told).toEqual([{ type: 'present', resource: of.link }]);
  });

  test('each kind is told absent when somebody deletes it, and present when somebody makes it', async () => {
    allDone(await create(everything(of)));
    const { name } = of.link;
    const cases: [Resource, string, string][] = [
      [
        of.route,
        `route del ${of.route.prefix}`,
        `route add ${of.route.prefix} via ${of.route.gateway} dev ${name} onlink proto 119`,
      ],
      [
        of.neighbour,
        `neigh del ${of.neighbour.address} dev ${name}`,
        `neigh add ${of.neighbour.address} lladdr ${of.neighbour.mac} dev ${name} nud permanent`,
      ],
      [
        of.address,
        `address del ${of.address.address}/${of.address.length} dev ${name}`,
        `address add ${of.address.address}/${of.address.length} dev ${name}`,
      ],
    ];
    for (const [resource, deletion, addition] of cases) {
      await othersDid(`${of.ip} ${deletion}`, { type: 'absent', key: keyOf(resource) });
      await othersDid(`${of.ip} ${addition}`, { type: 'present', resource });
    }
    runSync('bridge', ['fdb', 'del', of.fdb.mac, 'dev', name, 'self']);
    await told({ type: 'absent', key: keyOf(of.fdb) });
    runSync('bridge', ['fdb', 'add', of.fdb.mac, 'dev', name, 'dst', of.otherRemote, 'self']);
    await told({ type: 'present', resource: { ...of.fdb, remote: address(of.otherRemote) } });
    await othersDid(`link del ${name}`, { type: 'absent', key: linkKey(name) });
    await told({ type: 'unknown', reason: `link ${name} was removed` });
  });

  test('a replaced route is told absent, a neighbour that is no longer permanent too', async () => {
    allDone(await create(everything(of)));
    await othersDid(
      `${of.ip} route replace ${of.route.prefix} via ${of.otherRemote} dev under0 proto static`,
      { type: 'absent', key: keyOf(of.route) },
    );
    await othersDid(
      `${of.ip} neigh replace ${of.neighbour.address} lladdr ${of.neighbour.mac} dev ${of.link.name} nud reachable`,
      { type: 'absent', key: keyOf(of.neighbour) },
    );
  });

  test('a link that goes down, is renamed, or loses its alias is told', async () => {
    allDone(await create([of.link]));
    const { name } = of.link;
    await othersDid(`link set ${name} down`, {
      type: 'present',
      resource: { ...of.link, up: false },
    });
    await told({ type: 'unknown', reason: `link ${name} went down` });
    await othersDid(`link set ${name} name other`, { type: 'absent', key: linkKey(name) });
    await told({ type: 'unknown', reason: `link ${name} was renamed to other` });
  });

  test('links made as asked or not at all', async () => {
    const missing = await create([{ ...of.link, lower: 'nowhere0' }]);
    expect(missing).toMatchObject([{ status: 'failed', code: 'ENODEV' }]);
    const large = await create([{ ...of.link, mtu: 1499 }]);
    expect(large).toMatchObject([{ status: 'failed', code: 'EINVAL' }]);
    expect(JSON.stringify(large)).toContain('instead of 1499');
  });

  test('a tunnel of the same VNI and port under another name is a conflict', async () => {
    ip(`link add vx9 type vxlan id 1 local ${of.link.local} dev under0 dstport 8472`);
    const outcomes = await create([of.link]);
    expect(outcomes).toMatchObject([{ status: 'conflict' }]);
    expect(JSON.stringify(outcomes)).toContain('vx9');
  });
});

function isOfWeft({ type }: { readonly type?: string }): boolean {
  return type === 'vxlan';
}

async function othersDid(command: string, expected: KernelEvent): Promise<void> {
  ip(command);
  await told(expected);
}

async function told(expected: KernelEvent): Promise<void> {
  await eventually(() => events.some((event) => sameEvent(event, expected)), {
    within: SOON,
    what: `${JSON.stringify(expected)} among ${JSON.stringify(events)}`,
  });
}

function sameEvent(a: KernelEvent, b: KernelEvent): boolean {
  if (a.type === 'present' && b.type === 'present') return same(a.resource, b.resource);
  return JSON.stringify(a) === JSON.stringify(b);
}

test('one bad operation among a thousand fails alone', async () => {
  await dump();
  allDone(await create([V4.link]));
  const routes = Array.from({ length: 1000 }, (_, i): Route => {
    const base = `10.6.${i >> 2}.${(i & 3) * 64}`;
    return { ...V4.route, prefix: prefix(`${base}/26`), gateway: address(base) };
  });
  const bad: Route = {
    ...V4.direct,
    prefix: prefix('10.7.0.0/24'),
    gateway: address('198.51.100.1'),
  };
  routes[500] = bad;
  const outcomes = await create(routes);
  expect(outcomes[500]).toMatchObject({ status: 'failed', code: 'ENETUNREACH' });
  expect(outcomes.filter((outcome) => outcome.status === 'done')).toHaveLength(999);
  expect(outcomes[499]).toEqual(DONE);
  expect(ipJson('route show proto 119')).toHaveLength(999);
  allDone(await remove(routes));
  expect(ipJson('route show proto 119')).toEqual([]);
});

test('links and routes of others are neither told nor removed', async () => {
  ip('link add vx9 type vxlan id 9 local 192.0.2.1 dev under0 dstport 8472');
  ip('route add 10.9.0.0/24 via 192.0.2.9');
  expect(await dump()).toEqual([]);
  const link: VxlanLink = { ...V4.link, name: 'vx9', vni: 9 };
  expect(await remove([link])).toMatchObject([{ status: 'conflict' }]);
  expect(ip('-o link show')).toContain('vx9');
});

test('an address that goes from a link under our routes makes us look again', async () => {
  await dump();
  allDone(await create([V4.direct]));
  ip('address del 192.0.2.1/24 dev under0');
  await told({ type: 'unknown', reason: 'address 192.0.2.1 went from link under0' });
  expect(await dumped()).toEqual([]);
});

test('a sysctl is written once asked for, and told from then on', async () => {
  await dump();
  const path = 'net/ipv6/conf/flannel.1/accept_ra';
  const wanted: Sysctl = { kind: 'sysctl', path, value: '0', link: 'flannel.1' };
  expect(await create([wanted])).toMatchObject([{ status: 'failed', code: 'ENOENT' }]);
  allDone(await create([V4.link, wanted]));
  expect(
    runSync('sysctl', [
      '-n',
      'net/ipv6/conf/flannel/1/accept_ra'.replace('flannel/1', 'flannel.1'),
    ]).trim(),
  ).toBe('0');
  expect((await dump()).filter(({ kind }) => kind === 'sysctl')).toEqual([wanted]);
});

test('facts of the underlay', async () => {
  batch([
    'link set lo up',
    'route add default via 192.0.2.254 dev under0 metric 50 src 192.0.2.1',
    'route add 10.9.0.0/24 via 192.0.2.9 proto 119',
  ]);
  const links = await netlink.readLinks();
  expect(links.find(({ name }) => name === 'lo')).toMatchObject({ type: 'loopback', up: true });
  expect(links.find(({ name }) => name === 'under0')).toMatchObject({ type: 'veth', mtu: 1500 });
  expect(await netlink.readAddresses()).toContainEqual({
    link: 'under0',
    address: '2001:db8::1',
    length: 64,
    scope: 'global',
    permanent: true,
    temporary: false,
    deprecated: false,
  });
  const routes = await netlink.readRoutes();
  expect(routes).toContainEqual({
    prefix: '0.0.0.0/0',
    link: 'under0',
    gateway: '192.0.2.254',
    metric: 50,
    source: '192.0.2.1',
  });
  expect(routes).toContainEqual({
    prefix: '192.0.2.0/24',
    link: 'under0',
    metric: 0,
    source: '192.0.2.1',
  });
  expect(routes.some(({ prefix }) => prefix.startsWith('10.9.'))).toBe(false);
  expect(await netlink.routeTo(address('198.51.100.9'))).toEqual({
    link: 'under0',
    gateway: '192.0.2.254',
    source: '192.0.2.1',
  });
  expect(await netlink.routeTo(address('2001:db8::9'))).toMatchObject({ link: 'under0' });
  expect(await netlink.routeTo(address('2001:db9::9'))).toBeUndefined();
});

test('changes of the underlay are told, weft’s own routes are not', async () => {
  let count = 0;
  const stop = netlink.watchUnderlay(() => count++);
  ip('route add 10.9.0.0/24 via 192.0.2.9 proto 119');
  ip('route add 10.10.0.0/24 via 192.0.2.9');
  await eventually(() => count > 0, { within: SOON, what: 'the route is told' });
  const before = count;
  ip('link set under0 mtu 1400');
  await eventually(() => count > before, { within: SOON, what: 'the MTU is told' });
  stop();
});
