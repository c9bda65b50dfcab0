import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseNetworkConfig } from './network-config.ts';

const read = (config: object) => parseNetworkConfig(JSON.stringify(config), '/net/config');
const range4 = (config: object) => {
  const parsed = read(config);
  const range = 'value' in parsed ? parsed.value.ranges[4] : undefined;
  return range === undefined ? undefined : [range.subnetLength, range.first, range.last];
};

test.each([
  ['10.3.0.0/16', 24, '10.3.1.0', '10.3.255.0'],
  ['10.3.0.0/22', 24, '10.3.1.0', '10.3.3.0'],
  ['10.3.0.0/23', 25, '10.3.0.128', '10.3.1.128'],
  ['10.3.0.0/28', 30, '10.3.0.4', '10.3.0.12'],
])('defaults of %s', (network, length, first, last) => {
  expect(range4({ Network: network })).toEqual([length, first, last]);
});

test('defaults of a v6 network; the type without Backend is udp', () => {
  expect(read({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00:5::/48' })).toEqual({
    value: {
      ranges: {
        6: {
          network: 'fd00:5::/48',
          subnetLength: 64,
          first: 'fd00:5:0:1::',
          last: 'fd00:5:0:ffff::',
        },
      },
      backend: { type: 'udp', options: {} },
    },
  });
});

test('names in any case, host bits dropped, the type in lower case', () => {
  expect(
    read({
      network: '10.3.7.7/16',
      SUBNETLEN: 25,
      subnetmin: '10.3.8.0',
      backend: { TYPE: 'VXLAN', VNI: 7 },
    }),
  ).toEqual({
    value: {
      ranges: {
        4: { network: '10.3.0.0/16', subnetLength: 25, first: '10.3.8.0', last: '10.3.255.128' },
      },
      backend: { type: 'vxlan', options: { TYPE: 'VXLAN', VNI: 7 } },
    },
  });
});

test.each([
  [{}, 'Network is missing'],
  [{ Network: null }, 'Network is null'],
  [{ Network: 'fd00::/48' }, 'not an IPv4 network'],
  [{ Network: '10.3.0.0/29' }, 'smaller than /28'],
  [{ Network: '10.3.0.0/16', SubnetLen: 17 }, 'SubnetLen is 17'],
  [{ Network: '10.3.0.0/16', SubnetLen: 31 }, 'SubnetLen is 31'],
  [{ Network: '10.3.0.0/16', SubnetLen: -1 }, 'SubnetLen is -1'],
  [{ Network: '10.3.0.0/16', SubnetLen: '24' }, 'SubnetLen is "24"'],
  [{ Network: '10.3.0.0/16', SubnetMin: null }, 'SubnetMin is null'],
  [{ Network: '10.3.0.0/16', SubnetMin: '10.4.0.0' }, 'outside the network'],
  [{ Network: '10.3.0.0/16', SubnetMax: '10.3.4.1' }, 'its first address is 10.3.4.0'],
  [{ Network: '10.3.0.0/16', EnableIPv6: true }, 'IPv6Network is missing'],
  [{ Network: '10.3.0.0/16', EnableIPv4: 'yes' }, 'EnableIPv4 is "yes"'],
  [{ EnableIPv4: false }, 'both false'],
  [{ Network: '10.3.0.0/16', Backend: {} }, 'no Type'],
  [{ Network: '10.3.0.0/16', Backend: 'vxlan' }, 'not an object'],
])('refused: %j', (config, words) => {
  const parsed = read(config);
  const reason = 'reason' in parsed ? parsed.reason : '';
  expect(reason).toContain(words);
  expect(reason).toMatch(/^\/net\/config: /);
});

test('no text makes the reader throw', () => {
  const config = fc.record(
    {
      Network: fc.oneof(fc.constant('10.3.0.0/16'), fc.jsonValue()),
      SubnetLen: fc.oneof(fc.integer({ min: -2, max: 40 }), fc.jsonValue()),
      SubnetMin: fc.oneof(fc.ipV4(), fc.jsonValue()),
      SubnetMax: fc.oneof(fc.ipV4(), fc.jsonValue()),
      EnableIPv6: fc.oneof(fc.boolean(), fc.jsonValue()),
      IPv6Network: fc.oneof(fc.constant('fd00::/48'), fc.jsonValue()),
      Backend: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(fc.property(config, (object) => void read(object)));
  fc.assert(fc.property(fc.string(), (text) => void parseNetworkConfig(text, 'k')));
});

test('it is forced by a field that flanneld does not read', () => {
  const forced = (Weft: unknown) => read({ Network: '10.3.0.0/16', Weft });
  expect(forced({ force: true })).toMatchObject({ value: { isForced: true } });
  expect(forced({ Force: false })).not.toHaveProperty('value.isForced');
  expect(forced({ Force: 1 })).toEqual({ reason: '/net/config: Force is 1, not true or false' });
  expect(forced(true)).toEqual({ reason: '/net/config: Weft is true, not an object' });
});
