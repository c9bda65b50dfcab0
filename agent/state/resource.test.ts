import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import { ROUTE_PROTOCOL, describe as line, keyOf, same, type Route } from './resource.ts';

const route: Route = {
  kind: 'route',
  prefix: prefix('10.5.37.0/24'),
  metric: 0,
  type: 'unicast',
  link: 'flannel.1',
  gateway: address('10.5.37.0'),
  onlink: true,
  protocol: ROUTE_PROTOCOL,
};

test('a route reads as iproute2 prints it', () => {
  expect(line(route)).toBe('route 10.5.37.0/24 via 10.5.37.0 dev flannel.1 onlink');
});

test('a route to another gateway stands in the same place and is not the same', () => {
  const moved: Route = { ...route, gateway: address('192.168.77.2') };
  expect(keyOf(moved)).toBe(keyOf(route));
  expect(same(moved, route)).toBe(false);
  expect(same({ ...route }, route)).toBe(true);
});
