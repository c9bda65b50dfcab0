import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { USAGE, conflictingRoute, parseOptions, run, type Variables } from './docker-opts.ts';

const SUBNET_ENV =
  'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n';

interface World {
  readonly env?: Variables;
  readonly input?: string | undefined;
  readonly routes?: string;
  readonly unwritable?: boolean;
}

/** Runs the command in a world of its own; `written` holds path and content. */
function inWorld(argv: readonly string[], world: World = {}) {
  const seen = { code: 0, written: [] as string[], stdout: '', stderr: '' };
  seen.code = run(argv, {
    env: world.env ?? {},
    readFile: () => {
      if (world.input === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return world.input;
    },
    writeFile: (path, content) => {
      if (world.unwritable === true) throw Object.assign(new Error('no'), { code: 'EACCES' });
      seen.written.push(path, content);
    },
    routes: () => world.routes ?? '',
    stdout: (text) => (seen.stdout += text),
    stderr: (text) => (seen.stderr += text),
  });
  return seen;
}

const contentOf = (argv: readonly string[], world?: World) =>
  inWorld(argv, { input: SUBNET_ENV, ...world }).written[1];

const BIP = 'DOCKER_OPT_BIP="--bip=10.1.74.1/24"\n';
const IPMASQ = 'DOCKER_OPT_IPMASQ="--ip-masq=false"\n';
const MTU = 'DOCKER_OPT_MTU="--mtu=1472"\n';
const ALL = 'DOCKER_OPTS=" --bip=10.1.74.1/24 --ip-masq=false --mtu=1472"\n';

test.each([
  [[], BIP + IPMASQ + MTU + ALL],
  [['-i'], BIP + IPMASQ + MTU],
  [['-c'], ALL],
  [['-i', '-c'], BIP + IPMASQ + MTU + ALL],
  [['-ic'], BIP + IPMASQ + MTU + ALL],
  [['-c', '-k', 'OPTS'], ALL.replace('DOCKER_OPTS', 'OPTS')],
  [['-c', '-kOPTS'], ALL.replace('DOCKER_OPTS', 'OPTS')],
  [['-cm'], ALL.replace(' --ip-masq=false', '')],
  [['-im'], BIP + MTU],
])('%j', (argv, content) => {
  expect(contentOf(argv)).toBe(content);
});

test('reads and writes where it is told to', () => {
  expect(parseOptions(['-f', '/a', '-d/b'])).toMatchObject({ input: '/a', output: '/b' });
  expect(inWorld([], { input: SUBNET_ENV }).written[0]).toBe('/run/docker_opts.env');
  expect(parseOptions([])?.input).toBe('/run/flannel/subnet.env');
});

test('without the input file the combined variable is empty', () => {
  const seen = inWorld([]);
  expect(seen.written[1]).toBe('DOCKER_OPTS=""\n');
  expect(seen.code).toBe(0);
  expect(seen.stderr).toContain('/run/flannel/subnet.env does not exist');
});

describe('inherited variables', () => {
  test('the old combined value comes first, with a space of its own', () => {
    expect(contentOf(['-c'], { env: { DOCKER_OPTS: '-D' } })).toBe(
      'DOCKER_OPTS="-D  --bip=10.1.74.1/24 --ip-masq=false --mtu=1472"\n',
    );
  });

  test('every DOCKER_OPT_ takes part, in the order of the names', () => {
    const env = { DOCKER_OPT_ZZ: '--z', DOCKER_OPT_AA: '--a', DOCKER_OPT_BIP: '--bip=old' };
    expect(contentOf(['-c'], { env })).toBe(
      'DOCKER_OPTS=" --a --bip=10.1.74.1/24 --ip-masq=false --mtu=1472 --z"\n',
    );
  });

  test('the file goes before the environment', () => {
    const env = { FLANNEL_MTU: '9000', FLANNEL_SUBNET: '' };
    expect(contentOf(['-c'], { env })).toBe(ALL);
    expect(contentOf(['-c'], { env, input: undefined })).toBe('DOCKER_OPTS=" --mtu=9000"\n');
  });
});

describe('the masquerade', () => {
  test('is the other one of the two', () => {
    const input = 'FLANNEL_IPMASQ=false\n';
    expect(contentOf(['-c'], { input })).toBe('DOCKER_OPTS=" --ip-masq=true"\n');
  });

  test('that is neither true nor false is refused, and nothing written', () => {
    const seen = inWorld([], { input: 'FLANNEL_IPMASQ=yes\n' });
    expect(seen).toMatchObject({ code: 1, written: [] });
    expect(seen.stderr).toBe(
      'weft docker-opts: FLANNEL_IPMASQ is "yes"; it must be true or false\n',
    );
  });

  test('does not matter with -m', () => {
    expect(contentOf(['-cm'], { input: 'FLANNEL_IPMASQ=yes\n' })).toBe('DOCKER_OPTS=""\n');
  });
});

test.each([
  ['FLANNEL_MTU="1472"'],
  ["export FLANNEL_MTU='1472'"],
  ['# note\nFLANNEL_MTU=1472 # note'],
])('the input %j', (input) => {
  expect(contentOf(['-c'], { input })).toBe('DOCKER_OPTS=" --mtu=1472"\n');
});

test.each([
  [['-h']],
  [['-?']],
  [['-x']],
  [['-f']],
  [['word']],
  [['-k', 'not a name']],
  [['--long']],
])('%j prints the usage and fails', (argv) => {
  expect(inWorld(argv)).toMatchObject({ code: 1, stderr: USAGE, written: [] });
});

test('--help is asked for, so it succeeds', () => {
  expect(inWorld(['--help'])).toMatchObject({ code: 0, stdout: USAGE, stderr: '' });
});

test('an output that cannot be written is one sentence', () => {
  const seen = inWorld([], { input: SUBNET_ENV, unwritable: true });
  expect(seen.code).toBe(1);
  expect(seen.stderr).toBe(
    'weft docker-opts: /run/docker_opts.env cannot be written: permission is denied; run it as root, or give another path\n',
  );
});

describe('a route that takes our subnet away', () => {
  const routes = 'default via 10.0.0.1 dev eth0\n10.1.74.0/24 via 10.0.0.9 dev eth0 \n';

  test('is reported after the file was written', () => {
    const seen = inWorld(['-c'], { input: SUBNET_ENV, routes });
    expect(seen.code).toBe(1);
    expect(seen.written[1]).toBe(ALL);
    expect(seen.stderr).toContain('"10.1.74.0/24 via 10.0.0.9 dev eth0"');
  });

  test.each([
    ['10.1.74.0/24 dev docker0 proto kernel scope link src 10.1.74.1'],
    ['110.1.74.0/24 via 10.0.0.9 dev eth0'],
    ['10.1.75.0/24 via 10.1.75.0 dev flannel.1 onlink'],
  ])('is not %s', (line) => {
    expect(conflictingRoute('10.1.74.1/24', line)).toBeUndefined();
  });

  test('lengths that are not whole bytes', () => {
    expect(conflictingRoute('10.1.75.129/23', '10.1.74.0/23 via 10.0.0.9')).toBeDefined();
    expect(conflictingRoute('10.1.75.129/26', '10.1.75.128/26 via 10.0.0.9')).toBeDefined();
  });
});

test('any arguments and any input end with an exit code', () => {
  const arbArgv = fc.array(fc.oneof(fc.string(), fc.constantFrom('-i', '-c', '-k', '-m', 'A')), {
    maxLength: 4,
  });
  const arbInput = fc.oneof(
    fc.string({ unit: 'binary-ascii' }),
    fc.string().map((value) => `FLANNEL_SUBNET=${value}`),
  );
  fc.assert(
    fc.property(arbArgv, arbInput, (argv, input) => {
      expect([0, 1]).toContain(inWorld(argv, { input, routes: input }).code);
    }),
  );
});
