import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addressFromInteger } from '../ip/address.ts';
import { prefix, prefixOf, type Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import {
  formatSubnetEnv,
  parseSubnetEnv,
  readSubnetEnv,
  writeSubnetEnv,
  type SubnetEnv,
} from './subnet-env.ts';

const dual: SubnetEnv = {
  networks: { 4: prefix('10.5.0.0/16'), 6: prefix('fd00:5::/48') },
  subnets: { 4: prefix('10.5.13.0/24'), 6: prefix('fd00:5:0:17::/64') },
  mtu: 1430,
  masquerade: true,
};

test("the file's lines are flannel's, in its order", () => {
  expect(formatSubnetEnv(dual)).toBe(
    'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.13.1/24\n' +
      'FLANNEL_IPV6_NETWORK=fd00:5::/48\nFLANNEL_IPV6_SUBNET=fd00:5:0:17::1/64\n' +
      'FLANNEL_MTU=1430\nFLANNEL_IPMASQ=true\n',
  );
});

test('a family that is off has no lines', () => {
  const v4 = { ...dual, networks: { 4: dual.networks[4] }, subnets: { 4: dual.subnets[4] } };
  expect(formatSubnetEnv(v4 as SubnetEnv)).not.toContain('IPV6');
});

describe('what others may have written', () => {
  test.each<[string, PerFamily<string>]>([
    ['FLANNEL_SUBNET=10.5.13.7/24', { 4: '10.5.13.0/24' }],
    ['export FLANNEL_SUBNET="10.5.13.1/24" # ours', { 4: '10.5.13.0/24' }],
    ["FLANNEL_SUBNET = '10.5.13.1/24'", { 4: '10.5.13.0/24' }],
    ['FLANNEL_SUBNET=10.5.13.1/24,10.5.14.1/24', {}],
    ['FLANNEL_SUBNET=10.5.13.1/24,nonsense', { 4: '10.5.13.0/24' }],
    ['FLANNEL_SUBNET=fd00::1/64', {}],
    ['FLANNEL_SUBNET=10.5.13.1/33', {}],
    ['# FLANNEL_SUBNET=10.5.13.1/24', {}],
    ['FLANNEL_SUBNET=1.1.1.1/8\nFLANNEL_SUBNET=10.5.13.1/24', { 4: '10.5.13.0/24' }],
    ['FLANNEL_SUBNET=10.5.13.1/24\r', { 4: '10.5.13.0/24' }],
  ])('%j', (text, subnets) => {
    expect(parseSubnetEnv(text).subnets).toEqual(subnets);
  });

  test('a bad MTU or masquerade is left out', () => {
    const found = parseSubnetEnv('FLANNEL_MTU=1e9\nFLANNEL_IPMASQ=yes');
    expect(found).toEqual({ networks: {}, subnets: {} });
  });
});

const arbPrefix4 = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), fc.integer({ min: 0, max: 30 }))
  .map(([bits, length]) => prefixOf(addressFromInteger(bits, 4), length));
const arbPrefix6 = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), fc.integer({ min: 0, max: 126 }))
  .map(([bits, length]) => prefixOf(addressFromInteger(bits, 6), length));
const arbFamilies = fc.record(
  { 4: arbPrefix4, 6: arbPrefix6 },
  { requiredKeys: [], noNullPrototype: true },
) as fc.Arbitrary<PerFamily<Prefix>>;

test('what is written reads back', () => {
  const arbEnv = fc.record(
    {
      networks: arbFamilies,
      subnets: arbFamilies,
      mtu: fc.integer({ min: 68, max: 65_535 }),
      masquerade: fc.boolean(),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(arbEnv, (env) => {
      expect(parseSubnetEnv(formatSubnetEnv(env))).toEqual(env);
    }),
  );
});

test('any text parses to something', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
      expect(parseSubnetEnv(`FLANNEL_SUBNET=${text}`).networks).toBeDefined();
    }),
  );
});

describe('the file', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'weft-subnet-env-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test('is readable by all whatever the umask, its directory too', () => {
    const path = join(directory, 'flannel/subnet.env');
    const umask = process.umask(0o077);
    try {
      expect(writeSubnetEnv(path, dual)).toBe(true);
    } finally {
      process.umask(umask);
    }
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(statSync(join(directory, 'flannel')).mode & 0o777).toBe(0o755);
    expect(readSubnetEnv(path)).toEqual(dual);
  });

  test('is not touched when it is right already', () => {
    const path = join(directory, 'subnet.env');
    writeSubnetEnv(path, dual);
    const { ino } = statSync(path);
    expect(writeSubnetEnv(path, dual)).toBe(false);
    expect(statSync(path).ino).toBe(ino);
    expect(writeSubnetEnv(path, { ...dual, mtu: 1400 })).toBe(true);
    expect(readFileSync(path, 'utf8')).toContain('FLANNEL_MTU=1400\n');
  });

  test('takes the place of a leftover of a crash', () => {
    const path = join(directory, 'subnet.env');
    writeFileSync(`${path}.tmp`, 'half');
    expect(writeSubnetEnv(path, dual)).toBe(true);
    expect(readSubnetEnv(path)).toEqual(dual);
  });

  test('that is absent is none, and one that cannot be is a sentence', () => {
    expect(readSubnetEnv(join(directory, 'none'))).toBeUndefined();
    const path = join(directory, 'busy');
    mkdirSync(path);
    expect(() => writeSubnetEnv(path, dual)).toThrow(/busy cannot be read: it is a directory/);
  });
});
