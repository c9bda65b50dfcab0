import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address, type Address, type Family } from '../ip/address.ts';
import { prefix, prefixOf } from '../ip/prefix.ts';
import { perFamily, type HostFacts, type Lease, type Underlay } from '../state/facts.ts';
import { describe as line } from '../state/resource.ts';
import { backendSuite, hostFacts, publishFor } from './backend.suite.ts';
import { createBackend } from './backends.ts';

backendSuite('auto');
backendSuite('auto', { DirectRouting: false });
backendSuite('auto', { Encrypt: 'all' });

/** A host's place: its addresses, with the length of their link's prefix. */
interface Place {
  readonly v4?: string;
  readonly v6?: string;
  /** Told instead of the link's v4 address. */
  readonly told?: string;
}

function underlayAt({ v4, v6, told }: Place): Underlay {
  const near = [v4, v6].flatMap((text) => (text === undefined ? [] : [prefix(linkPart(text))]));
  const addresses = perFamily(hostPart(v4), hostPart(v6));
  return {
    link: 'eth0',
    mtu: 1500,
    addresses,
    publicAddresses: perFamily(told === undefined ? addresses[4] : address(told), addresses[6]),
    routes: near.map((each) => ({ prefix: each, link: 'eth0' })),
  };
}

function hostPart(text: string | undefined): Address | undefined {
  return text === undefined ? undefined : address(text.split('/')[0] ?? '');
}

function linkPart(text: string): string {
  const own = hostPart(text) as Address;
  return prefixOf(own, Number(text.split('/')[1]));
}

/** Two hosts of one network: what each publishes, and what the first plans for the second. */
function meeting(
  here: Place,
  there: Place,
  options: object = {},
  families: readonly Family[] = [4],
) {
  const config = { type: 'auto', options: { ...options } };
  const backend = createBackend(config);
  const factsAt = (place: Place): HostFacts => hostFacts(config, families, underlayAt(place));
  const leaseAt = (place: Place, host: number): Lease => ({
    ...publishFor(backend, factsAt(place)),
    subnets: perFamily(
      families.includes(4) ? prefix(`10.5.${host}.0/24`) : undefined,
      families.includes(6) ? prefix(`fd00:5:0:${host}::/64`) : undefined,
    ),
  });
  const facts = factsAt(here);
  const mesh = backend.plan(facts, publishFor(backend, facts));
  const peer = leaseAt(there, 2);
  return { mesh, peer, plan: mesh.peer(peer) };
}

const routesOf = ({ plan }: ReturnType<typeof meeting>) =>
  plan.resources.filter(({ kind }) => kind === 'route').map(line);

const HOME = { v4: '192.168.77.1/24' };

test.each([
  ['same link', HOME, { v4: '192.168.77.2/24' }, 'host-gw', 'on the same link, 192.168.77.0/24'],
  [
    'same public link',
    { v4: '203.0.113.1/24' },
    { v4: '203.0.113.2/24' },
    'host-gw',
    'on the same',
  ],
  ['another length', HOME, { v4: '192.168.77.2/25' }, 'vxlan', 'private addresses, on different'],
  ['behind a router', HOME, { v4: '10.1.2.3/8' }, 'vxlan', 'private addresses, on different'],
  ["carrier's own", HOME, { v4: '100.64.1.2/24' }, 'vxlan', 'private addresses, on different'],
  ['link local', { v6: 'fe80::1/64' }, { v6: 'fd00::1/64' }, 'vxlan', 'private addresses'],
  ['public', HOME, { v4: '198.51.100.9/24' }, 'wireguard', '198.51.100.9 is a public address'],
  ['public here', { v4: '192.0.2.1/24' }, HOME, 'wireguard', '192.0.2.1 is a public address'],
  ['documentation v6', { v6: '2001:db8::1/64' }, { v6: 'fd00::1/64' }, 'wireguard', '2001:db8::1'],
  ['translated', { ...HOME, told: '203.0.113.5' }, { v4: '192.168.77.2/24' }, 'wireguard', '203.'],
  [
    'a public family besides',
    { ...HOME, v6: '2001:db8:1::1/64' },
    { v4: '192.168.78.2/24', v6: '2001:db8:2::1/64' },
    'wireguard',
    '2001:db8:1::1',
  ],
  ['no common family', HOME, { v6: 'fd00::1/64' }, 'wireguard', 'no addresses of one family'],
])('%s', (_name, here, there, backend, reason) => {
  const { plan } = meeting(here, there);
  expect(plan.choice).toEqual({ backend, reason: expect.stringContaining(reason) });
});

test('each peer is reached by its backend, with what one lease tells for all of them', () => {
  const all = meeting(HOME, { v4: '192.168.77.2/24' });
  expect(all.peer).toMatchObject({
    publicAddresses: { 4: '192.168.77.2' },
    backendType: 'auto',
    backendData: {
      VNI: 1,
      VtepMAC: expect.any(String),
      PublicKey: expect.any(String),
      Port: 51_820,
      Link: '192.168.77.0/24',
    },
  });
  expect(routesOf(all)).toEqual(['route 10.5.2.0/24 via 192.168.77.2 dev eth0']);
  expect(routesOf(meeting(HOME, { v4: '192.168.78.2/24' }))).toEqual([
    'route 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink',
  ]);
  expect(routesOf(meeting(HOME, { v4: '192.0.2.2/24' }))).toEqual([
    'route 10.5.2.0/24 dev flannel-wg',
  ]);
  expect(all.mesh.mtu).toBe(1420);
  expect(all.mesh.encrypts).toEqual({ links: ['flannel-wg', 'weft-detour'] });
  expect(all.mesh.host.map(line)).toContain('route 10.5.0.0/16 dev flannel-wg');
});

test('with policy all there is nothing but WireGuard, and with no direct routing nothing but tunnels', () => {
  const all = meeting(HOME, { v4: '192.168.77.2/24' }, { Encrypt: 'all' });
  expect(routesOf(all)).toEqual(['route 10.5.2.0/24 dev flannel-wg']);
  expect(all.mesh.encrypts).toBe('everything');
  const host = all.mesh.host.map(line);
  expect(host.join()).not.toContain('flannel.1');
  expect(host).toContain('route blackhole 10.5.0.0/16 metric 1000000');
  const tunnels = meeting(HOME, { v4: '192.168.77.2/24' }, { DirectRouting: false });
  expect(tunnels.plan.choice?.backend).toBe('vxlan');
});

test('IPv6 workloads over a link without IPv6 need a tunnel', () => {
  const world = meeting(HOME, { v4: '192.168.77.2/24' }, {}, [4, 6]);
  expect(world.plan.choice?.backend).toBe('vxlan');
  expect(world.plan.problem).toBeUndefined();
  expect(routesOf(world)).toHaveLength(2);
});

test('its WireGuard has no mode to choose', () => {
  const sentence =
    /^Backend\.Mode is not for auto, .*: leave it out, or set Backend\.Type to wireguard$/;
  for (const Mode of ['ipv4', 'auto', 7])
    expect(() => createBackend({ type: 'auto', options: { Mode } })).toThrow(sentence);
  expect(createBackend({ type: 'auto', options: { Mode: '' } }).type).toBe('auto');
});

test('a flanneld peer, which cannot have it, is told', () => {
  const { mesh, peer } = meeting(HOME, HOME);
  expect(mesh.peer({ ...peer, backendType: 'vxlan' }).problem).toMatch(/this host runs auto/);
  const strange = { ...peer, backendData: { Link: 7 } };
  expect(mesh.peer(strange).choice?.backend).toBe('vxlan');
});

const V4 = ['192.168.77.3/24', '192.168.77.4/25', '10.0.0.1/8', '203.0.113.7/24', '203.0.113.8/24'];
const V6 = ['fd77::3/64', 'fd77::4/64', 'fd78::1/64', '2001:db8::7/64', '2001:db8::8/48'];
const arbPlace = fc
  .record(
    { v4: fc.constantFrom(...V4), v6: fc.constantFrom(...V6), told: fc.constant('198.51.100.1') },
    { requiredKeys: [] },
  )
  .filter(({ v4, v6 }) => v4 !== undefined || v6 !== undefined);

test('two hosts never differ in whether to encrypt', () => {
  fc.assert(
    fc.property(arbPlace, arbPlace, fc.subarray<Family>([4, 6], { minLength: 1 }), (a, b, on) => {
      const [there, back] = [meeting(a, b, {}, on), meeting(b, a, {}, on)];
      expect(back.plan.choice?.backend).toBe(there.plan.choice?.backend);
    }),
  );
});
