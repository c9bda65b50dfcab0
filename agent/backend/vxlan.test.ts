import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { mac } from '../ip/mac.ts';
import type { Underlay } from '../state/facts.ts';
import { describe as line, type Link, type VxlanLink } from '../state/resource.ts';
import { backendSuite, hostFacts, only, peerLease, publishFor, underlay } from './backend.suite.ts';
import { createBackend } from './backends.ts';

backendSuite('vxlan');
backendSuite('vxlan', { DirectRouting: true });
backendSuite('vxlan', { VNI: 42, Port: 4789, GBP: true, Learning: true, MTU: 9000 });

const config = { type: 'vxlan', options: {} };
const backend = createBackend(config);
const v4Only = {
  ...underlay,
  addresses: only(underlay.addresses, [4]),
  publicAddresses: only(underlay.addresses, [4]),
};
const v6Only = {
  ...underlay,
  addresses: only(underlay.addresses, [6]),
  publicAddresses: only(underlay.addresses, [6]),
};

function lines(families: (4 | 6)[], below: Underlay) {
  const facts = hostFacts(config, families, below);
  const published = publishFor(backend, facts);
  const mesh = backend.plan(facts, published);
  const there = (host: number): Underlay => ({
    ...below,
    publicAddresses: only(
      { 4: address(`192.168.77.${host}`), 6: address(`fd77::${host}`) },
      below === v4Only ? [4] : [6],
    ),
  });
  const lease = {
    ...peerLease(backend, facts, 2),
    ...publishFor(backend, { ...facts, underlay: there(2) }),
  };
  return {
    mtu: mesh.mtu,
    host: mesh.host.map(line),
    peer: mesh.peer(lease).resources.map(line),
    published,
  };
}

test('a v4 network over a v4 underlay is flanneld to the letter', () => {
  const facts = hostFacts(config, [4]);
  const published = {
    ...publishFor(backend, facts),
    backendData: { VNI: 1, VtepMAC: '32:f8:32:99:e3:ad' },
  };
  const mesh = backend.plan(facts, published);
  expect(mesh.mtu).toBe(1450);
  expect(mesh.host.map(line)).toEqual([
    'link flannel.1 vxlan id 1 local 192.168.77.1 dev eth0 dstport 8472 mtu 1450 address 32:f8:32:99:e3:ad',
    'sysctl net/ipv6/conf/flannel.1/accept_ra=0',
    'address 10.5.1.0/32 dev flannel.1',
  ]);
  const lease = {
    ...peerLease(backend, facts, 37),
    backendData: { VNI: 1, VtepMAC: 'A6:6A:FC:BA:F0:41' },
  };
  expect(mesh.peer(lease).resources.map(line)).toEqual([
    'neighbour 10.5.37.0 lladdr a6:6a:fc:ba:f0:41 dev flannel.1',
    'fdb a6:6a:fc:ba:f0:41 dst 192.168.77.37 dev flannel.1',
    'route 10.5.37.0/24 via 10.5.37.0 dev flannel.1 onlink',
  ]);
});

test('IPv6 workloads cross a v4 underlay on the v4 device', () => {
  const { mtu, host, peer, published } = lines([6], v4Only);
  expect(mtu).toBe(1450);
  expect(published.publicAddresses).toEqual({ 4: '192.168.77.1' });
  expect(host).toContain('address fd00:5:0:1::/128 dev flannel.1');
  expect(peer[2]).toBe('route fd00:5:0:2::/64 via fd00:5:0:2:: dev flannel.1 onlink');
  expect(peer[1]).toMatch(/^fdb .* dst 192\.168\.77\.2 dev flannel\.1$/);
});

test('a dual-stack network crosses a v6 underlay on one device, with one FDB entry for both families', () => {
  const { mtu, host, peer } = lines([4, 6], v6Only);
  expect(mtu).toBe(1430);
  expect(host.filter((each) => each.startsWith('link'))).toHaveLength(1);
  expect(host).toContain('address 10.5.1.0/32 dev flannel-v6.1');
  expect(peer.filter((each) => each.startsWith('fdb'))).toHaveLength(1);
  expect(peer.filter((each) => each.startsWith('route'))).toHaveLength(2);
});

test('a direct peer is routed to without a tunnel; one behind a gateway is not', () => {
  const direct = createBackend({ type: 'vxlan', options: { DirectRouting: true } });
  const facts = hostFacts(config, [4]);
  const mesh = direct.plan(facts, publishFor(direct, facts));
  const near = peerLease(direct, facts, 2);
  expect(mesh.peer(near).resources.map(line)).toEqual([
    'route 10.5.2.0/24 via 192.168.77.2 dev eth0',
  ]);
  const far = { ...near, publicAddresses: { 4: address('198.51.100.7') } };
  expect(mesh.peer(far).resources.map(({ kind }) => kind)).toEqual(['neighbour', 'fdb', 'route']);
});

test('the MAC is that of a device that stays, else that of our lease, else always the same one', () => {
  const publicKey = (): never => expect.unreachable('asks for a key');
  const facts = { underlay, families: [4] as const, before: undefined, existing: [], publicKey };
  const fresh = backend.publish(facts);
  expect(backend.publish(facts)).toEqual(fresh);
  const before = {
    ...peerLease(backend, hostFacts(config, [4]), 1),
    backendData: { VtepMAC: '02:aa:00:00:00:01' },
  };
  expect(backend.publish({ ...facts, before }).backendData).toEqual({
    VNI: 1,
    VtepMAC: '02:aa:00:00:00:01',
  });
  const device = backend.plan(hostFacts(config, [4]), fresh).host[0] as VxlanLink;
  const kept: Link[] = [{ ...device, mac: mac('02:bb:00:00:00:01'), mtu: 1400 }];
  expect(backend.publish({ ...facts, before, existing: kept }).backendData).toMatchObject({
    VtepMAC: '02:bb:00:00:00:01',
  });
  const remade: Link[] = [{ ...device, mac: mac('02:bb:00:00:00:01'), vni: 7 }];
  expect(backend.publish({ ...facts, before, existing: remade }).backendData).toMatchObject({
    VtepMAC: '02:aa:00:00:00:01',
  });
});

test.each([
  [{ VNI: 0 }, 'Backend.VNI must be a whole number from 1 to 16777215, not 0'],
  [{ port: 'x' }, 'Backend.Port must be a whole number from 0 to 65535, not "x"'],
  [{ gbp: 1 }, 'Backend.GBP must be true or false, not 1'],
])('options %j are refused in one sentence', (options, message) => {
  expect(() => createBackend({ type: 'vxlan', options })).toThrow(message);
});

test('an unknown backend is refused with those that exist', () => {
  expect(() => createBackend({ type: 'ipsec', options: {} })).toThrow(/"ipsec".*vxlan or host-gw/);
});
