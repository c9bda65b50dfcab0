import { expect, test } from 'vitest';
import { prefix } from '../ip/prefix.ts';
import type { NetworkDefinition } from '../network/definition.ts';
import { firewallOf, leasedBridges } from './overlays.ts';

const SUBNETS = { 4: prefix('10.5.1.0/24') };
const SECRET = {
  name: 'secret',
  vni: 4096,
  encrypted: true,
  internal: false,
  subnets: { 4: { subnet: prefix('10.6.0.0/24') } },
} as unknown as NetworkDefinition;
const NONE = {
  joined: [],
  all: [],
  port: 8472,
  tunnel: undefined,
  leased: leasedBridges('docker0', { subnets: SUBNETS }),
};

test('endpoints are named as soon as there is a network anywhere, those of an adopted bridge too', () => {
  const leased = [
    { bridge: 'weft0', subnets: SUBNETS },
    { bridge: 'docker0', subnets: SUBNETS },
  ];
  expect(firewallOf(NONE).endpoints).toEqual([]);
  expect(firewallOf({ ...NONE, all: [SECRET] })).toMatchObject({ standing: [], endpoints: leased });
  const secret = { bridge: 'weft-4096', subnets: { 4: '10.6.0.0/24' } };
  expect(firewallOf({ ...NONE, joined: [SECRET] }).endpoints).toEqual([...leased, secret]);
});

test('an encrypted network stays so for the firewall when the mesh is another, with the port of both', () => {
  const after = firewallOf({ ...NONE, joined: [SECRET], port: 4789, tunnel: 'flannel-wg' });
  expect(after).toMatchObject({ ports: [8472, 4789], tunnel: 'flannel-wg' });
  expect(after.standing).toMatchObject([{ vni: 4096, encrypted: true }]);
  expect(firewallOf({ ...NONE, joined: [SECRET] })).not.toHaveProperty('tunnel');
});
