import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { describe as line } from '../state/resource.ts';
import { backendSuite, hostFacts, peerLease, publishFor } from './backend.suite.ts';
import { createBackend } from './backends.ts';

backendSuite('host-gw');

const config = { type: 'host-gw', options: {} };
const backend = createBackend(config);

test('a peer on the link is a gateway; the workloads keep the whole MTU', () => {
  const facts = hostFacts(config, [4, 6]);
  const mesh = backend.plan(facts, publishFor(backend, facts));
  expect(mesh.mtu).toBe(1500);
  expect(mesh.peer(peerLease(backend, facts, 2)).resources.map(line)).toEqual([
    'route 10.5.2.0/24 via 192.168.77.2 dev eth0',
    'route fd00:5:0:2::/64 via fd77::2 dev eth0',
  ]);
});

test('a peer behind a gateway cannot be reached, and the plan says so', () => {
  const facts = hostFacts(config, [4]);
  const mesh = backend.plan(facts, publishFor(backend, facts));
  const lease = {
    ...peerLease(backend, facts, 2),
    publicAddresses: { 4: address('198.51.100.7') },
  };
  expect(mesh.peer(lease)).toEqual({
    resources: [],
    problem: '198.51.100.7 is not on a link of this host',
  });
});
