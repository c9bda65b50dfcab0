import { expect, test } from 'vitest';
import { prefix } from '../ip/prefix.ts';
import { inOrder } from './diff.ts';
import type { Operation } from './kernel.ts';
import { blackholeTo, describe, ROUTE_PROTOCOL, type Resource } from './resource.ts';

const whole = prefix('10.5.0.0/16');
const link: Resource = {
  kind: 'link',
  type: 'wireguard',
  name: 'flannel-wg',
  mtu: 1420,
  up: true,
  alias: 'weft',
};
const route: Resource = {
  kind: 'route',
  prefix: whole,
  metric: 0,
  type: 'unicast',
  link: 'flannel-wg',
  onlink: false,
  protocol: ROUTE_PROTOCOL,
};

test('a blackhole is made before all else and taken away after it, so that nothing leaks meanwhile', () => {
  const all = [route, link, blackholeTo(whole)];
  const lines = (operations: readonly Operation[]): string[] =>
    inOrder(operations).map((each) => describe(each.desired ?? each.actual));
  const up = lines(all.map((desired) => ({ action: 'create', desired })));
  expect(up).toEqual([blackholeTo(whole), link, route].map(describe));
  const down = lines(all.map((actual) => ({ action: 'remove', actual })));
  expect(down).toEqual(up.toReversed());
});
