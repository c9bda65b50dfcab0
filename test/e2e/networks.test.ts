/** Networks that users make: made on one host, known on all, and no two alike. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { overlaps, prefix } from '../../agent/ip/prefix.ts';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import type { Network } from '../../controlplane/api/network-model.ts';
import { readyLab, SOON, weft } from '../lab/endpoints.ts';
import type { Etcd } from '../lab/etcd.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { makeTarget } from '../lab/target.ts';
import type { Weftd } from '../lab/weftd.ts';

const networks = (host: Host): Promise<Network[]> => weft<Network[]>(host, 'network', 'ls');
const namesOn = async (host: Host): Promise<string[]> =>
  (await networks(host)).map(({ name }) => name);
const create = (host: Host, name: string, ...flags: readonly string[]): Promise<Network> =>
  weft<Network>(host, 'network', 'create', name, ...flags);

async function everywhere(lab: Lab, names: readonly string[]): Promise<void> {
  for (const host of lab.hosts)
    await eventually(
      async () => {
        expect(await namesOn(host)).toEqual(names);
        return true;
      },
      { within: SOON, what: `${host.name} knows ${names.join(', ')}` },
    );
}

describe('three hosts', () => {
  let lab: Lab;
  let daemons: Weftd[];
  let etcd: Etcd;
  const refusal = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await lab.host(1).weft('network', ...args);
    expect(code).not.toBe(0);
    return stderr;
  };

  beforeAll(async () => {
    ({ lab, daemons, etcd } = await readyLab(3));
  });
  afterAll(() => lab?.close());

  test('what one makes all know, as it was made', async () => {
    const flags =
      '--subnet 10.77.0.0/16 --ip-range 10.77.4.0/22 --aux-address nas=10.77.0.9 --ipv6 --internal --opt multicast --mtu 1300 --label team=a';
    const made = await create(lab.host(2), 'blue', ...flags.split(' '));
    expect(made).toMatchObject({
      name: 'blue',
      vni: 4096,
      subnets: [
        {
          subnet: '10.77.0.0/16',
          gateway: '10.77.0.1',
          range: '10.77.4.0/22',
          aux: ['nas=10.77.0.9'],
        },
        { subnet: 'fdf7:77ef:7400::/64', gateway: 'fdf7:77ef:7400::1' },
      ],
      internal: true,
      multicast: true,
      mtu: 1300,
      labels: ['team=a'],
    });
    await everywhere(lab, ['blue', 'default']);
    for (const host of lab.hosts)
      expect(await weft(host, 'network', 'inspect', made.id)).toEqual({ ...made, members: [] });
  });

  test('a second of the name, and what overlaps a network, the leases or a route, is refused by name', async () => {
    await lab.host(3).ip('link add weird0 type bridge');
    await lab.host(3).ip('addr add 10.99.1.1/24 dev weird0');
    await lab.host(3).ip('link set weird0 up');
    expect(await refusal('create', 'blue')).toContain('there is a network blue already');
    expect(await refusal('create', 'red', '--subnet', '10.77.128.0/17')).toContain(
      'the subnet 10.77.128.0/17 overlaps the network blue (10.77.0.0/16)',
    );
    expect(await refusal('create', 'red', '--subnet', '10.5.200.0/24')).toContain(
      'overlaps the leased range of all hosts (10.5.0.0/16)',
    );
    const route = await refusal('create', 'red', '--subnet', '10.99.0.0/16');
    expect(route).toContain(`overlaps the route 10.99.1.0/24 (weird0) of host ${lab.host(3).name}`);
    expect(await refusal('rm', 'red')).toContain('there is no network "red"');
    expect(await namesOn(lab.host(1))).toEqual(['blue', 'default']);
  });

  test('ten at once on three hosts get different VNIs and subnets', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `n${i}`);
    const made = await Promise.all(names.map((name, i) => create(lab.host((i % 3) + 1), name)));
    expect(new Set(made.map(({ vni }) => vni)).size).toBe(10);
    const subnets = made.map(({ subnets: [first] }) => prefix(first?.subnet ?? ''));
    for (const one of subnets)
      expect(subnets.filter((other) => overlaps(one, other))).toEqual([one]);
    await everywhere(lab, ['blue', 'default', ...names]);
    const pruned = await weft<Network[]>(lab.host(3), 'network', 'prune', '--yes');
    expect(pruned.map(({ name }) => name).sort()).toEqual(['blue', ...names]);
    await everywhere(lab, ['default']);
  });

  test('a host that starts without etcd knows them, and takes up what changed when it is back', async () => {
    await create(lab.host(1), 'kept');
    await create(lab.host(2), 'gone');
    await everywhere(lab, ['default', 'gone', 'kept']);
    await daemons[2]?.kill('SIGKILL');
    await weft(lab.host(1), 'network', 'rm', 'gone');
    await etcd.kill();
    daemons[2] = lab.host(3).startWeftd();
    await eventually(
      async () => {
        expect(await namesOn(lab.host(3))).toEqual(['default', 'gone', 'kept']);
        return true;
      },
      { within: SOON, what: 'the host knows its networks without etcd' },
    );
    const { code, stderr } = await lab.host(3).weft('network', 'create', 'late');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/etcd does not answer|weftd is not ready/);
    await etcd.restart();
    await everywhere(lab, ['default', 'kept']);
  });
});

describe('addresses', () => {
  let lab: Lab;
  let daemons: Weftd[];
  const targets: Namespace[] = [];

  beforeAll(async () => {
    ({ lab, daemons } = await readyLab(3));
    for (const host of lab.hosts) targets.push(await makeTarget(host, 'w1'));
    await create(lab.host(1), 'blue', '--subnet', '10.77.0.0/24', '--ipv6');
    await everywhere(lab, ['blue', 'default']);
  });
  afterAll(() => lab?.close());

  const joined = (number: number, ...flags: readonly string[]): Promise<Endpoint> => {
    const target = targets[number - 1];
    if (target === undefined) throw new RangeError(`there is no target ${number}`);
    const words = ['attach', `netns:${target.netns}`, 'blue', '--name', `w${number}`, ...flags];
    return weft<Endpoint>(lab.host(number), ...words);
  };

  test('endpoints of one network reach each other by addresses that are nobody else’s', async () => {
    const endpoints = [await joined(1), await joined(2), await joined(3)];
    const addresses = endpoints.flatMap((each) => each.addresses);
    expect(new Set(addresses).size).toBe(6);
    for (const [i, target] of targets.entries())
      for (const address of endpoints[(i + 1) % 3]?.addresses ?? [])
        await eventually(
          async () => (await target.exec('ping', ['-c1', '-W1', address])).code === 0,
          { within: SOON, what: `${target.name} reaches ${address}` },
        );
    const { code, stderr } = await lab.host(1).weft('network', 'rm', 'blue');
    expect(code).not.toBe(0);
    expect(stderr).toContain('the network blue has endpoints: ');
    expect(await weft(lab.host(2), 'network', 'inspect', 'blue')).toMatchObject({ endpoints: 3 });
  });

  test('an address of another endpoint is refused by name, one in another host’s reserve is given up', async () => {
    const all = await weft<Endpoint[]>(lab.host(1), 'endpoint', 'ls');
    const [, second] = all.toSorted((a, b) => a.host.localeCompare(b.host));
    await weft(lab.host(1), 'detach', 'w1');
    const { stderr } = await lab
      .host(1)
      .weft('attach', `netns:${targets[0]?.netns}`, 'blue', '--ip', second?.addresses[0] ?? '');
    expect(stderr).toContain(`taken by w2 on ${lab.host(2).name}`);
    const reserve = await keysOf(lab, 'blue');
    const used = new Set(all.flatMap(({ addresses }) => addresses));
    const spare = [...reserve].find(
      ([address, host]) => !used.has(address) && host === lab.host(2).name && address.includes('.'),
    );
    const endpoint = await joined(1, '--ip', spare?.[0] ?? 'none');
    expect(endpoint.addresses[0]).toBe(spare?.[0]);
  });

  test('an endpoint joins another network while it runs, and leaves it', async () => {
    await create(lab.host(1), 'red', '--subnet', '10.78.0.0/24');
    await everywhere(lab, ['blue', 'default', 'red']);
    const host = lab.host(3);
    const joined = await weft<Endpoint>(
      host,
      ...'network connect red w3 --ip 10.78.0.9'.split(' '),
    );
    expect(joined).toMatchObject({ network: 'red', names: ['w3'], addresses: ['10.78.0.9'] });
    const networksOf = async (): Promise<string[]> =>
      (await weft<Endpoint[]>(host, 'endpoint', 'ls', 'w3')).map(({ network }) => network).sort();
    expect(await networksOf()).toEqual(['blue', 'red']);
    expect(await weft(host, 'network', 'disconnect', 'red', 'w3')).toEqual({ detached: true });
    expect(await networksOf()).toEqual(['blue']);
    const { stderr } = await host.weft('network', 'disconnect', 'red', 'w3');
    expect(stderr).toContain('w3 is not in the network red');
    await weft(lab.host(1), 'network', 'rm', 'red');
  });

  test('a restart keeps what endpoints have, and gives back the rest; all comes back when they leave', async () => {
    await daemons[1]?.kill('SIGKILL');
    daemons[1] = await lab.host(2).startWeftd().waitReady();
    for (const number of [1, 2, 3]) await weft(lab.host(number), 'detach', `w${number}`);
    await eventually(async () => (await keysOf(lab, 'blue')).size === 0, {
      within: SOON,
      what: 'no address is anybody’s',
    });
    await weft(lab.host(3), 'network', 'rm', 'blue');
  });
});

/** Whose the addresses of a network are in etcd, by member. */
async function keysOf(lab: Lab, name: string): Promise<Map<string, string>> {
  const { id } = await weft<Network>(lab.host(1), 'network', 'inspect', name);
  const found = await lab.etcdctl('get', '--prefix', `/weft/addresses/${id}/`);
  const lines = found.split('\n').filter((line) => line !== '');
  const keys = new Map<string, string>();
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const { name: holder } = JSON.parse(lines[i + 1] ?? '{}') as { name: string };
    keys.set(lines[i]?.split('/').at(-1) ?? '', holder);
  }
  return keys;
}
