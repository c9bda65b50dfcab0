import { expect, test } from 'vitest';
import { hostFacts, peerLease, publishFor } from '../backend/backend.suite.ts';
import { createBackend } from '../backend/backends.ts';
import type { MemberView } from '../gossip/member.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import { keyOf, type Link, type Resource, type WireguardPeer } from '../state/resource.ts';
import { apiPeer, type PeerFacts, type PeerSources } from './peer-rows.ts';

/** Of host 2, as host 1 with that backend sees it. */
function peerOf(type: string): { facts: PeerFacts; sources: PeerSources; resources: Resource[] } {
  const backend = createBackend({ type, options: {} });
  const host = hostFacts({ type, options: {} }, [4]);
  const plan = backend.plan(host, publishFor(backend, host));
  const lease = peerLease(backend, host, 2);
  const { resources } = plan.peer(lease);
  const key = '10.5.2.0-24';
  const row = {
    key,
    createRevision: 1,
    modRevision: 1,
    leaseId: '7',
    subnets: lease.subnets,
    lease,
  };
  const links = plan.host.filter((each): each is Link => each.kind === 'link');
  const view = { lease, backend: type, mtu: plan.mtu, resources };
  const none = { note: undefined, member: undefined, changingTo: undefined, way: {} };
  return {
    facts: { row, view, ...none },
    sources: {
      link: (name) => links.find((link) => link.name === name),
      session: () => undefined,
      refused: new Map(),
    },
    resources: [...resources],
  };
}

test.each([
  ['vxlan', '192.168.77.2:8472', 1450],
  ['host-gw', '192.168.77.2', 1500],
  ['ipip', '192.168.77.2', 1480],
  ['gre', '192.168.77.2', 1476],
  ['wireguard', '192.168.77.2:51820', 1420],
])('%s: the way there', (type, endpoint, mtu) => {
  const { facts, sources } = peerOf(type);
  const peer = apiPeer(facts, sources);
  expect(peer).toMatchObject({ key: '10.5.2.0-24', backend: type, endpoint, mtu, problems: [] });
});

test('WireGuard: what the device says of the session', () => {
  const { facts, sources, resources } = peerOf('wireguard');
  const peer = resources.find((each) => each.kind === 'wireguard-peer') as WireguardPeer;
  const moved = { ...peer, endpoint: '198.51.100.2:40000' as SocketAddress };
  const session = { peer: moved, handshake: 1_700_000_000, receivedBytes: 10, sentBytes: 20 };
  expect(apiPeer(facts, { ...sources, session: () => session })).toMatchObject({
    endpoint: '198.51.100.2:40000',
    lastHandshake: new Date(1_700_000_000_000),
    receivedBytes: 10,
    sentBytes: 20,
    problems: [],
  });
  const silent = apiPeer(facts, { ...sources, session: () => ({ ...session, handshake: 0 }) });
  expect(silent.lastHandshake).toBeUndefined();
  expect(silent.problems).toEqual([expect.stringMatching(/^answers no handshake: /)]);
});

test('what is wrong: the backend’s word, the kernel’s, the lease’s, and gossip’s', () => {
  const { facts, sources, resources } = peerOf('vxlan');
  const route = resources.find(({ kind }) => kind === 'route')!;
  const refused = new Map([[keyOf(route), 'the kernel says no']]);
  const member = { name: 'h2', status: 'failed' } as MemberView;
  const view = { ...facts.view!, problem: 'has no address' };
  const all = { ...facts, view, note: 'it is odd', member, changingTo: 'ipip' };
  expect(apiPeer(all, { ...sources, refused })).toMatchObject({
    host: 'h2',
    problems: [
      'has no address',
      'it is odd',
      'the kernel says no',
      'changes to ipip, and is reached as before until this host does too',
      'does not answer gossip',
    ],
  });
});

test('a lease that is not in force has no way, and says why', () => {
  const { facts, sources } = peerOf('vxlan');
  const peer = apiPeer({ ...facts, view: undefined, note: 'it overlaps' }, sources);
  expect(peer).toEqual({ key: '10.5.2.0-24', subnets: ['10.5.2.0/24'], problems: ['it overlaps'] });
});

test('a peer that is reached by no backend has none', () => {
  const { facts, sources } = peerOf('vxlan');
  const view = { ...facts.view!, resources: [], problem: 'publishes backend ipip' };
  const peer = apiPeer({ ...facts, view }, sources);
  expect([peer.backend, peer.endpoint, peer.problems]).toEqual([
    undefined,
    undefined,
    [view.problem],
  ]);
});

test('the reason of a backend that chooses is told', () => {
  const { facts, sources } = peerOf('vxlan');
  const choice = { backend: 'host-gw', reason: 'it is on the same link' };
  const peer = apiPeer({ ...facts, view: { ...facts.view!, choice } }, sources);
  expect(peer).toMatchObject(choice);
});
