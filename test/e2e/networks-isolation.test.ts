/**
 * Who reaches whom where users have made networks: every pair of the same network, another one, an internal one, the
 * leased subnets, the host and the outside, on one host and on two, by ICMP and TCP, in both families.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { familyOf, type Address, type Family } from '../../agent/ip/address.ts';
import { attach, SOON } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, OUTSIDE, type Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { createNetwork, forge } from '../lab/networks.ts';
import { makeTarget } from '../lab/target.ts';

const MESH = {
  EnableIPv6: true,
  Network: '10.5.0.0/16',
  IPv6Network: 'fd00:5::/48',
  Backend: { Type: 'vxlan' },
};
const NETWORKS = [
  { name: 'blue', v4: '10.6.0.0/24', v6: 'fd00:6::/64' },
  { name: 'red', v4: '10.7.0.0/24', v6: 'fd00:7::/64' },
  { name: 'green', v4: '10.8.0.0/24', v6: 'fd00:8::/64', internal: true },
];
const PORT = 8080;
const SERVER = `require('net').createServer((s) => s.end()).listen(${PORT}, '::', () => console.log('up'))`;

interface Place {
  readonly name: string;
  readonly space: Namespace;
  readonly addresses: readonly Address[];
  readonly mac?: string;
}

let lab: Lab;
/** `blue 1` is an endpoint of blue on the first host; `blue 1b` another. `gateway 1`: that of blue. */
const places = new Map<string, Place>();

beforeAll(async () => {
  lab = await createLab({ nodes: 2, underlay: { v4: '192.168.77.0/24', v6: 'fd77::/64' } });
  await lab.startEtcd();
  await lab.configureNetwork(MESH);
  const daemons = lab.hosts.map((host) => host.startWeftd(['--ip-masq']));
  await Promise.all(daemons.map((daemon) => daemon.waitReady()));
  for (const { name, v4, v6, internal = false } of NETWORKS)
    await createNetwork(lab, name, { v4, v6, internal });
  const [first, second] = lab.hosts as [Host, Host];
  for (const network of ['blue', 'red', 'green', 'default']) {
    await put(`${network} 1`, first, network);
    await put(`${network} 1b`, first, network);
    await put(`${network} 2`, second, network);
  }
  for (const [i, host] of lab.hosts.entries())
    places.set(`host ${i + 1}`, hostPlace(`host ${i + 1}`, host));
  places.set('outside', { name: 'outside', space: lab.outside, addresses: Object.values(OUTSIDE) });
  await openOutside(first);
  await Promise.all([...places.values()].map(({ space }) => serve(space)));
  // What other hosts say is programmed when the first answers are there.
  for (const network of ['blue', 'red', 'green', 'default'])
    for (const family of [4, 6] as const)
      await eventually(() => tries('ICMP', at(`${network} 1`), at(`${network} 2`), family, 2), {
        within: SOON,
        what: `${network} is there in v${family}`,
      });
});
afterAll(() => lab?.close());

async function put(name: string, host: Host, network: string): Promise<void> {
  const space = await makeTarget(host, name.replace(' ', '-'));
  const { addresses, mac = '' } = await attach(host, space, network);
  places.set(name, { name, space, addresses: addresses as Address[], mac });
}

function hostPlace(name: string, host: Host): Place {
  return { name, space: host, addresses: Object.values(host.addresses) };
}

/** The world has routes to all networks by the first host: what keeps it out is the firewall. */
async function openOutside(first: Host): Promise<void> {
  for (const { v4, v6 } of NETWORKS) {
    await lab.outside.ip(`route add ${v4} via ${first.addresses[4]}`);
    await lab.outside.ip(`route add ${v6} via ${first.addresses[6]}`);
  }
}

async function serve(space: Namespace): Promise<void> {
  const child = space.spawn(process.execPath, ['-e', SERVER]);
  await child.waitForLine(/^up/);
}

function at(name: string): Place {
  const place = places.get(name);
  if (place === undefined) throw new Error(`no place ${name}`);
  return place;
}

type Protocol = 'ICMP' | 'TCP';

/** Waits that long for an answer, in s. */
async function tries(
  how: Protocol,
  from: Place,
  to: Place,
  family: Family,
  seconds: number,
): Promise<boolean> {
  const address = to.addresses.find((each) => familyOf(each) === family) ?? '';
  const connect = `exec 3<>/dev/tcp/${address}/${PORT}`;
  const { code } =
    how === 'ICMP'
      ? await from.space.exec('ping', ['-c1', `-W${seconds}`, address])
      : await from.space.exec('timeout', [`${seconds}`, 'bash', '-c', connect]);
  return code === 0;
}

/** An answer that should come is waited for longer, as the machine may be busy. */
const PATIENCE = { yes: 20, no: 2 };

/** From, to, and whether it is reached. On one host, then on two. */
const MATRIX: readonly (readonly [what: string, from: string, to: string, reached: boolean])[] = [
  ['the same network, one host', 'blue 1', 'blue 1b', true],
  ['the same network, two hosts', 'blue 1', 'blue 2', true],
  ['an internal one, within, one host', 'green 1', 'green 1b', true],
  ['an internal one, within, two hosts', 'green 1', 'green 2', true],
  ['another network, one host', 'blue 1', 'red 1', false],
  ['another network, two hosts', 'blue 1', 'red 2', false],
  ['into an internal one, one host', 'blue 1', 'green 1', false],
  ['into an internal one, two hosts', 'blue 1', 'green 2', false],
  ['out of an internal one, one host', 'green 1', 'blue 1', false],
  ['out of an internal one, two hosts', 'green 1', 'blue 2', false],
  ['to leased subnets, one host', 'blue 1', 'default 1', false],
  ['to leased subnets, two hosts', 'blue 1', 'default 2', false],
  ['from leased subnets, one host', 'default 1', 'blue 1', false],
  ['from leased subnets, two hosts', 'default 1', 'blue 2', false],
  ['among leased subnets, one host', 'default 1', 'default 1b', true],
  ['among leased subnets, two hosts', 'default 1', 'default 2', true],
  ['to the own host', 'blue 1', 'host 1', true],
  ['to another host', 'blue 1', 'host 2', true],
  ['from the own host', 'host 1', 'blue 1', true],
  ['from another host', 'host 1', 'blue 2', false],
  ['an internal one to the own host', 'green 1', 'host 1', true],
  ['an internal one to another host', 'green 1', 'host 2', false],
  ['an internal one from the own host', 'host 1', 'green 1', true],
  ['an internal one from another host', 'host 1', 'green 2', false],
  ['to the outside', 'blue 1', 'outside', true],
  ['to the outside from the other host', 'blue 2', 'outside', true],
  ['from the outside', 'outside', 'blue 1', false],
  ['from the outside by another host', 'outside', 'blue 2', false],
  ['an internal one to the outside', 'green 1', 'outside', false],
  ['an internal one from the outside', 'outside', 'green 1', false],
];
const COLUMNS = (['ICMP', 'TCP'] as const).flatMap((how) =>
  ([4, 6] as const).map((family) => ({ how, family, title: `${how} v${family}` })),
);

test('everybody reaches whom it should, and nobody else', async () => {
  const rows = await Promise.all(
    MATRIX.map(async ([what, from, to, reached]) => {
      const found: boolean[] = [];
      for (const { how, family } of COLUMNS)
        found.push(await tries(how, at(from), at(to), family, PATIENCE[reached ? 'yes' : 'no']));
      return { what, from, to, reached, found };
    }),
  );
  const word = (is: boolean): string => (is ? 'yes' : 'no');
  const table = rows.map(({ what, from, to, reached, found }) =>
    [
      what.padEnd(38),
      `${from} → ${to}`.padEnd(24),
      word(reached).padEnd(9),
      ...found.map((is) => word(is).padEnd(8)),
    ].join(''),
  );
  const head = [
    'what'.padEnd(38),
    'from → to'.padEnd(24),
    'expected ',
    ...COLUMNS.map(({ title }) => title.padEnd(8)),
  ].join('');
  process.stdout.write(`${[head, ...table].join('\n')}\n`);
  for (const { what, reached, found } of rows)
    expect({ what, found }).toEqual({ what, found: COLUMNS.map(() => reached) });
});

/** Whose VTEP it is sent to: that of the sender's host, by its gateway, or the other host's. */
test.each([
  ['red 1', 'its own host', 'blue 1', '10.7.0.1'],
  ['green 1', 'its own host, from an internal network', 'blue 1', '10.8.0.1'],
  ['default 1', 'its own host, from leased subnets', 'blue 1', 'host 1'],
  ['red 1', 'another host', 'blue 2', 'host 2'],
  ['default 1', 'another host, from leased subnets', 'blue 2', 'host 2'],
  ['blue 1', 'its own host, into an internal network', 'green 1', '10.6.0.1'],
])('%s cannot pass for a host: VXLAN to %s reaches nobody in %s', async (from, _, to, by) => {
  const { space, addresses, mac = '' } = at(to);
  const [address = ''] = addresses;
  const via = places.get(by)?.addresses[0] ?? by;
  const vni = to.startsWith('blue') ? 4096 : 4098;
  const forgery = { from: at(from).space, via, vni, target: { space, address, mac } };
  expect(await forge(forgery)).toEqual([]);
});

test('no bridge of a network takes a router for one, and nothing inside does', async () => {
  const [first] = lab.hosts as [Host];
  const setting = async (space: Namespace, link: string): Promise<string> =>
    (await space.output('cat', [`/proc/sys/net/ipv6/conf/${link}/accept_ra`])).trim();
  for (const link of ['weft0', 'weft-4096', 'weft-4098'])
    expect([link, await setting(first, link)]).toEqual([link, '0']);
  expect(await setting(at('blue 1').space, 'eth0')).toBe('0');
});
