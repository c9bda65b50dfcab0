import { expect, test } from 'vitest';
import { parseRequest, type NetworkText } from './request.ts';

const plain: NetworkText = {
  id: '0123456789abcdef',
  name: 'blue',
  subnets: [],
  internal: false,
  encrypted: false,
  multicast: false,
  mtu: 0,
  labels: [],
};
const subnet = { subnet: '10.77.0.0/16', gateway: '', range: '', aux: [] };

test('without a subnet one of IPv4 is taken from the pools', () => {
  expect(parseRequest(plain)).toMatchObject({
    name: 'blue',
    subnets: { 4: 'pool' },
    mtu: undefined,
  });
  const both = [
    { ...subnet, subnet: '4' },
    { ...subnet, subnet: '6' },
  ];
  expect(parseRequest({ ...plain, subnets: both }).subnets).toEqual({ 4: 'pool', 6: 'pool' });
});

test('what is given is taken as it is', () => {
  const wanted = {
    ...subnet,
    gateway: '10.77.0.9',
    range: '10.77.5.0/24',
    aux: ['host=10.77.0.2'],
  };
  const labels = ['team=a', 'x', 'a=b=c'];
  const request = parseRequest({ ...plain, subnets: [wanted], labels, mtu: 1400, dnsTtl: 9 });
  expect(request).toMatchObject({
    subnets: {
      4: {
        subnet: '10.77.0.0/16',
        gateway: '10.77.0.9',
        range: '10.77.5.0/24',
        aux: new Map([['host', '10.77.0.2']]),
      },
    },
    labels: new Map([
      ['team', 'a'],
      ['x', ''],
      ['a', 'b=c'],
    ]),
    mtu: 1400,
    dnsTtl: 9,
  });
});

test.each([
  [{ ...subnet, subnet: '10.77.0.0' }, '"10.77.0.0" is no subnet'],
  [{ ...subnet, subnet: '10.77.0.1/16' }, 'the subnet 10.77.0.1/16 has bits behind its length'],
  [{ ...subnet, gateway: 'x' }, '"x" is no gateway'],
  [{ ...subnet, range: '10.77.1.1/24' }, 'the range 10.77.1.1/24 has bits behind its length'],
  [{ ...subnet, aux: ['a'] }, '"" is no auxiliary address'],
  [{ ...subnet, subnet: '6', gateway: 'fd00::1' }, 'a gateway, a range or an auxiliary address'],
])('refused: %j', (wanted, message) => {
  expect(() => parseRequest({ ...plain, subnets: [wanted] })).toThrow(message);
});

test('two of one family are refused', () => {
  const two = [subnet, { ...subnet, subnet: '10.78.0.0/16' }];
  expect(() => parseRequest({ ...plain, subnets: two })).toThrow('there are two subnets of IPv4');
});
