import { expect, test } from 'vitest';
import { address, type Address, type Family } from '../ip/address.ts';
import type { PerFamily, Underlay } from '../state/facts.ts';
import { describe as line } from '../state/resource.ts';
import type { PublicKey } from '../state/wireguard.ts';
import { backendSuite, hostFacts, only, peerLease, publishFor, underlay } from './backend.suite.ts';
import { createBackend } from './backends.ts';

const PSK = Buffer.alloc(32, 7).toString('base64');

backendSuite('wireguard');
backendSuite('wireguard', { Mode: 'auto' });
backendSuite('wireguard', { Mode: 'ipv4' });
backendSuite('wireguard', {
  Mode: 'ipv6',
  ListenPort: 1,
  MTU: 9000,
  PSK,
  PersistentKeepaliveInterval: 25,
});

function meshOf(options: object, families: Family[], below = underlay) {
  const config = { type: 'wireguard', options: { ...options } };
  const backend = createBackend(config);
  const facts = hostFacts(config, families, below);
  const published = publishFor(backend, facts);
  const mesh = backend.plan(facts, published);
  return { backend, facts, published, mesh, peer: peerLease(backend, facts, 2) };
}

function on(families: Family[], addresses: PerFamily<Address> = underlay.addresses): Underlay {
  const held = only(addresses, families);
  return { ...underlay, addresses: held, publicAddresses: held };
}

function keyIn({ backendData, backendV6Data }: { backendData?: unknown; backendV6Data?: unknown }) {
  return ((backendData ?? backendV6Data) as { PublicKey: string }).PublicKey;
}

test('with mode separate each family has a device of its own', () => {
  const { mesh, published, peer } = meshOf({}, [4, 6]);
  const [own, key] = [keyIn(published), keyIn(peer)];
  expect(published).toEqual({
    publicAddresses: { 4: '192.168.77.1', 6: 'fd77::1' },
    backendType: 'wireguard',
    backendData: { PublicKey: own, Port: 51_820 },
    backendV6Data: { PublicKey: own, Port: 51_821 },
  });
  expect(mesh.mtu).toBe(1420);
  expect(mesh.host.map(line)).toEqual([
    'link flannel-wg wireguard mtu 1420',
    'sysctl net/ipv6/conf/flannel-wg/accept_ra=0',
    'sysctl net/ipv4/conf/flannel-wg/rp_filter=2',
    `wireguard flannel-wg public-key ${own} listen-port 51820`,
    'link flannel-wg-v6 wireguard mtu 1420',
    'sysctl net/ipv6/conf/flannel-wg-v6/accept_ra=0',
    'sysctl net/ipv4/conf/flannel-wg-v6/rp_filter=2',
    `wireguard flannel-wg-v6 public-key ${own} listen-port 51821`,
    'address 10.5.1.0/32 dev flannel-wg',
    'address fd00:5:0:1::/128 dev flannel-wg-v6',
    'route 10.5.0.0/16 dev flannel-wg',
    'route blackhole 10.5.0.0/16 metric 1000000',
    'route fd00:5::/48 dev flannel-wg-v6',
    'route blackhole fd00:5::/48 metric 1000000',
  ]);
  expect(mesh.peer(peer).resources.map(line)).toEqual([
    `wireguard peer ${key} endpoint 192.168.77.2:51820 allowed-ips 10.5.2.0/24 dev flannel-wg`,
    'route 10.5.2.0/24 dev flannel-wg',
    `wireguard peer ${key} endpoint [fd77::2]:51821 allowed-ips fd00:5:0:2::/64 dev flannel-wg-v6`,
    'route fd00:5:0:2::/64 dev flannel-wg-v6',
  ]);
});

test('where an outer family is missing, workloads of it travel over the other device', () => {
  const { mesh, published, peer } = meshOf({}, [4, 6], on([4]));
  expect(published).not.toHaveProperty('backendV6Data');
  expect(mesh.peer(peer).resources.map(line)).toEqual([
    `wireguard peer ${keyIn(peer)} endpoint 192.168.77.2:51820 ` +
      'allowed-ips 10.5.2.0/24,fd00:5:0:2::/64 dev flannel-wg',
    'route 10.5.2.0/24 dev flannel-wg',
    'route fd00:5:0:2::/64 dev flannel-wg',
  ]);
});

test('one device has one port, told for both families', () => {
  const { mesh, published, peer } = meshOf({ Mode: 'ipv6', ListenPort: 1234 }, [4, 6]);
  const data = { PublicKey: keyIn(published), Port: 1234 };
  expect(published).toMatchObject({ backendData: data, backendV6Data: data });
  expect(mesh.host.map(line).filter((each) => each.startsWith('link '))).toEqual([
    'link flannel-wg wireguard mtu 1420',
  ]);
  const flannelds = {
    ...peer,
    backendData: { PublicKey: keyIn(peer), Port: 51_820 },
    backendV6Data: { PublicKey: keyIn(peer), Port: 51_821 },
  };
  expect(mesh.peer(flannelds).resources.map(line)[0]).toBe(
    `wireguard peer ${keyIn(peer)} endpoint [fd77::2]:51820 ` +
      'allowed-ips 10.5.2.0/24,fd00:5:0:2::/64 dev flannel-wg',
  );
});

test("an old lease without a port means one's own", () => {
  const { mesh, peer } = meshOf({ ListenPort: 777 }, [4]);
  const old = { ...peer, backendData: { publickey: keyIn(peer) } };
  expect(mesh.peer(old).resources.map(line)[0]).toContain(' endpoint 192.168.77.2:777 ');
});

const PUBLIC = { 4: address('203.0.113.1'), 6: address('2001:db8::1') };
const PRIVATE = { 4: address('10.0.0.1'), 6: address('fd00::1') };

test.each([
  [PUBLIC, PUBLIC, 4],
  [PRIVATE, PUBLIC, 4],
  [PUBLIC, PRIVATE, 4],
  [{ 4: PRIVATE[4], 6: PUBLIC[6] }, { 4: PUBLIC[4], 6: PRIVATE[6] }, 4],
  [{ 4: PUBLIC[4], 6: PUBLIC[6] }, { 4: PRIVATE[4], 6: PUBLIC[6] }, 6],
  [{ 4: PUBLIC[4] }, PUBLIC, 4],
  [{ 6: PUBLIC[6] }, PUBLIC, 6],
])('mode auto: to %j from %j goes by IPv%i', (theirs, ours, family) => {
  const { mesh, peer } = meshOf({ Mode: 'auto' }, [4, 6], on([4, 6], ours));
  const [first] = mesh.peer({ ...peer, publicAddresses: theirs }).resources;
  const endpoint = family === 4 ? `${(theirs as typeof PUBLIC)[4]}:` : '[';
  expect(first && line(first)).toContain(` endpoint ${endpoint}`);
});

test('a peer with our own key is told: the device would take it for itself', () => {
  const { mesh, published, peer } = meshOf({}, [4]);
  const { backendData } = published;
  expect(mesh.peer({ ...peer, backendData })).toEqual({
    resources: [],
    problem: "publishes this host's own WireGuard key: give one of the two another for 10.5.2.0/24",
  });
});

test('the preshared key is in no text', () => {
  const { mesh, peer } = meshOf({ PSK, PersistentKeepaliveInterval: 25 }, [4]);
  const [first] = mesh.peer(peer).resources;
  expect(first).toMatchObject({ presharedKey: PSK, keepalive: 25 });
  expect(first && line(first)).toContain(' persistent-keepalive 25 preshared-key (hidden) ');
  const refused = (): unknown =>
    createBackend({ type: 'wireguard', options: { psk: 'swordfish' } });
  expect(refused).toThrow('Backend.PSK must be base64 of 32 bytes, as "wg genpsk" makes it');
});

test.each([
  [{ Mode: 'both' }, 'Backend.Mode must be separate or auto or ipv4 or ipv6, not "both"'],
  [{ ListenPort: 70_000 }, 'Backend.ListenPort must be a whole number from 0 to 65535, not 70000'],
])('%j is refused', (options, sentence) => {
  expect(() => createBackend({ type: 'wireguard', options })).toThrow(sentence);
});

const NEW = Buffer.alloc(32, 9).toString('base64') as PublicKey;
const DETOUR = { publicKey: NEW, ports: { 4: 51_822, 6: 51_823 } };

test('a peer that changes its key is reached by a second device besides, and sees by which one we send', () => {
  const { mesh, published, peer } = meshOf({ PersistentKeepaliveInterval: 25 }, [4]);
  const key = keyIn(peer);
  const out = { ...peer, node: 'n', detour: DETOUR };
  expect(mesh.peer(out, 'main').resources.map(line)).toEqual([
    `wireguard peer ${key} endpoint 192.168.77.2:51820 allowed-ips 10.5.2.0/24 persistent-keepalive 25 dev flannel-wg`,
    'route 10.5.2.0/24 dev flannel-wg',
    `wireguard peer ${NEW} endpoint 192.168.77.2:51822 allowed-ips 10.5.2.0/24 dev weft-detour`,
  ]);
  const taken = `wireguard peer ${NEW} endpoint 192.168.77.2:51822 allowed-ips 10.5.2.0/24 persistent-keepalive 1 dev weft-detour`;
  expect(mesh.peer(out, 'detour').resources.map(line).slice(1)).toEqual([
    taken,
    'route 10.5.2.0/24 dev weft-detour',
  ]);
  const tunnels = { main: [`flannel-wg ${key}`], detour: [`weft-detour ${NEW}`] };
  expect(mesh.aim?.(out)).toEqual({ way: 'detour', when: 'session', since: 0, tunnels });
  const back = { ...out, backendData: { PublicKey: NEW, Port: 51_820 } };
  expect(mesh.aim?.(back)).toMatchObject({ way: 'main', when: 'session' });
  expect(mesh.peer(back, 'main').resources.map(line)[0]).toContain(' persistent-keepalive 1 ');
  expect(mesh.peer(back, 'main').resources.map(line)[2]).not.toContain('keepalive');
  expect(mesh.aim?.(peer)).toBeUndefined();
  expect(mesh.detour?.map(line)).toContain(
    `wireguard weft-detour public-key ${keyIn(published)} listen-port 51822`,
  );
});

test('who changes the own key has it on the second device first, for every peer of weft', () => {
  const { backend, facts, published, peer } = meshOf({}, [4, 6]);
  const rotation = { publicKey: NEW, phase: 'out', since: 7 } as const;
  const mesh = backend.plan({ ...facts, rotation }, published);
  expect(mesh.host.map(line)).toContain(
    `wireguard flannel-wg public-key ${keyIn(published)} listen-port 51820`,
  );
  expect(mesh.detour?.map(line)).toEqual([
    'link weft-detour wireguard mtu 1420',
    'sysctl net/ipv6/conf/weft-detour/accept_ra=0',
    'sysctl net/ipv4/conf/weft-detour/rp_filter=2',
    `wireguard weft-detour public-key ${NEW} listen-port 51822`,
    'link weft-detour-v6 wireguard mtu 1420',
    'sysctl net/ipv6/conf/weft-detour-v6/accept_ra=0',
    'sysctl net/ipv4/conf/weft-detour-v6/rp_filter=2',
    `wireguard weft-detour-v6 public-key ${NEW} listen-port 51823`,
    'address 10.5.1.0/32 dev weft-detour',
    'address fd00:5:0:1::/128 dev weft-detour-v6',
  ]);
  const key = keyIn(peer);
  const tunnels = {
    main: [`flannel-wg ${key}`, `flannel-wg-v6 ${key}`],
    detour: [`weft-detour ${key}`, `weft-detour-v6 ${key}`],
  };
  const ours = { ...peer, node: 'n' };
  expect(mesh.aim?.(ours)).toEqual({ way: 'detour', when: 'sends', since: 0, tunnels });
  expect(mesh.aim?.(peer)).toBeUndefined();
  const back = backend.plan({ ...facts, rotation: { ...rotation, phase: 'back' } }, published);
  expect(back.aim?.(ours)).toEqual({ way: 'main', when: 'sends', since: 7, tunnels });
  const over = backend.plan({ ...facts, rotation: { ...rotation, phase: 'over' } }, published);
  expect(over.aim?.(ours)).toBeUndefined();
  expect(over.peer(ours).resources.map(line)).toContain(
    `wireguard peer ${key} endpoint [fd77::2]:51823 allowed-ips fd00:5:0:2::/64 dev weft-detour-v6`,
  );
});

test.each([
  [{}, { 4: 51_822, 6: 51_823 }],
  [
    { ListenPort: 65_534, ListenPortV6: 5000 },
    { 4: 4999, 6: 4998 },
  ],
])('with ports %j the second devices have %j', (options, ports) => {
  const { backend, facts } = meshOf(options, [4]);
  const told = { families: [4], before: undefined, existing: [] } as const;
  const { underlay } = facts;
  const publicKey = () => NEW;
  expect(backend.publish({ ...told, underlay, publicKey, newKey: NEW }).detour).toEqual({
    publicKey: NEW,
    ports,
  });
});

test.each(['auto', 'ipv6'])(
  'with mode %s the second device has one port, over IPv6 too',
  (Mode) => {
    const { backend, mesh, published, peer } = meshOf({ Mode }, [4, 6], on([6]));
    const told = { families: [4, 6], before: undefined, existing: [] } as const;
    const publicKey = () => NEW;
    const { detour } = backend.publish({ ...told, underlay, publicKey, newKey: NEW });
    expect(detour?.ports).toEqual({ 4: 51_822, 6: 51_822 });
    const changing = { ...peer, node: 'n', ...(detour === undefined ? {} : { detour }) };
    expect(mesh.peer(changing).resources.map(line).join('\n')).toContain(
      `wireguard peer ${NEW} endpoint [fd77::2]:51822 `,
    );
    expect(mesh.detour?.map(line)).toContain(
      `wireguard weft-detour public-key ${keyIn(published)} listen-port 51822`,
    );
  },
);
