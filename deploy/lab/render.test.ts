import { expect, test } from 'vitest';
import { essence, isWhole, parseLeases, unreachable, type Picture } from './picture.ts';
import { render } from './render.ts';

const PICTURE: Picture = {
  leases: [
    { host: 'h1', subnet: '10.5.13.0/24', publicAddress: '192.168.77.1', backend: 'vxlan' },
    { host: 'h2', subnet: '10.5.7.0/24', publicAddress: '192.168.77.2', backend: 'vxlan' },
  ],
  routes: { host: 'h1', lines: ['10.5.7.0/24 via 10.5.7.0 dev flannel.1 proto 119 onlink'] },
  workloads: [
    { name: 'w1', address: '10.5.13.2' },
    { name: 'w2', address: '10.5.7.2' },
  ],
  latencies: [
    [null, 0.214],
    [0.1, null],
  ],
  throughput: { from: 'w1', to: 'w2', bitsPerSecond: 9.876e9 },
  troubles: [],
};

test('a whole lab', () => {
  expect(render(PICTURE)).toBe(`Leases in etcd
  host  subnet        public address  backend
  h1    10.5.13.0/24  192.168.77.1    vxlan
  h2    10.5.7.0/24   192.168.77.2    vxlan

Routes of h1
  10.5.7.0/24 via 10.5.7.0 dev flannel.1 proto 119 onlink

Ping between all workloads, round trip in ms
  from \\ to     w1    w2
  w1 10.5.13.2  ·     0.21
  w2 10.5.7.2   0.10  ·

Throughput
  w1 → w2: 9.88 Gbit/s

Verdict
  every workload reaches every other (2 pairs)
`);
  expect(isWhole(PICTURE)).toBe(true);
});

test('a pair that is lost and a daemon that ended', () => {
  const broken: Picture = {
    ...PICTURE,
    latencies: [
      [null, null],
      [0.1, null],
    ],
    troubles: ['weftd on h2 ended with code 1'],
  };
  expect(unreachable(broken)).toEqual(['w1 → w2']);
  expect(isWhole(broken)).toBe(false);
  expect(render(broken)).toContain(`Verdict
  weftd on h2 ended with code 1
  no answer: w1 → w2 (1 of 2 pairs)
`);
});

test('latencies and throughput are not what a picture is about', () => {
  const { throughput: _, ...rest } = PICTURE;
  expect(
    essence({
      ...rest,
      latencies: [
        [null, 0.3],
        [0.2, null],
      ],
    }),
  ).toBe(essence(PICTURE));
  expect(
    essence({
      ...rest,
      latencies: [
        [null, 0.3],
        [null, null],
      ],
    }),
  ).not.toBe(essence(PICTURE));
});

test('leases are read from what etcdctl prints, and what is none is left out', () => {
  const text = [
    '/coreos.com/network/subnets/10.5.13.0-24',
    '{"PublicIP":"192.168.77.1","PublicIPv6":null,"BackendType":"vxlan"}',
    '/coreos.com/network/subnets/garbage',
    'no JSON',
    '/coreos.com/network/subnets/10.5.32.0-24&fd00:5:0:17::-64',
    '{"PublicIP":"192.168.77.9","PublicIPv6":"fd77::9","BackendType":"host-gw"}',
    '',
  ].join('\n');
  const hostOf = (address: string) => (address === '192.168.77.1' ? 'h1' : undefined);
  expect(parseLeases(text, hostOf)).toEqual([
    { host: 'h1', subnet: '10.5.13.0/24', publicAddress: '192.168.77.1', backend: 'vxlan' },
    {
      host: '192.168.77.9',
      subnet: '10.5.32.0/24 fd00:5:0:17::/64',
      publicAddress: '192.168.77.9',
      backend: 'host-gw',
    },
  ]);
});
