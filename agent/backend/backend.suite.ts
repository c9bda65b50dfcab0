/** What every backend must do, run for each of them: `backendSuite('vxlan', …)`. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address, type Family } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import type { HostFacts, Lease, NetworkConfig, PerFamily, Underlay } from '../state/facts.ts';
import { keyOf, linkOf, type Resource } from '../state/resource.ts';
import type { PublicKey } from '../state/wireguard.ts';
import { familiesOf, type Backend } from './backend.ts';
import { createBackend } from './backends.ts';

export const underlay: Underlay = {
  link: 'eth0',
  mtu: 1500,
  addresses: { 4: address('192.168.77.1'), 6: address('fd77::1') },
  publicAddresses: { 4: address('192.168.77.1'), 6: address('fd77::1') },
  routes: [
    { prefix: prefix('0.0.0.0/0'), link: 'eth0', gateway: address('192.168.77.254') },
    { prefix: prefix('192.168.77.0/24'), link: 'eth0' },
    { prefix: prefix('fd77::/64'), link: 'eth0' },
  ],
};

/** A host that holds 10.5.1.0/24 and fd00:5:0:1::/64, in the families asked for. */
export function hostFacts(
  backend: NetworkConfig['backend'],
  on: readonly Family[],
  below = underlay,
): HostFacts {
  const ranges = {
    4: {
      network: prefix('10.5.0.0/16'),
      subnetLength: 24,
      first: address('10.5.1.0'),
      last: address('10.5.255.0'),
    },
    6: {
      network: prefix('fd00:5::/48'),
      subnetLength: 64,
      first: address('fd00:5:0:1::'),
      last: address('fd00:5:0:ffff::'),
    },
  };
  const subnets = { 4: prefix('10.5.1.0/24'), 6: prefix('fd00:5:0:1::/64') };
  return {
    network: { ranges: only(ranges, on), backend },
    underlay: below,
    subnets: only(subnets, on),
  };
}

export function only<T>(values: PerFamily<T>, on: readonly Family[]): PerFamily<T> {
  return Object.fromEntries(
    on.flatMap((family) => (values[family] === undefined ? [] : [[family, values[family]]])),
  );
}

/** As weftd on the host with that underlay would. */
export function publishFor(backend: Backend, facts: HostFacts) {
  const { underlay } = facts;
  const families = familiesOf(facts.network.ranges);
  const publicKey = (): PublicKey => publicKeyOf(underlay);
  return backend.publish({ underlay, families, before: undefined, existing: [], publicKey });
}

/** Another for every host. */
function publicKeyOf({ addresses }: Underlay): PublicKey {
  const seed = createHash('sha256').update(`${addresses[4]} ${addresses[6]}`);
  return seed.digest('base64') as PublicKey;
}

/** The lease of host N of the same network, as its own weftd would publish it. */
export function peerLease(backend: Backend, facts: HostFacts, host: number): Lease {
  const own = { 4: address(`192.168.77.${host}`), 6: address(`fd77::${host.toString(16)}`) };
  const there: Underlay = { ...underlay, addresses: own, publicAddresses: own };
  const subnets = {
    4: prefix(`10.5.${host}.0/24`),
    6: prefix(`fd00:5:0:${host.toString(16)}::/64`),
  };
  const published = publishFor(backend, { ...facts, underlay: there });
  return { ...published, subnets: only(subnets, familiesOf(facts.network.ranges)) };
}

/** `stacks`: the families of networks that it carries. */
export function backendSuite(
  type: string,
  options: Readonly<Record<string, unknown>> = {},
  stacks: readonly Family[][] = [[4], [6], [4, 6]],
): void {
  const config = { type, options };
  describe(`every backend's contract, by ${type} ${JSON.stringify(options)}`, () => {
    const backend = createBackend(config);
    const arbHost = fc.integer({ min: 2, max: 254 });

    test.each(stacks)(
      'a peer of %j %j is reached by one route a family, and nothing is planned twice',
      (...on) => {
        const facts = hostFacts(config, on);
        const mesh = backend.plan(facts, publishFor(backend, facts));
        fc.assert(
          fc.property(arbHost, (host) => {
            const plan = mesh.peer(peerLease(backend, facts, host));
            expect(plan.problem).toBeUndefined();
            const resources = [...mesh.host, ...plan.resources];
            expect(new Set(resources.map(keyOf)).size).toBe(resources.length);
            const routes = plan.resources.filter(({ kind }) => kind === 'route');
            expect(routes).toHaveLength(on.length);
            const links = new Set([
              underlay.link,
              ...resources.flatMap((each) => (each.kind === 'link' ? each.name : [])),
            ]);
            for (const each of resources) expect(links).toContain(linkOf(each) ?? underlay.link);
          }),
        );
      },
    );

    test('the same facts give the same plan', () => {
      const facts = hostFacts(config, [4, 6]);
      const plan = (): readonly Resource[] => backend.plan(facts, publishFor(backend, facts)).host;
      expect(plan()).toEqual(plan());
    });

    test('links it asks for are among the links it names', () => {
      const facts = hostFacts(config, [4, 6]);
      const { host } = backend.plan(facts, publishFor(backend, facts));
      for (const each of host) if (each.kind === 'link') expect(backend.links).toContain(each.name);
    });

    test('a lease of another backend, or with data that makes no sense, is told and plans nothing false', () => {
      const facts = hostFacts(config, [4]);
      const mesh = backend.plan(facts, publishFor(backend, facts));
      const lease = peerLease(backend, facts, 2);
      expect(mesh.peer({ ...lease, backendType: 'other' })).toMatchObject({
        resources: [],
        problem: /./,
      });
      fc.assert(
        fc.property(fc.jsonValue(), (backendData) => {
          const { resources, problem } = mesh.peer({ ...lease, publicAddresses: {}, backendData });
          expect(resources).toEqual([]);
          expect(problem).toMatch(/./);
        }),
      );
    });
  });
}
