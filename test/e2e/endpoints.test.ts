/** Endpoints on real kernels: attached by one line, reached from everywhere, and gone without a trace. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectControl, type ControlClient } from '../../controlplane/api/client.ts';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import {
  attach,
  goneEverywhere,
  list,
  NETWORK,
  NOTHING,
  readyLab,
  request,
  SOON,
  traces,
  Watch,
  weft,
} from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { makeTarget, removeTarget } from '../lab/target.ts';
import type { Weftd } from '../lab/weftd.ts';

describe('three hosts, three workloads each', () => {
  let lab: Lab;
  let daemons: Weftd[];
  const targets: { host: Host; target: Namespace; endpoint: Endpoint }[] = [];

  beforeAll(async () => {
    ({ lab, daemons } = await readyLab(3));
    for (const host of lab.hosts)
      for (const number of [1, 2, 3]) {
        const target = await makeTarget(host, `w${number}`);
        const endpoint = await attach(host, target, '--name', `${host.name}-w${number}`);
        targets.push({ host, target, endpoint });
      }
  });
  afterAll(() => lab?.close());

  test('everything reaches everything', async () => {
    const lost = await Promise.all(
      targets.flatMap(({ target }) =>
        targets.map(async ({ endpoint }) => {
          const [address = ''] = endpoint.addresses;
          const { code } = await target.exec('ping', ['-c2', '-i0.2', '-W2', address]);
          return code === 0 ? undefined : `${target.name} to ${address}`;
        }),
      ),
    );
    expect(lost.filter((pair) => pair !== undefined)).toEqual([]);
    expect(daemons).toHaveLength(3);
  });

  test('every host knows of all', async () => {
    const wanted = targets.map(({ endpoint }) => endpoint.names.join()).sort();
    for (const host of lab.hosts)
      await eventually(
        async () => {
          const told = await list(host);
          expect(told.map(({ names }) => names.join()).sort()).toEqual(wanted);
          return true;
        },
        { within: SOON, what: `${host.name} knows of all endpoints` },
      );
  });

  test('the host itself has a name while it is exposed', async () => {
    const host = lab.host(1);
    const endpoint = await weft<Endpoint>(host, 'expose', '--name', 'first');
    expect(endpoint).toMatchObject({ isHost: true, names: ['first'] });
    const there = targets.at(-1)?.target as Namespace;
    const { code } = await there.exec('ping', ['-c1', '-W2', endpoint.addresses[0] ?? '']);
    expect(code).toBe(0);
    expect(await weft(host, 'hide')).toEqual({ detached: true });
    expect(await weft(host, 'hide')).toEqual({ detached: false });
    await goneEverywhere(lab, endpoint.id);
  });

  test('what is refused is refused with one sentence, and changes nothing', async () => {
    const host = lab.host(2);
    const before = await list(host);
    const free = await makeTarget(host, 'refused');
    const netns = `netns:${free.netns}`;
    const taken = targets[3]?.endpoint.addresses[0] ?? '';
    const owner = targets[3]?.endpoint.id ?? '';
    const refusals: [string[], string, number][] = [
      [['attach', 'web'], '"web" is nothing that can be attached', 2],
      [['attach', netns, 'blue'], 'there is no network "blue"', 1],
      [['attach', netns, '--name', 'a_b'], '"a_b" is no name', 2],
      [['attach', netns, '--ip', taken], `${taken} is taken by endpoint ${owner}`, 1],
      [['attach', netns, '--ip', '10.99.0.1'], "is not in this host's subnet", 1],
      [['attach', netns, '--ifname', 'lo'], 'there is a link lo in', 1],
      [['attach', netns, '--mac', '01:00:00:00:00:01'], 'is no MAC of one interface', 2],
      [['attach', 'netns:nobody-has-this'], '/run/netns/nobody-has-this is no more', 1],
      [['attach', 'pid:4194999'], 'there is no process 4194999', 1],
      [['attach', `netns:${host.netns}`], 'the network namespace of this host itself', 1],
      [['attach', 'ctr:nobody-has-this'], 'nobody-has-this', 1],
      [['attach', `netns:${targets[3]?.target.netns}`], 'in the network default already', 1],
      [['detach', 'nobody-has-this'], 'there is no endpoint nobody-has-this', 1],
      [['endpoint', 'inspect', 'nobody-has-this'], 'there is no endpoint nobody-has-this', 1],
    ];
    for (const [args, sentence, exit] of refusals) {
      const { code, stdout, stderr } = await host.weft(...args);
      expect({ args, code, stdout }).toEqual({ args, code: exit, stdout: '' });
      expect(stderr).toMatch(/^weft: [^\n]*\n$/);
      expect(stderr).toContain(sentence);
    }
    expect(await list(host)).toEqual(before);
    expect(await free.ipJson('link show')).toHaveLength(1);
    await removeTarget(free);
  });

  test('names, address, gateway, link and MAC are as asked for', async () => {
    const host = lab.host(3);
    const target = await makeTarget(host, 'asked');
    const other = targets[8]?.endpoint.addresses[0] ?? '';
    const subnet = other.replace(/\d+$/, '');
    // Far from those that were given.
    const address = `${subnet}${((Number(other.slice(subnet.length)) + 100) % 250) + 2}`;
    const asked = ['--name', 'one', '--name', 'two.three', '--ip', address];
    const link = ['--ifname', 'web0', '--mac', '02:00:00:00:00:99', '--gw', 'none'];
    const endpoint = await attach(host, target, ...asked, ...link);
    expect(endpoint).toMatchObject({
      names: ['one', 'two.three'],
      addresses: [address],
      link: 'web0',
      mac: '02:00:00:00:00:99',
    });
    const [inside] = await target.ipJson<{ address: string; mtu: number }>('link show web0');
    expect(inside).toMatchObject({ address: '02:00:00:00:00:99', mtu: 1450 });
    expect(await target.ip('route show default')).toBe('');
    expect(await target.ip('route show 10.5.0.0/16')).toContain(`via ${subnet}1 dev web0`);
    const exec = await host.weft(
      'endpoint',
      'exec',
      'one',
      '--',
      'sh',
      '-c',
      'ip -br link; exit 7',
    );
    expect(exec.code).toBe(7);
    expect(exec.stdout).toContain('web0');
    await weft(host, 'detach', 'two.three');
    await removeTarget(target);
    await goneEverywhere(lab, endpoint.id);
  });

  test('a pair that somebody deletes is back, with all that is inside', async () => {
    const { host, target, endpoint } = targets[4] as (typeof targets)[0];
    const inside = async (): Promise<string> =>
      `${await target.ip('-br address show eth0')}${await target.ip('route show')}`;
    const before = (await inside()).replaceAll(/@\S+|fe80\S+|\s+/g, ' ');
    await host.ip(`link del ${endpoint.hostLink}`);
    await eventually(
      async () => {
        expect((await inside()).replaceAll(/@\S+|fe80\S+|\s+/g, ' ')).toBe(before);
        return true;
      },
      { within: SOON, what: 'the pair is back' },
    );
  });

  test('a restart of weftd changes nothing, and knows all', async () => {
    const { host, target, endpoint } = targets[3] as (typeof targets)[0];
    const before = await list(host);
    const index = await target.ip('-o link show eth0');
    const bridge = await host.ip('-o link show weft0');
    await daemons[1]?.stop();
    daemons[1] = await host.startWeftd().waitReady();
    expect(await target.ip('-o link show eth0')).toBe(index);
    expect(await host.ip('-o link show weft0')).toBe(bridge);
    await eventually(
      async () => {
        expect(await list(host)).toEqual(before);
        return true;
      },
      { within: SOON, what: 'all endpoints are known again' },
    );
    expect((await list(host)).find(({ id }) => id === endpoint.id)).toMatchObject({
      state: 'attached',
    });
  });

  test('a damaged file is put aside and told, and the rest works', async () => {
    const { host } = targets[3] as (typeof targets)[0];
    const directory = join(host.stateDir, 'endpoints');
    await daemons[1]?.stop();
    writeFileSync(join(directory, '00000000000000ff.json'), '{"version":1');
    daemons[1] = await host.startWeftd().waitReady();
    expect(readdirSync(directory).filter((name) => name.endsWith('.damaged'))).toEqual([
      '00000000000000ff.json.damaged',
    ]);
    const { stdout } = await host.weft('status');
    expect(stdout).toContain('00000000000000ff.json.damaged was the file of an endpoint');
    expect((await list(host)).filter(({ mine }) => mine)).toHaveLength(3);
  });

  test('a namespace that goes takes endpoint, address and name with it', async () => {
    const { host, target, endpoint } = targets[6] as (typeof targets)[0];
    const resolver = `/etc/netns/${target.netns}/resolv.conf`;
    expect(readFileSync(resolver, 'utf8')).toContain(`# weft endpoint ${endpoint.id}`);
    await removeTarget(target);
    await goneEverywhere(lab, endpoint.id);
    expect(existsSync(resolver)).toBe(false);
    expect(existsSync(join(host.stateDir, 'endpoints', `${endpoint.id}.json`))).toBe(false);
  });

  test('one that is detached is gone, inside and outside', async () => {
    const [{ host, target, endpoint }] = targets as [(typeof targets)[0]];
    await weft(host, 'detach', endpoint.names[0] ?? '');
    expect(await target.ipJson('link show')).toHaveLength(1);
    expect((await list(host)).map(({ id }) => id)).not.toContain(endpoint.id);
    const hostLink = endpoint.hostLink ?? '';
    expect(JSON.stringify(await host.ipJson('link show'))).not.toContain(hostLink);
    await removeTarget(target);
  });
});

describe('a network of both families', () => {
  let lab: Lab;
  beforeAll(async () => {
    const both = { EnableIPv6: true, IPv6Network: 'fd00:5::/48' };
    ({ lab } = await readyLab(2, { ...NETWORK, ...both }));
  });
  afterAll(() => lab?.close());

  test('gives an address of each, and both reach the other host', async () => {
    const targets = await Promise.all(lab.hosts.map((host) => makeTarget(host, 'both')));
    // As containers often are.
    await targets[0]?.setSysctls({ 'net.ipv6.conf.default.disable_ipv6': 1 });
    const endpoints = await Promise.all(
      lab.hosts.map((host, i) => attach(host, targets[i] as Namespace)),
    );
    const [v4, v6] = endpoints[1]?.addresses ?? [];
    expect([v4, v6]).toEqual([
      expect.stringMatching(/^10\.5\./),
      expect.stringMatching(/^fd00:5:/),
    ]);
    for (const address of [v4, v6]) {
      const { code, stdout } =
        (await targets[0]?.exec('ping', ['-c2', '-W2', address ?? ''])) ?? {};
      expect({ address, code, stdout }).toMatchObject({ code: 0 });
    }
  });
});

describe('ten hosts', () => {
  let lab: Lab;
  let daemons: Weftd[];
  beforeAll(async () => void ({ lab, daemons } = await readyLab(10)));
  afterAll(() => lab?.close());

  test('each knows soon of what another attaches and detaches, and of nothing of one that dies', async () => {
    const clients = await Promise.all(lab.hosts.map(({ socket }) => connectControl(socket)));
    const watches = clients.map((client) => new Watch(client));
    await Promise.all(watches.map((watch) => watch.complete));
    for (const [i, host] of lab.hosts.entries())
      for (const name of ['stays', 'goes']) {
        const target = await makeTarget(host, name);
        const client = clients[i] as ControlClient;
        const { id } = await client.endpoint.attach(request(target, `${host.name}-${name}`));
        const key = `${host.name}/${id}`;
        await Promise.all(watches.map((watch) => watch.present(key)));
        if (name === 'stays') continue;
        await client.endpoint.detach(id);
        await Promise.all(watches.map((watch) => watch.absent(key)));
      }
    await daemons[9]?.kill('SIGKILL');
    const watch = watches[0] as Watch;
    await watch.until(() => ![...watch.keys].some((key) => key.startsWith('h10/')));
    expect([...watch.keys].filter((key) => key.startsWith('h9/'))).toHaveLength(1);
    daemons[9] = await lab.host(10).startWeftd().waitReady();
    await watch.until(() => [...watch.keys].filter((key) => key.startsWith('h10/')).length === 1);
    for (const client of clients) client.close();
  });
});

describe('many at once', () => {
  let lab: Lab;
  beforeAll(async () => void ({ lab } = await readyLab(3)));
  afterAll(() => lab?.close());

  test('a hundred on each of three hosts, then none: no address twice, and nothing stays', async () => {
    const clients = await Promise.all(lab.hosts.map(({ socket }) => connectControl(socket)));
    const targets = await Promise.all(
      lab.hosts.map((host) =>
        Promise.all(Array.from({ length: 100 }, (_, i) => makeTarget(host, `m${i}`))),
      ),
    );
    const each = <T>(
      work: (client: ControlClient, target: Namespace, name: string) => Promise<T>,
    ) =>
      Promise.all(
        clients.flatMap((client, host) =>
          (targets[host] ?? []).map((target, i) => work(client, target, `h${host + 1}-m${i}`)),
        ),
      );
    const endpoints = await each((client, target, name) =>
      client.endpoint.attach(request(target, name)),
    );
    const addresses = endpoints.map(({ addresses: [address = ''] }) => address);
    expect(new Set(addresses).size).toBe(300);
    expect(addresses.filter((address) => /\.(0|1|255)$/.test(address))).toEqual([]);
    const inside = await each(
      async (_client, target) => await target.ip('-4 -br address show eth0'),
    );
    inside.forEach((text, i) => expect(text).toContain(` ${addresses[i]}/24`));
    await each((client, target) => client.endpoint.detach(`netns:${target.netns}`));
    for (const host of lab.hosts) expect(await traces(host)).toEqual(NOTHING);
    for (const client of clients) client.close();
  });
});
