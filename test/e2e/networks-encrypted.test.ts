/** A network that is encrypted goes from tunnel to tunnel: nothing of it is on the underlay, and nothing comes off it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import type { Address } from '../../agent/ip/address.ts';
import { attach, SOON } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { createNetwork, forge } from '../lab/networks.ts';
import { iperf, ping } from '../lab/probes.ts';
import { makeTarget } from '../lab/target.ts';
import { capture } from '../lab/watching.ts';

const MESH = { Network: '10.5.0.0/16', Backend: { Type: 'wireguard' } };
const VXLAN = 'udp port 8472';

let lab: Lab;
let hosts: [Host, Host];
/** Who knows the VNI and an endpoint's MAC, and no key. */
let stranger: Host;
const targets = new Map<string, Namespace>();

interface Joined {
  readonly space: Namespace;
  readonly endpoint: Endpoint;
}

beforeAll(async () => {
  lab = await createLab({ nodes: 3, userspaceWireguard: true });
  await lab.startEtcd();
  await lab.configureNetwork(MESH);
  const [first, second, third] = lab.hosts as [Host, Host, Host];
  hosts = [first, second];
  stranger = third;
  // Before weftd starts: with WireGuard in user space it has mounts of its own, and sees no later ones.
  for (const host of hosts)
    for (const network of ['secret', 'open', 'default'])
      targets.set(`${network} ${host.name}`, await makeTarget(host, network));
  await Promise.all(hosts.map((host) => host.startWeftd().waitReady()));
  const secret = { v4: '10.6.0.0/24', v6: 'fd00:6::/64', options: ['encrypted'] };
  await createNetwork({ hosts }, 'secret', secret);
  await createNetwork({ hosts }, 'open', { v4: '10.7.0.0/24' });
});
afterAll(() => lab?.close());

async function join(host: Host, network: string): Promise<Joined> {
  const space = targets.get(`${network} ${host.name}`) as Namespace;
  return { space, endpoint: await attach(host, space, network) };
}

const ends = async (network: string): Promise<[Joined, Joined]> => [
  await join(hosts[0], network),
  await join(hosts[1], network),
];

async function answered({ space }: Joined, { endpoint }: Joined): Promise<void> {
  for (const address of endpoint.addresses)
    await eventually(async () => (await ping(space, address as Address, { count: 1 })).lost === 0, {
      within: SOON,
      what: `${address} answers`,
    });
}

/** From outside the mesh unless from somewhere else, to the endpoint's host unless by another way. */
async function inject(
  vni: number,
  { endpoint, space }: Joined,
  from: Namespace = stranger,
  via: string = hosts[0].address,
): Promise<string[]> {
  const [address = ''] = endpoint.addresses;
  return await forge({ from, via, vni, target: { space, address, mac: endpoint.mac ?? '' } });
}

async function tunnelEnd(host: Host): Promise<string> {
  const [link] = await host.ipJson<{ addr_info: { local: string }[] }>('address show flannel-wg');
  return link?.addr_info[0]?.local ?? '';
}

test('the network reaches its endpoints, and all that is on the wire is WireGuard', async () => {
  const wire = await capture(hosts[0], 'eth0', VXLAN);
  const [here, there] = await ends('secret');
  await answered(here, there);
  const [link] = await here.space.ipJson<{ mtu: number }>('link show eth0');
  expect(link?.mtu).toBe(1370);
  const to = there.endpoint.addresses[0] as Address;
  const whole = await ping(here.space, to, { size: 1370 - 28, wholePackets: true, count: 2 });
  expect(whole.lost).toBe(0);
  expect(await iperf(here.space, there.space, { address: to, bytes: 2e6 })).toBeGreaterThan(0);
  expect(await wire.stop()).toEqual([]);
  expect(await inject(4096, here)).toEqual([]);
  // One that has a tunnel's end for a neighbour, from the leased subnets of the other host.
  const { space } = await join(hosts[1], 'default');
  expect(await inject(4096, here, space, await tunnelEnd(hosts[0]))).toEqual([]);
  expect(await inject(4096, here, space)).toEqual([]);
  const listing = await hosts[0].output('nft', ['list', 'chain', 'inet', 'weft', 'cleartext']);
  expect(listing).toMatch(/0x1000 counter packets [1-9].*of an encrypted network, in the clear/);
});

test('one that is not encrypted goes by the underlay, where a stranger can send to it', async () => {
  const [here, there] = await ends('open');
  const wire = await capture(hosts[0], 'eth0', VXLAN);
  await answered(here, there);
  expect((await wire.stop()).length).toBeGreaterThan(0);
  expect((await inject(4097, here)).length).toBeGreaterThan(0);
});
