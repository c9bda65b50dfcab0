import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { mac } from '../ip/mac.ts';
import { prefix } from '../ip/prefix.ts';
import type { Problem } from '../state/reconciler.ts';
import { describe as textOf, FIREWALL_KEY, type Key, type Resource } from '../state/resource.ts';
import type { Endpoint } from './endpoint.ts';
import { insideOf, type NetworkFacts } from './plan.ts';
import { Wiring } from './wiring.ts';

const BLUE: NetworkFacts = {
  subnets: { 4: prefix('10.6.0.0/24') },
  gateways: { 4: address('10.6.0.1') },
  ranges: { 4: prefix('10.6.0.0/24') },
  mtu: 1450,
  bridge: 'weft-4096',
  alias: 'weft network blue',
  ports: [],
  internal: false,
};
const PLACE = {
  namespace: { path: '/run/netns/web', inode: 1 },
  link: 'eth0',
  mac: mac('02:42:0a:06:00:02'),
  ownMac: false,
  gateway: undefined,
  container: undefined,
  resolver: undefined,
  dnsInside: false,
  links: [],
};
const WEB: Endpoint = {
  id: '0123456789abcdef',
  network: 'blue',
  state: 'attaching',
  target: 'netns:web',
  names: [],
  ports: [],
  addresses: { 4: address('10.6.0.2') },
  place: PLACE,
  since: new Date(0),
};

/** A kernel whose firewall is refused. */
function wiringOf(): { wiring: Wiring; slices: Map<string, readonly Resource[]> } {
  const slices = new Map<string, readonly Resource[]>();
  const problem: Problem = { key: FIREWALL_KEY, code: 'ENOENT', message: 'nft is not installed' };
  const wiring = new Wiring({
    set: (slice, resources) => void slices.set(slice, resources),
    tried: (keys: readonly Key[]) => Promise.resolve(keys.includes(FIREWALL_KEY) ? [problem] : []),
  });
  wiring.plan('blue', BLUE, []);
  wiring.plan('default', { ...BLUE, bridge: 'weft0' }, []);
  return { wiring, slices };
}

test('nobody gets into a network that the firewall does not keep apart', async () => {
  const { wiring } = wiringOf();
  await expect(wiring.stand(WEB)).rejects.toThrow('nft is not installed');
  // Whoever is in stays, and leased subnets are kept from nobody.
  await wiring.stand({ ...WEB, state: 'attached' });
  await wiring.stand({ ...WEB, network: 'default' });
});

test('a bridge takes no router for one, and no link inside does, also without IPv6', () => {
  const { wiring, slices } = wiringOf();
  wiring.need(new Set(['blue', 'default']));
  const texts = ['bridge blue', 'bridge'].flatMap((slice) => (slices.get(slice) ?? []).map(textOf));
  expect(texts).toContain('sysctl net/ipv6/conf/weft-4096/accept_ra=0');
  expect(texts).toContain('sysctl net/ipv6/conf/weft0/accept_ra=0');
  expect(insideOf(WEB, PLACE, BLUE).sysctls).toEqual({
    'net/ipv4/conf/eth0/arp_notify': '1',
    'net/ipv6/conf/eth0/accept_ra': '0',
  });
});
