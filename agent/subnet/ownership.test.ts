import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import type { NetworkConfig } from '../state/facts.ts';
import { parseNetworkConfig } from './network-config.ts';
import { sharesAddress } from './ownership.ts';

function networkOf(config: object): NetworkConfig {
  const parsed = parseNetworkConfig(JSON.stringify(config), 'config');
  if ('reason' in parsed) throw new Error(parsed.reason);
  return parsed.value;
}

const IPV6 = { EnableIPv6: true, IPv6Network: 'fd00:5::/48' };
const NETWORKS = {
  'IPv4-only': networkOf({ Network: '10.5.0.0/16' }),
  'dual-stack': networkOf({ Network: '10.5.0.0/16', ...IPV6 }),
  'IPv6-only': networkOf({ EnableIPv4: false, ...IPV6 }),
};
const [v4, v6] = [{ 4: address('192.168.7.1') }, { 6: address('fd77::1') }];
const [other4, other6] = [{ 4: address('192.168.7.2') }, { 6: address('fd77::2') }];

test.each([
  ['IPv4-only', v4, { ...v4, ...other6 }, true],
  ['IPv4-only', v6, { ...v6, ...other4 }, true],
  ['IPv4-only', v6, v4, false],
  ['dual-stack', { ...v4, ...v6 }, { ...v4, ...other6 }, true],
  ['dual-stack', { ...v4, ...v6 }, { ...other4, ...v6 }, false],
  ['dual-stack', v6, v6, true],
  ['IPv6-only', { ...v4, ...v6 }, { ...other4, ...v6 }, true],
  ['IPv6-only', { ...v4, ...v6 }, { ...v4, ...other6 }, false],
  ['IPv6-only', v4, v4, true],
  ['IPv6-only', v4, other4, false],
  ['IPv6-only', {}, {}, false],
] as const)(
  'in an %s network a host that publishes %j sees %j: the same address is %s',
  (name, ours, theirs, expected) => {
    const identity = { node: 'a', publicAddresses: ours };
    const lease = { publicAddresses: theirs, backendType: 'vxlan' };
    expect(sharesAddress(lease, identity, NETWORKS[name])).toBe(expected);
  },
);
