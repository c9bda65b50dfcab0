import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { socketAddress } from '../ip/socket-address.ts';
import type { PublicKey } from '../state/wireguard.ts';
import { formatLeaseValue, parseLeaseValue } from './lease-value.ts';

const OBSERVED = [
  '{"PublicIP":"192.168.77.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"32:f8:32:99:e3:ad"}}',
  '{"PublicIP":"192.168.77.1","PublicIPv6":"fd77::1","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"76:73:f2:b8:2b:3a"},"BackendV6Data":{"VNI":1,"VtepMAC":"7e:68:7a:60:b6:71"}}',
  '{"PublicIP":"192.168.77.2","PublicIPv6":null,"BackendType":"host-gw"}',
  '{"PublicIP":"192.168.77.1","PublicIPv6":null}',
];

test.each(OBSERVED)('flanneld’s bytes come back: %s', (text) => {
  const parsed = parseLeaseValue(text);
  expect('value' in parsed && formatLeaseValue(parsed.value)).toBe(text);
});

test('our field comes last, and is read back', () => {
  const lease = {
    publicAddresses: { 4: address('192.168.77.1') },
    backendType: 'host-gw',
    node: 'n<1>',
  };
  const text = formatLeaseValue(lease);
  expect(text).toBe(
    String.raw`{"PublicIP":"192.168.77.1","PublicIPv6":null,"BackendType":"host-gw","Weft":{"Node":"n\u003c1\u003e"}}`,
  );
  expect(parseLeaseValue(text)).toEqual({ value: lease });
});

test('where gossip listens stands beside the node', () => {
  const gossip = socketAddress(address('fd00::1'), 7946);
  const lease = { publicAddresses: {}, backendType: 'vxlan', node: 'n1', gossip };
  const text = formatLeaseValue(lease);
  expect(text).toBe(
    '{"PublicIP":"0.0.0.0","PublicIPv6":null,"BackendType":"vxlan","Weft":{"Node":"n1","Gossip":"[fd00::1]:7946"}}',
  );
  expect(parseLeaseValue(text)).toEqual({ value: lease });
});

test.each(['"Gossip":7', '"Gossip":"h1:7946"', '"Gossip":"192.0.2.1"', '"Gossip":null'])(
  'a place that makes no sense is none: %s',
  (field) => {
    expect(parseLeaseValue(`{"Weft":{"Node":"n1",${field}}}`)).toEqual({
      value: { publicAddresses: {}, backendType: '', node: 'n1' },
    });
  },
);

test('names in any case, unknown fields, a missing PublicIP', () => {
  expect(parseLeaseValue('{"publicip":"1.2.3.4","BACKENDTYPE":"vxlan","more":[1]}')).toEqual({
    value: { publicAddresses: { 4: '1.2.3.4' }, backendType: 'vxlan' },
  });
  expect(parseLeaseValue('{}')).toEqual({ value: { publicAddresses: {}, backendType: '' } });
});

test.each([
  '',
  'x',
  '[]',
  'null',
  '{"PublicIP":null}',
  '{"PublicIP":7}',
  '{"PublicIP":"fd00::1"}',
  '{"PublicIP":"1.2.3.4","PublicIPv6":"x"}',
  '{"PublicIP":"1.2.3.4","PublicIPv6":4}',
  '{"PublicIP":"1.2.3.4","BackendType":4}',
  `{"PublicIP":"1.2.3.4","BackendData":"${'x'.repeat(1024 * 1024)}"}`,
  `{"PublicIP":"1.2.3.4","BackendData":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
])('refused: %.60s', (text) => {
  expect(parseLeaseValue(text)).toHaveProperty('reason');
});

test('no text makes the reader throw, and what it accepts survives writing', () => {
  const value = fc.record(
    {
      PublicIP: fc.oneof(fc.ipV4(), fc.jsonValue()),
      PublicIPv6: fc.oneof(fc.ipV6(), fc.constant(null), fc.jsonValue()),
      BackendType: fc.oneof(fc.string(), fc.jsonValue()),
      BackendData: fc.jsonValue(),
      Weft: fc.oneof(
        fc.record({ Node: fc.string(), Gossip: fc.ipV4().map((text) => `${text}:7946`) }),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  );
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    value.map((object) => JSON.stringify(object)),
  );
  fc.assert(
    fc.property(text, (input) => {
      const parsed = parseLeaseValue(input);
      if ('reason' in parsed) return;
      const again = parseLeaseValue(formatLeaseValue(parsed.value));
      expect(JSON.stringify(again)).toBe(JSON.stringify(parsed));
    }),
  );
});

test('where a host that changes its WireGuard key is reached stands there too', () => {
  const publicKey = Buffer.alloc(32, 1).toString('base64') as PublicKey;
  const detour = { publicKey, ports: { 4: 51_822, 6: 51_823 } };
  const lease = { publicAddresses: {}, backendType: 'wireguard', node: 'n1', detour };
  const text = formatLeaseValue(lease);
  expect(text).toContain(
    `"Weft":{"Node":"n1","Detour":{"PublicKey":"${publicKey}","Port":51822,"PortV6":51823}}`,
  );
  expect(parseLeaseValue(text)).toEqual({ value: lease });
  for (const spoilt of [text.replace(publicKey, 'AAAA'), text.replace('"Node":"n1",', '')])
    expect(parseLeaseValue(spoilt)).not.toHaveProperty('value.detour');
  expect(parseLeaseValue(text.replace('51823', '70000'))).toHaveProperty('value.detour.ports', {
    4: 51_822,
  });
});
