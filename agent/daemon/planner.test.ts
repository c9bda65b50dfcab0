import { expect, test } from 'vitest';
import { hostFacts, peerLease, publishFor } from '../backend/backend.suite.ts';
import type { Backend } from '../backend/backend.ts';
import { createBackend } from '../backend/backends.ts';
import { prefix } from '../ip/prefix.ts';
import { DesiredState } from '../state/desired.ts';
import { describe as line } from '../state/resource.ts';
import type { PublicKey } from '../state/wireguard.ts';
import { Planner, type LeaseChange } from './planner.ts';

const config = { type: 'vxlan', options: {} };
const backend = createBackend(config);
const facts = hostFacts(config, [4]);
const quiet = { masquerade: false, fullyRandom: false, forwardRules: false, blackholeRoute: false };

function planner(firewall = quiet) {
  const state = new DesiredState();
  const sets: string[] = [];
  const target = {
    set: (slice: string, resources: Parameters<DesiredState['set']>[1]) => {
      sets.push(slice);
      state.set(slice, resources);
    },
  };
  const lines = () => [...state.entries()].map(([, resource]) => line(resource));
  return {
    planner: new Planner({ target, firewall, turn: async () => {}, seconds: () => 0 }),
    lines,
    sets,
  };
}
const put = (host: number): LeaseChange => ({
  type: 'put',
  id: `key ${host}`,
  lease: peerLease(backend, facts, host),
});

test('leases that come before the mesh are planned with it; later ones cost only their own slice', async () => {
  const world = planner();
  world.planner.change([put(2), put(3)]);
  expect(world.lines()).toEqual([]);
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  expect(world.lines().filter((each) => each.startsWith('route'))).toHaveLength(2);
  world.sets.length = 0;
  world.planner.change([put(4)]);
  expect(world.sets).toEqual(['peer key 4']);
});

test('peers that a new listing does not have are forgotten', async () => {
  const world = planner();
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  world.planner.change([put(2), put(3)]);
  world.planner.retain(new Set(['key 3']));
  expect(world.lines().filter((each) => each.startsWith('route'))).toEqual([
    'route 10.5.3.0/24 via 10.5.3.0 dev flannel.1 onlink',
  ]);
  expect(world.planner.peerCount).toBe(1);
});

test('another subnet of our own plans everything anew', async () => {
  const world = planner();
  world.planner.change([put(2)]);
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  const moved = { ...facts, subnets: { 4: prefix('10.5.9.0/24') } };
  await world.planner.setMesh(backend, moved, publishFor(backend, moved));
  expect(world.lines()).toContain('address 10.5.9.0/32 dev flannel.1');
  expect(world.lines()).not.toContain('address 10.5.1.0/32 dev flannel.1');
});

test('the chain that counts for forwarding is followed', async () => {
  const world = planner({ ...quiet, forwardRules: true });
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  world.planner.setForwardChains({ 4: 'FORWARD' });
  expect(world.lines().filter((each) => each.startsWith('iptables FORWARD'))).toHaveLength(2);
  world.planner.setForwardChains({ 4: 'DOCKER-USER' });
  expect(world.lines().filter((each) => each.startsWith('iptables FORWARD'))).toEqual([]);
  expect(world.lines().filter((each) => each.startsWith('iptables DOCKER-USER'))).toHaveLength(2);
});

test('while backends change, a peer is reached by what it publishes, until the former mesh is dropped', async () => {
  const direct = createBackend({ type: 'host-gw', options: {} });
  const world = planner();
  const routes = () => world.lines().filter((each) => each.startsWith('route'));
  world.planner.change([put(2), put(3)]);
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  const before = world.lines();
  await world.planner.setMesh(direct, facts, publishFor(direct, facts));
  expect(world.lines()).toEqual(before);
  expect([...world.planner.problems]).toEqual([]);
  const lease = peerLease(direct, facts, 2);
  world.planner.change([{ type: 'put', id: 'key 2', lease }]);
  expect(routes()).toEqual([
    'route 10.5.2.0/24 via 192.168.77.2 dev eth0',
    'route 10.5.3.0/24 via 10.5.3.0 dev flannel.1 onlink',
  ]);
  await world.planner.dropFormer('vxlan');
  expect(world.lines()).toEqual(['route 10.5.2.0/24 via 192.168.77.2 dev eth0']);
  expect([...world.planner.problems.keys()]).toEqual(['key 3']);
});

test('a former mesh of WireGuard takes packets of a peer that has changed over, until it is dropped', async () => {
  const world = planner();
  const tunnels = createBackend({ type: 'wireguard', options: {} });
  const lease = peerLease(tunnels, facts, 2);
  await world.planner.setMesh(tunnels, facts, publishFor(tunnels, facts));
  world.planner.change([{ type: 'put', id: 'key 2', lease }]);
  const peers = () => world.lines().filter((each) => each.startsWith('wireguard peer '));
  const routes = () => world.lines().filter((each) => each.startsWith('route 10.5.2.0/24 '));
  const before = peers();
  expect(before).toHaveLength(1);
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  expect([peers(), routes()]).toEqual([before, ['route 10.5.2.0/24 dev flannel-wg']]);
  world.planner.change([put(2)]);
  const changed = ['route 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink'];
  expect([peers(), routes()]).toEqual([before, changed]);
  expect(world.lines()).toContain('route blackhole 10.5.0.0/16 metric 1000000');
  await world.planner.dropFormer('wireguard');
  expect([peers(), routes()]).toEqual([[], changed]);
  expect(world.lines().join()).not.toContain('blackhole');
});

const NEW_KEY = Buffer.alloc(32, 9).toString('base64') as PublicKey;

test.each(['we change our key', 'a peer changes its key'])(
  'a change of backend while %s leaves both ways open until the former mesh is dropped',
  async (who) => {
    const world = planner();
    const tunnels = createBackend({ type: 'wireguard', options: {} });
    const isOurs = who.startsWith('we');
    const rotation = { publicKey: NEW_KEY, phase: 'out', since: 0 } as const;
    const detour = { publicKey: NEW_KEY, ports: { 4: 51_822, 6: 51_823 } };
    const changing = isOurs ? { ...facts, rotation } : facts;
    const lease = { ...peerLease(tunnels, facts, 2), node: 'n', ...(isOurs ? {} : { detour }) };
    await world.planner.setMesh(tunnels, changing, publishFor(tunnels, facts));
    world.planner.change([{ type: 'put', id: 'key 2', lease }]);
    const open = () => world.lines().filter((each) => /^(link|wireguard) .*(wg|detour)/.test(each));
    const before = open();
    expect(before.join()).toContain('weft-detour');
    expect(before.filter((each) => each.startsWith('wireguard peer '))).toHaveLength(2);
    await world.planner.setMesh(backend, facts, publishFor(backend, facts));
    expect(open()).toEqual(before);
    world.planner.change([put(2)]);
    expect(new Set(open())).toEqual(new Set(before));
    await world.planner.dropFormer('wireguard');
    expect(open()).toEqual([]);
  },
);

test('each peer keeps the mesh that its lease names, however often the backend changes', async () => {
  const world = planner();
  const meshes = ['vxlan', 'wireguard', 'host-gw'].map((type) =>
    createBackend({ type, options: {} }),
  );
  const [vxlan, wireguard, direct] = meshes as [Backend, Backend, Backend];
  const lease = peerLease(wireguard, facts, 3);
  world.planner.change([put(2), put(3)]);
  await world.planner.setMesh(vxlan, facts, publishFor(vxlan, facts));
  await world.planner.setMesh(wireguard, facts, publishFor(wireguard, facts));
  world.planner.change([{ type: 'put', id: 'key 3', lease }]);
  await world.planner.setMesh(direct, facts, publishFor(direct, facts));
  const routes = () => world.lines().filter((each) => /^route 10\.5\.[23]\./.test(each));
  const both = [
    'route 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink',
    'route 10.5.3.0/24 dev flannel-wg',
  ];
  expect(routes()).toEqual(both);
  expect([...world.planner.formers]).toEqual([
    ['vxlan', 1],
    ['wireguard', 1],
  ]);
  await world.planner.setMesh(vxlan, facts, publishFor(vxlan, facts));
  expect(routes()).toEqual(both);
  expect([...world.planner.formers.keys()]).toEqual(['wireguard', 'host-gw']);
});

test('flanneld’s leases without a type stay on the former mesh of udp; weft’s, which are of alloc, do not', async () => {
  const slow = createBackend({ type: 'udp', options: {} });
  const world = planner();
  const untyped = (host: number, node?: string): LeaseChange => {
    const lease = { ...peerLease(slow, facts, host), backendType: '' };
    return {
      type: 'put',
      id: `key ${host}`,
      lease: { ...lease, ...(node !== undefined && { node }) },
    };
  };
  const routes = () => world.lines().filter((each) => /^route 10\.5\.[23]\.0\/24 /.test(each));
  await world.planner.setMesh(slow, facts, publishFor(slow, facts));
  world.planner.change([untyped(2), untyped(3, 'a')]);
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  expect(routes()).toEqual([expect.stringMatching(/^route 10\.5\.2\.0\/24 .* dev flannel0 /)]);
  expect([...world.planner.formers]).toEqual([['udp', 1]]);
  expect([...world.planner.problems.keys()]).toEqual(['key 3']);
  world.planner.change([put(2)]);
  expect(routes()).toEqual(['route 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink']);
  expect([...world.planner.formers]).toEqual([['udp', 0]]);
  world.planner.change([untyped(2), { type: 'remove', id: 'key 2' }]);
  expect([...world.planner.formers]).toEqual([['udp', 0]]);
});

test('a small path makes the MTU of the peer’s routes smaller, and only those', async () => {
  const world = planner();
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  world.planner.change([put(2), put(3)]);
  world.sets.length = 0;
  world.planner.setPathMtu('key 2', 1400);
  world.planner.setPathMtu('key 2', 1400);
  world.planner.setPathMtu('key 9', 1400);
  expect(world.sets).toEqual(['peer key 2']);
  const routes = () => world.lines().filter((each) => each.startsWith('route'));
  expect(routes()).toEqual([
    'route 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink mtu 1350',
    'route 10.5.3.0/24 via 10.5.3.0 dev flannel.1 onlink',
  ]);
  expect([world.planner.peer('key 2')?.mtu, world.planner.peer('key 3')?.mtu]).toEqual([
    1350, 1450,
  ]);
  // The lease comes again: the path is as it was.
  world.planner.change([put(2)]);
  expect(routes()[0]).toContain('mtu 1350');
  world.planner.setPathMtu('key 2', undefined);
  expect(routes()[0]).not.toContain('mtu');
});

test('what comes in the clear is dropped only when no peer can send by a former mesh any more', async () => {
  const auto = createBackend({ type: 'auto', options: {} });
  const world = planner();
  const closed = () => world.lines().filter((each) => each.startsWith('nftables')).length > 0;
  await world.planner.setMesh(backend, facts, publishFor(backend, facts));
  world.planner.change([put(2)]);
  await world.planner.setMesh(auto, facts, publishFor(auto, facts));
  expect(closed()).toBe(false);
  const lease = peerLease(auto, facts, 2);
  world.planner.change([{ type: 'put', id: 'key 2', lease }]);
  expect(closed()).toBe(false);
  await world.planner.dropFormer('vxlan');
  expect(closed()).toBe(true);
});
