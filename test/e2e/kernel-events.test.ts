/** What the netlink driver tells of other people's doings on the real kernel, and what it reads about the underlay. */
import { beforeEach, describe, expect, test } from 'vitest';
import { address } from '../../agent/ip/address.ts';
import { keyOf, linkKey, type Resource } from '../../agent/state/resource.ts';
import { runSync } from '../lab/command.ts';
import { eventually } from '../lab/eventually.ts';
import {
  SOON,
  V4,
  V6,
  allDone,
  batch,
  change,
  create,
  dump,
  dumped,
  everything,
  ip,
  lines,
  othersDid,
  room,
  told,
  useRoom,
} from './kernel-room.ts';

useRoom();

describe.each([V4, V6])('$name', (of) => {
  beforeEach(async () => {
    await dump();
  });

  test('what we do ourselves is not told, what others do is', async () => {
    const ours = new Set(everything(of).map(keyOf));
    allDone(await create(everything(of)));
    allDone(await change(of.fdb, { ...of.fdb, remote: address(of.otherRemote) }));
    allDone(await change({ ...of.fdb, remote: address(of.otherRemote) }, of.fdb));
    allDone(await create([of.fdb]));
    await othersDid(`link set ${of.link.name} txqueuelen 777`, {
      type: 'present',
      resource: of.link,
    });
    // A v6 address is told once more when the kernel has settled it; it is as we made it.
    const told = room.events.filter(
      (event) => event.type !== 'present' || event.resource.kind !== 'address',
    );
    const strangers = told.filter((event) => event.type !== 'absent' || ours.has(event.key));
    expect(strangers).toEqual([{ type: 'present', resource: of.link }]);
    expect(await dumped()).toEqual(lines(everything(of)));
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
});

test('an address that goes from a link under our routes makes us look again', async () => {
  await dump();
  allDone(await create([V4.direct]));
  ip('address del 192.0.2.1/24 dev under0');
  await told({ type: 'unknown', reason: 'address 192.0.2.1 went from link under0' });
  expect(await dumped()).toEqual([]);
});

test('more events than the kernel keeps for us are told as unknown', async () => {
  await dump();
  const routes = Array.from(
    { length: 40_000 },
    (_, i) => `route add 10.${100 + (i >> 14)}.${(i >> 6) & 0xff}.${(i & 0x3f) * 4}/30 dev under0`,
  );
  // Synchronous: nothing is read meanwhile.
  batch(routes);
  await eventually(() => room.events.some(({ type }) => type === 'unknown'), {
    within: SOON,
    what: 'that events were lost is told',
  });
  const [lost] = room.events.filter((event) => event.type === 'unknown');
  expect(lost?.reason).toMatch(/dropped \d+ events/);
});

test('facts of the underlay', async () => {
  batch([
    'link set lo up',
    'route add default via 192.0.2.254 dev under0 metric 50 src 192.0.2.1',
    'route add 10.9.0.0/24 via 192.0.2.9 proto 119',
  ]);
  const links = await room.netlink.readLinks();
  expect(links.find(({ name }) => name === 'lo')).toMatchObject({ type: 'loopback', up: true });
  expect(links.find(({ name }) => name === 'under0')).toMatchObject({ type: 'veth', mtu: 1500 });
  expect(await room.netlink.readAddresses()).toContainEqual({
    link: 'under0',
    address: '2001:db8::1',
    length: 64,
    scope: 'global',
    permanent: true,
    temporary: false,
    deprecated: false,
  });
  const routes = await room.netlink.readRoutes();
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
  expect(await room.netlink.routeTo(address('198.51.100.9'))).toEqual({
    link: 'under0',
    gateway: '192.0.2.254',
    source: '192.0.2.1',
  });
  expect(await room.netlink.routeTo(address('2001:db8::9'))).toMatchObject({ link: 'under0' });
  expect(await room.netlink.routeTo(address('2001:db9::9'))).toBeUndefined();
});

test('changes of the underlay are told, weft’s own routes are not', async () => {
  let count = 0;
  const stop = room.netlink.watchUnderlay(() => count++);
  ip('route add 10.9.0.0/24 via 192.0.2.9 proto 119');
  ip('route add 10.10.0.0/24 via 192.0.2.9');
  await eventually(() => count > 0, { within: SOON, what: 'the route is told' });
  const before = count;
  ip('link set under0 mtu 1400');
  await eventually(() => count > before, { within: SOON, what: 'the MTU is told' });
  stop();
});
