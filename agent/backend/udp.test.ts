import { expect, test } from 'vitest';
import { describe as line } from '../state/resource.ts';
import { backendSuite, hostFacts, only, peerLease, publishFor, underlay } from './backend.suite.ts';
import { createBackend } from './backends.ts';
import type { Family } from '../ip/address.ts';

backendSuite('udp', {}, [[4]]);

function meshOf(families: Family[], options: object = {}, below = underlay) {
  const config = { type: 'udp', options: { ...options } };
  const backend = createBackend(config);
  const facts = hostFacts(config, families, below);
  const published = publishFor(backend, facts);
  return {
    backend,
    published,
    mesh: backend.plan(facts, published),
    lease: peerLease(backend, facts, 37),
  };
}

test('device, routes and MTU are those of flanneld', () => {
  const { backend, published, mesh, lease } = meshOf([4]);
  expect(backend.notice).toMatch(/for debugging only; set Backend.Type/);
  expect(mesh.mtu).toBe(1472);
  expect(published).toEqual({ publicAddresses: { 4: '192.168.77.1' }, backendType: 'udp' });
  expect(mesh.host.map(line)).toEqual([
    'link flannel0 udp listen 192.168.77.1:8285 mtu 1472',
    'sysctl net/ipv6/conf/flannel0/accept_ra=0',
    'address 10.5.1.0/32 dev flannel0',
    'route 10.5.0.0/16 dev flannel0',
  ]);
  expect(mesh.peer(lease).resources.map(line)).toEqual([
    'route 10.5.37.0/24 via 192.168.77.37 dev flannel0 onlink',
  ]);
});

test('the port is that of the options, 0 meaning the usual one', () => {
  expect(meshOf([4], { Port: 9999 }).mesh.host[0]).toMatchObject({ listen: '192.168.77.1:9999' });
  expect(meshOf([4], { port: 0 }).mesh.host[0]).toMatchObject({ listen: '192.168.77.1:8285' });
  expect(() => createBackend({ type: 'udp', options: { Port: 65_536 } })).toThrow(
    /Backend.Port must be a whole number from 0 to 65535/,
  );
});

test("flanneld's own leases, which have no type, are taken", () => {
  const { mesh, lease } = meshOf([4]);
  expect(mesh.peer({ ...lease, backendType: '' })).toEqual(mesh.peer(lease));
});

test('carries no IPv6, and says what does', () => {
  const { mesh, lease } = meshOf([4, 6]);
  const { resources, problem } = mesh.peer(lease);
  expect(resources).toHaveLength(1);
  expect(problem).toMatch(/udp does not carry: set Backend.Type to vxlan/);
});

test('a host without IPv4 on its underlay makes no device, and says so of each peer', () => {
  const addresses = only(underlay.addresses, [6]);
  const below = { ...underlay, addresses, publicAddresses: addresses };
  const { mesh, lease } = meshOf([4], {}, below);
  expect(mesh.host).toEqual([]);
  expect(mesh.peer(lease)).toEqual({
    resources: [],
    problem: 'needs an IPv4 address on the underlay of this host',
  });
});
