/** The netlink driver on the real kernel: what it makes is looked at with iproute2, and must be told back as the same. */
import { beforeEach, describe, expect, test } from 'vitest';
import { address } from '../../agent/ip/address.ts';
import { prefix } from '../../agent/ip/prefix.ts';
import { mac } from '../../agent/ip/mac.ts';
import { openNetlink } from '../../agent/kernel/netlink/netlink.ts';
import type { Operation } from '../../agent/state/kernel.ts';
import {
  ALL_OTHERS,
  type BridgeLink,
  type FdbEntry,
  type Neighbour,
  type Resource,
  type Route,
  type Sysctl,
  type VxlanLink,
} from '../../agent/state/resource.ts';
import { runSync } from '../lab/command.ts';
import {
  DONE,
  V4,
  V6,
  allDone,
  change,
  create,
  dump,
  dumped,
  everything,
  ip,
  ipJson,
  lines,
  remove,
  room,
  useRoom,
} from './kernel-room.ts';

useRoom();

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
    const [before] = await room.netlink.readLinks().then((all) => all.filter(isOfWeft));
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
    const [after] = await room.netlink.readLinks().then((all) => all.filter(isOfWeft));
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

  test('a port of a bridge answers for its neighbours, and follows to another bridge or none', async () => {
    const [bridge, other] = ['weft-4096', 'weft-4097'].map(bridgeNamed) as [BridgeLink, BridgeLink];
    const port: VxlanLink = { ...of.link, name: 'weftx-4096', proxy: true, master: bridge.name };
    const entries = [of.neighbour, of.fdb].map((entry) => ({ ...entry, link: port.name }));
    const wanted = [bridge, other, port, ...entries];
    allDone(await create(wanted));
    expect(await dumped()).toEqual(lines(wanted));
    expect(ipJson(`link show ${port.name}`)).toMatchObject([
      { master: bridge.name, linkinfo: { info_data: { proxy: true, learning: false } } },
    ]);
    const [before] = ipJson(`link show ${port.name}`);
    const { master: _, ...alone } = port;
    for (const next of [{ ...port, master: other.name }, alone, port]) {
      allDone(await change(port, next));
      expect(await dumped()).toEqual(lines([bridge, other, next, ...entries]));
    }
    expect(ipJson(`link show ${port.name}`)).toMatchObject([{ ifindex: before?.['ifindex'] }]);
    const all: FdbEntry[] = [of.fdb.remote, address(of.otherRemote)].map((remote) => {
      return { kind: 'fdb', link: port.name, mac: ALL_OTHERS, remote };
    });
    allDone(await create([...all, ...all]));
    expect(await dumped()).toEqual(lines([...wanted, ...all]));
    allDone(await remove(all.slice(1)));
    expect(await dumped()).toEqual(lines([...wanted, ...all.slice(0, 1)]));
    allDone(await change(port, { ...alone, proxy: false }));
    expect(ipJson(`link show ${port.name}`)[0]?.['ifindex']).not.toBe(before?.['ifindex']);
  });

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

function bridgeNamed(name: string): BridgeLink {
  const common = { kind: 'link', type: 'bridge', up: true, alias: 'weft network' } as const;
  return { ...common, name, mtu: 1400, mac: mac('02:42:0a:00:00:01') };
}

function isOfWeft({ type }: { readonly type?: string }): boolean {
  return type === 'vxlan';
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
