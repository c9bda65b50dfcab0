/** Whatever somebody does by hand to an entry of ours is undone within a second and told once; others' entries are left alone. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { KernelDump } from '../lab/kernel-dump.ts';
import { kernelState } from '../lab/kernel-state.ts';
import { startMesh, type Mesh } from '../lab/mesh.ts';
import type { LogEntry, Weftd } from '../lab/weftd.ts';

/** The bound for a repair, in ms. */
const SOON = 1000;
const NETWORK = {
  EnableIPv6: true,
  Network: '10.5.0.0/16',
  IPv6Network: 'fd00:5::/56',
  Backend: { Type: 'vxlan' },
};

/** What others have set up on the host before weftd starts, and keep there. */
const RULES_OF_OTHERS = `
  iptables -P FORWARD DROP
  iptables -N DOCKER-USER
  iptables -I FORWARD -j DOCKER-USER
  iptables -A DOCKER-USER -s 198.51.100.0/24 -j DROP
  ip6tables -P FORWARD DROP
  nft add table inet weft_like
  nft add chain inet weft_like forward '{ type filter hook forward priority 10; }'
  nft add rule inet weft_like forward ip daddr 198.51.100.1 drop`;
const OF_OTHERS = `${RULES_OF_OTHERS}
  ip link add other0 type vxlan id 77 dstport 4790 dev eth0
  ip link set other0 up
  bridge fdb append 02:00:00:00:00:77 dev other0 dst 192.168.77.9
  ip neigh add 192.168.77.9 lladdr 02:00:00:00:00:99 dev eth0 nud permanent
  ip route add 198.51.100.0/24 via 192.168.77.254
  ip -6 route add 2001:db8:9::/48 via fd77::fe
  ip route add blackhole 198.18.0.0/15 proto static`;

interface Names {
  /** By family. */
  readonly route: readonly [string, string];
  readonly gateway: readonly [string, string];
  readonly own: readonly [string, string];
  readonly subnet: readonly [string, string];
  readonly mac: readonly [string, string];
}

let mesh: Mesh;
let host: Host;
let daemon: Weftd;
let names: Names;
let untouched: KernelDump;

beforeAll(async () => {
  mesh = await startMesh({
    nodes: 2,
    underlay: { v4: '192.168.77.0/24', v6: 'fd77::/64' },
    network: NETWORK,
    flags: ['--ip-masq', '--ip-blackhole-route'],
    prepare: ([first]) => first!.output('sh', ['-ec', OF_OTHERS]),
  });
  host = mesh.lab.host(1);
  daemon = mesh.daemons[0]!;
  names = await namesOn(host);
  untouched = await kernelState(host);
});
afterAll(() => mesh?.close());

async function namesOn(place: Host): Promise<Names> {
  const read = async (args: string, pattern: RegExp): Promise<string> =>
    pattern.exec(await place.ip(args))?.[1] ?? '';
  const both = (four: string, six: string, pattern: RegExp) =>
    Promise.all([read(four, pattern), read(six, pattern)]);
  const [own4, own6] = await both(
    '-4 -o address show dev flannel.1',
    '-6 -o address show dev flannel-v6.1 scope global',
    /inet6? (\S+)/,
  );
  return {
    own: [own4, own6],
    subnet: [own4.replace('/32', '/24'), own6.replace('/128', '/64')],
    route: await both(
      '-4 route show dev flannel.1 proto 119',
      '-6 route show dev flannel-v6.1 proto 119',
      /^(\S+)/,
    ),
    gateway: await both('neigh show dev flannel.1', 'neigh show dev flannel-v6.1', /^(\S+)/),
    mac: await both('neigh show dev flannel.1', 'neigh show dev flannel-v6.1', /lladdr (\S+)/),
  };
}

const DEVICES = ['flannel.1', 'flannel-v6.1'] as const;

type Deed = (names: Names, family: 0 | 1, device: string) => string;

/** What is done, and what the log says of it. */
const DEEDS: Readonly<Record<string, { readonly deed: Deed; readonly entry: RegExp }>> = {
  'device deleted': { deed: (_, __, device) => `ip link delete ${device}`, entry: /^link / },
  'device set down': { deed: (_, __, device) => `ip link set ${device} down`, entry: /^link / },
  'MTU changed': { deed: (_, __, device) => `ip link set ${device} mtu 1300`, entry: /^link / },
  'MAC changed': {
    deed: (_, __, device) => `ip link set ${device} address 02:00:00:00:00:01`,
    entry: /^link /,
  },
  'address deleted': {
    deed: ({ own }, i, device) => `ip address delete ${own[i]} dev ${device}`,
    entry: /^address /,
  },
  'address added': {
    deed: (_, i, device) => `ip address add ${['10.99.0.1/24', 'fd99::1/64'][i]} dev ${device}`,
    entry: /^address (10\.99|fd99)/,
  },
  'route deleted': {
    deed: ({ route }, i) => `ip -${[4, 6][i]} route delete ${route[i]}`,
    entry: /^route /,
  },
  'routes flushed': {
    deed: (_, i, device) => `ip -${[4, 6][i]} route flush dev ${device} proto 119`,
    entry: /^route /,
  },
  'neighbour deleted': {
    deed: ({ gateway }, i, device) => `ip neigh delete ${gateway[i]} dev ${device}`,
    entry: /^neighbour /,
  },
  'neighbour changed': {
    deed: ({ gateway }, i, device) =>
      `ip neigh replace ${gateway[i]} lladdr 02:00:00:00:00:09 dev ${device} nud permanent`,
    entry: /^neighbour /,
  },
  'neighbour no longer permanent': {
    deed: ({ gateway, mac }, i, device) =>
      `ip neigh replace ${gateway[i]} lladdr ${mac[i]} dev ${device} nud reachable`,
    entry: /^neighbour /,
  },
  'neighbours flushed': {
    deed: (_, __, device) => `ip neigh flush dev ${device} nud permanent`,
    entry: /^neighbour /,
  },
  'FDB entry deleted': {
    deed: ({ mac }, i, device) => `bridge fdb delete ${mac[i]} dev ${device}`,
    entry: /^fdb /,
  },
  'FDB entry changed': {
    deed: ({ mac }, i, device) =>
      `bridge fdb replace ${mac[i]} dst ${['192.168.77.99', 'fd77::99'][i]} dev ${device}`,
    entry: /^fdb /,
  },
  'FDB entry added': {
    deed: (_, i, device) =>
      `bridge fdb append 02:00:00:00:00:77 dst ${['192.168.77.9', 'fd77::9'][i]} dev ${device}`,
    entry: /^fdb 02:00:00:00:00:77 /,
  },
  'sysctl changed': {
    deed: (_, __, device) => `echo 1 > /proc/sys/net/ipv6/conf/${device}/accept_ra`,
    entry: /^sysctl /,
  },
  'blackhole route deleted': {
    deed: ({ subnet }, i) => `ip -${[4, 6][i]} route delete blackhole ${subnet[i]} metric 1000000`,
    entry: /^route blackhole /,
  },
};

/** Things of both families at once. */
const FIREWALL_DEEDS: Readonly<Record<string, { readonly deed: string; readonly entry: RegExp }>> =
  {
    'nftables rule deleted': {
      deed: `nft delete rule inet weft forward handle $(
        nft -a list chain inet weft forward | sed -n 's/.*# handle //p' | sed -n 2p)`,
      entry: /^nftables table inet weft$/,
    },
    'nftables rule added': {
      deed: 'nft insert rule inet weft forward drop',
      entry: /^nftables table inet weft$/,
    },
    'nftables chain deleted': {
      deed: 'nft flush chain inet weft postrouting; nft delete chain inet weft postrouting',
      entry: /^nftables table inet weft$/,
    },
    'nftables table deleted': {
      deed: 'nft delete table inet weft',
      entry: /^nftables table inet weft$/,
    },
    'iptables rule in DOCKER-USER deleted': {
      deed: 'iptables -D DOCKER-USER 2',
      entry: /^iptables DOCKER-USER /,
    },
    'iptables rule in FORWARD deleted': {
      deed: 'ip6tables -D FORWARD 1',
      entry: /^ip6tables FORWARD /,
    },
  };

/** Does it, waits until the kernel is as before, and returns what the log said meanwhile. */
async function doAndAwaitRepair(deed: string): Promise<readonly LogEntry[]> {
  const logged = daemon.log().length;
  await host.output('sh', ['-ec', deed]);
  const told = () => daemon.log().slice(logged);
  // The log first: before weftd has looked, the kernel may still be as it was.
  await asBefore(`undone: ${deed}`, () => told().some(({ msg }) => msg === 'repaired'));
  return told();
}

/** Resolves when the kernel is as at the start, and weftd knows of nothing to do; else fails with the difference. */
async function asBefore(what: string, and = () => true): Promise<void> {
  const state = async () => sameButOrder(await kernelState(host));
  const check = async () => and() && isDeepStrictEqual(await state(), sameButOrder(untouched));
  await eventually(check, { within: SOON, what }).catch(async (error: unknown) => {
    expect(await state()).toEqual(sameButOrder(untouched));
    throw error;
  });
  expect((await host.weft('plan')).stdout).toContain('Operations (0)');
}

/** Rules in an iptables chain may come back in another order; all of ours accept. */
function sameButOrder(state: KernelDump): KernelDump {
  const firewall = (state['firewall'] ?? '').split('\n').toSorted().join('\n');
  return { ...state, firewall };
}

/** Each entry is told at most once; that of the deed exactly once, as the first of many if there were many. */
function expectToldOnce(log: readonly LogEntry[], entry: RegExp): void {
  const repaired = log.filter(({ msg }) => msg === 'repaired');
  const entries = repaired.flatMap((line) =>
    typeof line['entry'] === 'string' ? line['entry'] : [],
  );
  expect(new Set(entries).size).toBe(entries.length);
  const named = repaired.map((line) => String(line['entry'] ?? line['first']));
  expect(named.filter((text) => entry.test(text))).toHaveLength(1);
  expect(log.filter(({ level }) => level !== 'info')).toEqual([]);
}

const cases = Object.entries(DEEDS).flatMap(([name, { deed, entry }]) =>
  ([0, 1] as const).map((family) => ({ name, family: [4, 6][family], at: family, deed, entry })),
);

test.each(cases)('$name, v$family', async ({ at, deed, entry }) => {
  expectToldOnce(await doAndAwaitRepair(deed(names, at, DEVICES[at])), entry);
});

test.each(Object.entries(FIREWALL_DEEDS))('%s', async (_, { deed, entry }) => {
  expectToldOnce(await doAndAwaitRepair(deed), entry);
});

test('the whole rule set flushed: our table comes back at once, our iptables rules with their chains', async () => {
  const ours = ['-s', 'list', 'table', 'inet', 'weft'];
  const table = await host.output('nft', ours);
  const logged = daemon.log().length;
  await host.output('nft', ['flush', 'ruleset']);
  const back = async () => (await host.output('nft', ours)) === table;
  await eventually(back, { within: SOON, what: 'the table is back' });
  await host.output('sh', ['-ec', RULES_OF_OTHERS]);
  await asBefore('the rules are back in the chains of others');
  expectToldOnce(daemon.log().slice(logged), /^nftables table inet weft$/);
});

interface Status {
  readonly problems: readonly { readonly code: string; readonly subject: string }[];
}

async function problemsOn(place: Host): Promise<Status['problems']> {
  return (JSON.parse((await place.weft('status', '--json')).stdout) as Status).problems;
}

/** A host that is only a lease in etcd. */
async function putPeer(third: number): Promise<string> {
  const key = `/coreos.com/network/subnets/10.5.${third}.0-24&fd00:5:0:${third.toString(16)}::-64`;
  const data = (mac: string) => ({ VNI: 1, VtepMAC: `02:00:00:00:${mac}:01` });
  const value = {
    PublicIP: `192.168.77.${third}`,
    PublicIPv6: `fd77::${third}`,
    BackendType: 'vxlan',
    BackendData: data('04'),
    BackendV6Data: data('06'),
  };
  await mesh.lab.etcdctl('put', key, JSON.stringify(value));
  return key;
}

test('a route of others in our place is reported and stays, also over a start; when it goes, ours comes', async () => {
  const other = mesh.lab.host(2);
  await mesh.daemons[1]!.stop();
  const key = await putPeer(180);
  const theirs = [
    '-4 route add 10.5.180.0/24 via 192.168.77.254',
    '-6 route add fd00:5:0:b4::/64 via fd77::fe',
  ];
  for (const route of theirs) await other.ip(route);
  const standing = () =>
    Promise.all([
      other.ip('-4 route show 10.5.180.0/24'),
      other.ip('-6 route show fd00:5:0:b4::/64'),
    ]);
  const before = await standing();
  const second = await other.startWeftd(['--ip-masq', '--ip-blackhole-route']).waitReady();
  mesh.daemons[1] = second;
  const conflicts = (await problemsOn(other)).filter(({ code }) => code === 'CONFLICT');
  expect(conflicts.map(({ subject }) => subject).toSorted()).toEqual([
    'route 10.5.180.0/24 metric 0',
    'route fd00:5:0:b4::/64 metric 0',
  ]);
  expect(await standing()).toEqual(before);
  expect(second.log().filter(({ code }) => code === 'CONFLICT')).toHaveLength(2);
  for (const route of theirs) await other.ip(route.replace('add', 'delete'));
  const ours = async () => (await standing()).every((text) => text.includes('proto 119'));
  await eventually(ours, { within: SOON, what: 'our routes are there' });
  expect(await problemsOn(other)).toEqual([]);
  await mesh.lab.etcdctl('del', key);
  const gone = async () => (await standing()).every((text) => text === '');
  await eventually(gone, { within: SOON, what: 'our routes are gone' });
});

test('who deletes a route again and again is reported, and does not fill the log', async () => {
  const key = await putPeer(181);
  const shown = () => host.ip('-4 route show 10.5.181.0/24');
  await eventually(async () => (await shown()) !== '', { within: SOON, what: 'the peer is there' });
  const logged = daemon.log().length;
  const loop = 'while :; do ip route delete 10.5.181.0/24 2>/dev/null; sleep 0.01; done';
  const program = host.spawn('sh', ['-c', loop]);
  const contested = async () =>
    (await problemsOn(host)).filter(({ code }) => code === 'CONTESTED_BY_ANOTHER_PROGRAM');
  await eventually(async () => (await contested()).length > 0, {
    within: 5 * SOON,
    what: 'the status says so',
  });
  expect((await contested())[0]?.subject).toBe('route 10.5.181.0/24 metric 0');
  await program.stop('SIGKILL');
  await eventually(async () => (await shown()) !== '', {
    within: 10 * SOON,
    what: 'the route is back',
  });
  const log = daemon.log().slice(logged);
  expect(log.filter(({ code }) => code === 'CONTESTED_BY_ANOTHER_PROGRAM')).toHaveLength(1);
  expect(log.length).toBeLessThan(25);
  await mesh.lab.etcdctl('del', key);
  await asBefore('the peer is gone');
});
