/** Networks that users have made, on real kernels: one subnet across three hosts, by name, without a frame too many. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Address } from '../../agent/ip/address.ts';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import { attach, list, SOON, weft } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { kernelState } from '../lab/kernel-state.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { createNetwork } from '../lab/networks.ts';
import { ping, startPing } from '../lab/probes.ts';
import { makeTarget } from '../lab/target.ts';
import { capture, monitor } from '../lab/watching.ts';
import type { Weftd } from '../lab/weftd.ts';

const MESH = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
const BLUE = { v4: '10.6.0.0/24', v6: 'fd00:6::/64' };
const RED = { v4: '10.7.0.0/24', v6: 'fd00:7::/64' };

let lab: Lab;
let daemons: Weftd[];
let hosts: [Host, Host, Host];

beforeAll(async () => {
  lab = await createLab({ nodes: 3 });
  await lab.startEtcd();
  await lab.configureNetwork(MESH);
  daemons = lab.hosts.map((host) => host.startWeftd());
  await Promise.all(daemons.map((daemon) => daemon.waitReady()));
  hosts = lab.hosts as unknown as [Host, Host, Host];
  await createNetwork(lab, 'blue', BLUE);
  await createNetwork(lab, 'red', RED);
  await createNetwork(lab, 'noisy', { v4: '10.8.0.0/24', options: ['multicast'] });
  await createNetwork(lab, 'secret', { v4: '10.9.0.0/24', options: ['encrypted'] });
});
afterAll(() => lab?.close());

interface Joined {
  readonly host: Host;
  readonly target: Namespace;
  readonly endpoint: Endpoint;
}

async function join(host: Host, name: string, network: string): Promise<Joined> {
  const target = await makeTarget(host, name);
  const endpoint = await attach(host, target, network, '--name', `${name}-${host.name}`);
  return { host, target, endpoint };
}

const links = async (host: Host): Promise<string[]> =>
  (await host.ipJson<{ ifname: string; ifalias?: string }>('link show')).flatMap(
    ({ ifname, ifalias = '' }) => (ifalias.startsWith('weft network') ? ifname : []),
  );

/** Link-local addresses; and that a port forwards, which a bridge says 15 s after it came (net/bridge/br_stp_timer.c). */
const BY_KERNEL = /fe80:|\[LINK\].* mtu 1450 master weft-4096 state (UP|UNKNOWN) /;

/** Entries for other hosts' endpoints on the port. */
const entries = async (host: Host): Promise<{ fdb: number; neighbours: number }> => ({
  fdb: (await host.output('bridge', ['fdb', 'show', 'dev', 'weftx-4096']))
    .split('\n')
    .filter((line) => line.includes('dst')).length,
  neighbours: (await host.ip('neigh show dev weftx-4096 nud permanent')).trim().split('\n').length,
});

/** Until `within` in ms; the output otherwise. */
const reaches = async (from: Joined, ...ping: string[]): Promise<boolean> => {
  const line = ['endpoint', 'exec', from.endpoint.id, '--', 'ping', '-c1', '-W2', ...ping];
  return (await from.host.weft(...line)).code === 0;
};

describe('one network on three hosts', () => {
  const joined: Joined[] = [];

  test('stands where the first endpoint comes, and only there', async () => {
    expect(await links(hosts[0])).toEqual([]);
    joined.push(await join(hosts[0], 'a', 'blue'));
    expect((await links(hosts[0])).toSorted()).toEqual(['weft-4096', 'weftx-4096']);
    expect(await links(hosts[1])).toEqual([]);
    for (const host of hosts.slice(1)) joined.push(await join(host, 'a', 'blue'));
  });

  test('everybody reaches everybody by name, in both families', async () => {
    await eventually(
      async () => {
        for (const host of hosts) expect(await entries(host)).toEqual({ fdb: 2, neighbours: 4 });
        return true;
      },
      { within: SOON, what: 'all are programmed' },
    );
    for (const from of joined)
      for (const { endpoint } of joined)
        for (const family of ['-4', '-6']) {
          const name = endpoint.names[0] ?? '';
          const ping = ['ping', family, '-c1', '-W2', name];
          const { code } = await from.host.weft(
            'endpoint',
            'exec',
            from.endpoint.id,
            '--',
            ...ping,
          );
          expect({ from: from.target.name, name, family, code }).toMatchObject({ code: 0 });
        }
  });

  test('nothing that is not known leaves the host', async () => {
    const [first] = joined as [Joined];
    const seen = await capture(hosts[0], 'eth0', 'udp port 8472', ['-e']);
    const { target } = first;
    await target.exec('ping', ['-c2', '-i0.2', '-W1', '10.6.0.250']);
    await target.exec('ping', ['-c2', '-i0.2', '-W1', 'fd00:6::fa']);
    await target.exec('ping', ['-c2', '-i0.2', '-W1', '-b', '10.6.0.255']);
    await target.exec('ping', ['-c2', '-i0.2', '-W1', 'ff02::1%eth0']);
    await target.ip('neigh add 10.6.0.251 lladdr 02:00:00:00:00:51 dev eth0 nud permanent');
    await target.exec('ping', ['-c2', '-i0.2', '-W1', '10.6.0.251']);
    const address = joined[1]?.endpoint.addresses[0] ?? '';
    await target.ip(`neigh del ${address} dev eth0`);
    await target.output('ping', ['-c1', '-W1', address]);
    const lines = await seen.stop();
    const inner = lines.filter((line) => / > .*ethertype/.test(line) && !line.includes('.8472'));
    expect(inner.filter((line) => line.includes('ICMP echo')).length).toBeGreaterThan(0);
    expect(inner.filter((line) => !line.includes('ICMP echo'))).toEqual([]);
    expect(lines.join('\n')).not.toMatch(/10\.6\.0\.25[015]|ARP|ff:ff:ff:ff:ff:ff|33:33/);
  });

  test('a restart of weftd changes nothing, and loses nothing', async () => {
    const [first, second] = joined as [Joined, Joined];
    const before = await kernelState(hosts[0]);
    const changes = await monitor(hosts[0]);
    const pings = await Promise.all(
      second.endpoint.addresses.map((address) =>
        startPing(first.target, address as Address, { intervalMs: 1 }),
      ),
    );
    for (const end of ['kill', 'stop'] as const) {
      if (end === 'kill') await daemons[0]?.kill('SIGKILL');
      else await daemons[0]?.stop();
      daemons[0] = await hosts[0].startWeftd().waitReady();
    }
    await daemons[1]?.kill('SIGKILL');
    daemons[1] = await hosts[1].startWeftd().waitReady();
    for (const ping of pings) {
      const { sent, lost } = await ping.stop();
      expect({ lost, enough: sent > 100 }).toEqual({ lost: 0, enough: true });
    }
    expect((await changes.stop()).filter((line) => !BY_KERNEL.test(line))).toEqual([]);
    expect(await kernelState(hosts[0])).toEqual(before);
    expect((await hosts[0].weft('plan')).stdout).toContain('Operations (0)');
  });

  test('a host whose weftd is away is still reached, though nobody tells its names', async () => {
    const [first, second] = joined as [Joined, Joined];
    const { addresses, names } = second.endpoint;
    await daemons[1]?.kill('SIGKILL');
    const known = async (): Promise<boolean> =>
      (await list(hosts[0])).some(({ id }) => id === second.endpoint.id);
    await eventually(async () => !(await known()), {
      within: 120_000,
      what: 'its records have gone',
    });
    for (const address of addresses)
      expect(await ping(first.target, address as Address)).toMatchObject({ lost: 0 });
    expect(await reaches(first, names[0] ?? '')).toBe(false);
    daemons[1] = await hosts[1].startWeftd().waitReady();
    await eventually(known, { within: SOON, what: 'it says them again' });
    expect(await reaches(first, names[0] ?? '')).toBe(true);
  }, 180_000);

  test('goes with the last endpoint, there and nowhere else', async () => {
    const [first] = joined as [Joined];
    await weft(hosts[0], 'detach', first.endpoint.id);
    expect(await links(hosts[0])).toEqual([]);
    expect((await links(hosts[1])).toSorted()).toEqual(['weft-4096', 'weftx-4096']);
    await eventually(
      async () => {
        expect(await entries(hosts[1])).toEqual({ fdb: 1, neighbours: 2 });
        return true;
      },
      { within: SOON, what: 'the others have forgotten it' },
    );
    for (const { host, endpoint } of joined.slice(1)) await weft(host, 'detach', endpoint.id);
    expect(await links(hosts[2])).toEqual([]);
    expect(await hosts[2].output('nft', ['list', 'ruleset'])).not.toContain('networks');
  });
});

describe('a namespace in two networks', () => {
  test('has a link for each, the names of both, and one way out', async () => {
    const [host, other] = hosts;
    const target = await makeTarget(host, 'both');
    const blue = await attach(host, target, 'blue');
    const red = await attach(host, target, 'red');
    const there = await join(other, 'b', 'blue');
    const elsewhere = await join(other, 'r', 'red');
    expect([blue.link, red.link]).toEqual(['eth0', 'eth1']);
    const ways = async (): Promise<string[]> =>
      (
        await Promise.all(
          ['-4', '-6'].map((family) => target.ip(`${family} route show default proto 119`)),
        )
      ).map((text) => / dev (\S+)/.exec(text)?.[1] ?? '');
    expect(await ways()).toEqual(['eth0', 'eth0']);
    const both = { host, target, endpoint: blue };
    for (const family of ['-4', '-6'])
      for (const { endpoint } of [there, elsewhere])
        await eventually(() => reaches(both, family, endpoint.names[0] ?? ''), {
          within: SOON,
          what: `${endpoint.names[0]} answers`,
        });
    // Whom they do not share a network with they neither know nor reach.
    expect(await reaches(there, elsewhere.endpoint.names[0] ?? '')).toBe(false);
    await weft(host, 'detach', blue.id);
    expect(await ways()).toEqual(['eth1', 'eth1']);
    for (const { endpoint } of [there, elsewhere]) await weft(other, 'detach', endpoint.id);
    await weft(host, 'detach', red.id);
    expect(await links(host)).toEqual([]);
  });
});

describe('a network with multicast', () => {
  test('takes what is for everybody to each host with endpoints there, and to no other', async () => {
    const [here, there] = [await join(hosts[0], 'm', 'noisy'), await join(hosts[1], 'm', 'noisy')];
    const seen = await capture(there.target, 'eth0', 'icmp');
    const idle = await capture(hosts[2], 'eth0', 'udp port 8472');
    const beyond = await capture(hosts[1], 'eth0', 'udp port 8472', ['-e']);
    await eventually(
      async () => {
        await here.target.exec('ping', ['-c1', '-W1', '-b', '10.8.0.255']);
        await here.target.exec('ping', ['-c1', '-W1', '-I', 'eth0', '239.1.2.3']);
        const lines = seen.lines().join('\n');
        return lines.includes('> 10.8.0.255') && lines.includes('> 239.1.2.3');
      },
      { within: SOON, what: 'both are heard on the other host' },
    );
    // Questions for neighbours stay at home all the same.
    await here.target.exec('ping', ['-c1', '-W1', '10.8.0.250']);
    expect((await idle.stop()).filter((line) => line.includes('instance 4098'))).toEqual([]);
    expect((await beyond.stop()).filter((line) => line.includes('ARP'))).toEqual([]);
    for (const { host, endpoint } of [here, there]) await weft(host, 'detach', endpoint.id);
  });
});

test('an encrypted network is refused where the mesh does not encrypt', async () => {
  const target = await makeTarget(hosts[0], 'plain');
  const { code, stderr } = await hosts[0].weft('attach', `netns:${target.netns}`, 'secret');
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^weft: the network secret is encrypted, and the mesh is vxlan, [^\n]*\n$/,
  );
  expect(await links(hosts[0])).toEqual([]);
});

test('a route that somebody made after the network was created refuses the first endpoint, and only that', async () => {
  await createNetwork(lab, 'late', { v4: '10.10.0.0/24' });
  const [first, second] = [
    await makeTarget(hosts[0], 'late1'),
    await makeTarget(hosts[0], 'late2'),
  ];
  await hosts[0].ip('link add weird0 type bridge');
  await hosts[0].ip('addr add 10.10.0.1/16 dev weird0');
  await hosts[0].ip('link set weird0 up');
  const { code, stderr } = await hosts[0].weft('attach', `netns:${first.netns}`, 'late');
  expect(code).toBe(1);
  expect(stderr).toContain(
    'the network late (10.10.0.0/24) overlaps the route 10.10.0.0/16 (weird0) of this host',
  );
  expect(await links(hosts[0])).toEqual([]);
  await hosts[0].ip('link set weird0 down');
  const one = await attach(hosts[0], first, 'late');
  await hosts[0].ip('link set weird0 up');
  const two = await attach(hosts[0], second, 'late');
  for (const { id } of [one, two]) await weft(hosts[0], 'detach', id);
  await hosts[0].ip('link del weird0');
});
