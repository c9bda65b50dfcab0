import { describe, expect, test } from 'vitest';
import { address, type Family } from '../ip/address.ts';
import { describe as line } from '../state/resource.ts';
import { backendSuite, hostFacts, only, peerLease, publishFor, underlay } from './backend.suite.ts';
import { createBackend } from './backends.ts';

for (const options of [{}, { DirectRouting: true }]) {
  backendSuite('ipip', options, [[4]]);
  backendSuite('gre', options);
}

function linesOf(type: string, families: Family[], options: object = {}) {
  const config = { type, options: { ...options } };
  const backend = createBackend(config);
  const facts = hostFacts(config, families);
  const published = publishFor(backend, facts);
  const mesh = backend.plan(facts, published);
  const lease = peerLease(backend, facts, 37);
  const plan = mesh.peer(lease);
  const [host, peer] = [mesh.host, plan.resources].map((resources) => resources.map(line));
  return { mesh, published, host, peer, plan, lease };
}

describe('ipip', () => {
  test('is flanneld to the letter', () => {
    const { mesh, published, host, peer } = linesOf('ipip', [4]);
    expect(mesh.mtu).toBe(1480);
    expect(published).toEqual({ publicAddresses: { 4: '192.168.77.1' }, backendType: 'ipip' });
    expect(host).toEqual([
      'link flannel.ipip ipip local 192.168.77.1 mtu 1480',
      'sysctl net/ipv6/conf/flannel.ipip/accept_ra=0',
      'address 10.5.1.0/32 dev flannel.ipip',
    ]);
    expect(peer).toEqual(['route 10.5.37.0/24 via 192.168.77.37 dev flannel.ipip onlink']);
  });

  test('a direct peer is routed to over the underlay, onlink as flanneld does; one behind a gateway is not', () => {
    const { mesh, peer, lease } = linesOf('ipip', [4], { DirectRouting: true });
    expect(peer).toEqual(['route 10.5.37.0/24 via 192.168.77.37 dev eth0 onlink']);
    const far = mesh.peer({ ...lease, publicAddresses: { 4: address('198.51.100.7') } });
    expect(far.resources.map(line)).toEqual([
      'route 10.5.37.0/24 via 198.51.100.7 dev flannel.ipip onlink',
    ]);
  });

  test('carries no IPv6, and says what does', () => {
    const { host, peer, plan } = linesOf('ipip', [4, 6]);
    expect(host).toHaveLength(3);
    expect(peer).toHaveLength(1);
    expect(plan.problem).toMatch(/ipip does not carry: set Backend.Type to gre or vxlan/);
  });
});

describe('gre', () => {
  test('sends both families to the IPv4 address of the peer', () => {
    const { mesh, published, host, peer } = linesOf('gre', [4, 6]);
    expect(mesh.mtu).toBe(1476);
    expect(published).toEqual({
      publicAddresses: { 4: '192.168.77.1', 6: 'fd77::1' },
      backendType: 'gre',
    });
    expect(host).toEqual([
      'link weft.gre gre local 192.168.77.1 mtu 1476',
      'sysctl net/ipv6/conf/weft.gre/accept_ra=0',
      'address 10.5.1.0/32 dev weft.gre',
      'address fd00:5:0:1::/128 dev weft.gre',
    ]);
    expect(peer).toEqual([
      'neighbour 10.5.37.0 lladdr 192.168.77.37 dev weft.gre',
      'route 10.5.37.0/24 via 10.5.37.0 dev weft.gre onlink',
      'neighbour fd00:5:0:25:: lladdr 192.168.77.37 dev weft.gre',
      'route fd00:5:0:25::/64 via fd00:5:0:25:: dev weft.gre onlink',
    ]);
  });

  test('a host without IPv4 on its underlay makes no device, and says so of each peer', () => {
    const config = { type: 'gre', options: {} };
    const backend = createBackend(config);
    const addresses = only(underlay.addresses, [6]);
    const facts = hostFacts(config, [6], { ...underlay, addresses, publicAddresses: addresses });
    const mesh = backend.plan(facts, publishFor(backend, facts));
    expect(mesh.host).toEqual([]);
    expect(mesh.peer(peerLease(backend, facts, 2))).toMatchObject({
      resources: [],
      problem: 'needs an IPv4 address on the underlay of this host',
    });
  });
});
