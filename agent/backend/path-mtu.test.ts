import { expect, test } from 'vitest';
import type { Link, Route } from '../state/resource.ts';
import { hostFacts, peerLease, publishFor } from './backend.suite.ts';
import { createBackend } from './backends.ts';
import { alongPath } from './path-mtu.ts';

/** The MTUs of the routes to a peer behind a path of that size, v4 before v6. */
function sizes(type: string, pathMtu: number, options = {}): (number | undefined)[] {
  const backend = createBackend({ type, options });
  const facts = hostFacts({ type, options }, [4, 6]);
  const plan = backend.plan(facts, publishFor(backend, facts));
  const { resources } = plan.peer(peerLease(backend, facts, 2));
  const links = plan.host.filter((each): each is Link => each.kind === 'link');
  const along = alongPath(resources, pathMtu, (name) => links.find((link) => link.name === name));
  expect(along.filter(({ kind }) => kind !== 'route')).toEqual(
    resources.filter(({ kind }) => kind !== 'route'),
  );
  const routes = along.filter((each): each is Route => each.kind === 'route');
  return routes.map(({ mtu }) => mtu);
}

test('each device takes its part; IPv6 has a least; WireGuard pads', () => {
  expect(sizes('vxlan', 1400)).toEqual([1350, 1330]);
  expect(sizes('host-gw', 1400)).toEqual([1400, 1400]);
  expect(sizes('gre', 1400)).toEqual([1376, 1376]);
  expect(sizes('ipip', 1400)).toEqual([1380]);
  expect(sizes('udp', 1400)).toEqual([1372]);
  expect(sizes('wireguard', 1400)).toEqual([1312, 1312]);
  expect(sizes('vxlan', 1300)).toEqual([1250, 1280]);
  expect(sizes('vxlan', 576)).toEqual([526, 1280]);
});

test('peers on the same link, reached without a tunnel, have the path’s own', () => {
  expect(sizes('vxlan', 1400, { DirectRouting: true })).toEqual([1400, 1400]);
});

test('a device whose packets are smaller than the path needs nothing', () => {
  expect(sizes('vxlan', 1400, { MTU: 1400 })).toEqual([undefined, undefined]);
  expect(sizes('wireguard', 1400, { MTU: 1300 })).toEqual([undefined, undefined]);
});
