import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { hostFacts, peerLease, publishFor } from './backend.suite.ts';
import { createBackend } from './backends.ts';

const config = {
  type: 'extension',
  options: {
    PreStartupCommand: 'make-key',
    PostStartupCommand: 'announce $SUBNET',
    SubnetAddCommand: 'ip route replace $SUBNET via $PUBLIC_IP',
    SubnetRemoveCommand: 'ip route delete $SUBNET',
  },
};
const backend = createBackend(config);

test('the output of the first command is in the lease, and the addresses are the interface’s own', () => {
  expect(backend.startup).toBe('make-key');
  const { underlay } = hostFacts(config, [4]);
  const publicKey = (): never => expect.unreachable('asks for a key');
  const facts = { underlay, before: undefined, existing: [], publicKey, startupOutput: 'a key' };
  const elsewhere = { ...underlay, publicAddresses: { 4: address('203.0.113.9') } };
  for (const below of [underlay, elsewhere])
    expect(backend.publish({ ...facts, underlay: below, families: [4] })).toEqual({
      publicAddresses: { 4: '192.168.77.1' },
      backendType: 'extension',
      backendData: 'a key',
    });
});

test('a host has the command after the lease, a peer those of its subnet, with flanneld’s variables', () => {
  const facts = hostFacts(config, [4]);
  const mesh = backend.plan(facts, publishFor(backend, facts));
  expect(mesh.mtu).toBe(1500);
  expect(mesh.host).toEqual([
    {
      kind: 'command',
      subject: 'this host',
      line: 'announce $SUBNET',
      undo: '',
      environment: {
        NETWORK: '10.5.0.0/16',
        SUBNET: '10.5.1.0/24',
        IPV6SUBNET: '',
        PUBLIC_IP: '192.168.77.1',
        PUBLIC_IPV6: '',
      },
      input: '',
    },
  ]);
  const lease = { ...peerLease(backend, facts, 2), backendData: 'its key' };
  expect(mesh.peer(lease)).toEqual({
    resources: [
      {
        kind: 'command',
        subject: '10.5.2.0/24',
        line: 'ip route replace $SUBNET via $PUBLIC_IP',
        undo: 'ip route delete $SUBNET',
        environment: { SUBNET: '10.5.2.0/24', PUBLIC_IP: '192.168.77.2' },
        input: 'its key',
      },
    ],
  });
  expect(mesh.peer(lease)).toEqual(mesh.peer(lease));
});

test('a dual-stack network adds the variables of IPv6', () => {
  const facts = hostFacts(config, [4, 6]);
  const mesh = backend.plan(facts, publishFor(backend, facts));
  expect(mesh.host).toMatchObject([
    { environment: { IPV6SUBNET: 'fd00:5:0:1::/64', PUBLIC_IPV6: 'fd77::1' } },
  ]);
  const [command] = mesh.peer(peerLease(backend, facts, 2)).resources;
  expect(command).toMatchObject({
    subject: '10.5.2.0/24 fd00:5:0:2::/64',
    environment: { IPV6SUBNET: 'fd00:5:0:2::/64', PUBLIC_IPV6: 'fd77::2' },
  });
});

test.each([
  [{ backendType: 'vxlan' }, 'publishes backend vxlan, and this host runs extension'],
  [{ backendData: { key: 1 } }, 'publishes data that are not a text'],
  [{ publicAddresses: {} }, 'publishes no address'],
])('a lease with %j is told, and nothing is run', (what, problem) => {
  const facts = hostFacts(config, [4]);
  const mesh = backend.plan(facts, publishFor(backend, facts));
  const lease = { ...peerLease(backend, facts, 2), ...what };
  expect(mesh.peer(lease)).toEqual({ resources: [], problem });
});

test('without commands nothing is planned; what is no text is refused', () => {
  const bare = createBackend({ type: 'extension', options: {} });
  expect(bare.startup).toBeUndefined();
  const facts = hostFacts({ type: 'extension', options: {} }, [4]);
  const mesh = bare.plan(facts, publishFor(bare, facts));
  expect([...mesh.host, ...mesh.peer(peerLease(bare, facts, 2)).resources]).toEqual([]);
  expect(() => createBackend({ type: 'extension', options: { subnetAddCommand: ['ip'] } })).toThrow(
    'Backend.SubnetAddCommand must be a text, not ["ip"]',
  );
});

test('alloc: a lease and no mesh, whatever other hosts publish', () => {
  const own = { type: 'alloc', options: {} };
  const facts = hostFacts(own, [4]);
  const published = publishFor(createBackend(own), facts);
  expect(published).toEqual({ publicAddresses: { 4: '192.168.77.1' }, backendType: '' });
  const mesh = createBackend(own).plan(facts, published);
  expect([mesh.mtu, mesh.host]).toEqual([1500, []]);
  expect(mesh.peer(peerLease(createBackend({ type: 'vxlan', options: {} }), facts, 2))).toEqual({
    resources: [],
  });
});
