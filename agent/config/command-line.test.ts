import fc from 'fast-check';
import { stringify } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { DEFAULT_POOLS } from '../ip/pool.ts';
import { parseCommandLine, type CommandLine } from './command-line.ts';
import { OPTION_NAMES, environmentNames, optionNamed, type OptionName } from './options.ts';
import type { Environment } from './settings.ts';

function parse(argv: string[], env: Environment = {}, files: Record<string, string> = {}) {
  return parseCommandLine(argv, env, (path) => {
    const content = files[path];
    if (content === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
    return content;
  });
}

function parsed(line: CommandLine) {
  if (line.kind !== 'command') throw new Error(JSON.stringify(line));
  return line;
}

const configOf = (...given: Parameters<typeof parse>) => parsed(parse(...given)).config;

function errorOf(...given: Parameters<typeof parse>): string {
  const line = parse(...given);
  return line.kind === 'error' ? line.message : `no error but ${line.kind}`;
}

const FILE = '/etc/weft/weftd.toml';

test("without anything, the defaults are flanneld's", () => {
  expect(configOf([])).toEqual({
    etcd: {
      endpoints: ['http://127.0.0.1:4001', 'http://127.0.0.1:2379'],
      prefix: '/coreos.com/network',
    },
    underlay: { interfaces: [], interfacePatterns: [], publicAddresses: {} },
    subnetFile: '/run/flannel/subnet.env',
    renewMarginMs: 3_600_000,
    wireguardRotateEveryMs: 0,
    networks: { etcdPrefix: '/weft', pools: DEFAULT_POOLS, addressGraceMs: 3_600_000 },
    gossip: { port: 7946, join: [] },
    dns: { domain: 'weft', ttl: 1, bind: ['127.0.0.57:53'], upstreams: [] },
    firewall: {
      masquerade: false,
      fullyRandom: true,
      forwardRules: true,
      blackholeRoute: false,
    },
    health: { address: '0.0.0.0', port: 0 },
    stateDir: '/var/lib/weft',
    runDir: '/run/weft',
    socket: '/run/weft/weft.sock',
    log: { level: 'info', format: 'auto' },
  });
});

test('the configuration is frozen to its depths', () => {
  const config = configOf(['--iface=eth0']);
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.underlay.interfaces)).toBe(true);
});

test('networks have keys, pools and a grace time of their own', () => {
  const flags = ['--etcd-weft-prefix=/lab/', '--network-pool=10.9.0.0/16:24', '--address-grace=2m'];
  expect(configOf(flags).networks).toEqual({
    etcdPrefix: '/lab',
    pools: [{ prefix: '10.9.0.0/16', length: 24 }],
    addressGraceMs: 120_000,
  });
  expect(errorOf(['--etcd-weft-prefix=/coreos.com/network/weft'])).toMatch(/one below the other/);
  expect(errorOf(['--etcd-prefix=/weft/flannel'])).toMatch(/one below the other/);
  expect(errorOf(['--network-pool=10.9.0.0/16'])).toMatch(/PREFIX|a prefix and the length/);
  expect(errorOf(['--address-grace=0'])).toMatch(/of 1m at least$|1m/);
});

describe('dns', () => {
  test('is where, under which domain, and with whose help', () => {
    const flags = ['--dns-domain=lab.example', '--dns-ttl=5', '--dns-bind=127.0.0.54'];
    const file = { [FILE]: 'dns-upstream = ["192.0.2.53:5353", "fd00::53"]\n' };
    expect(configOf(flags, {}, file).dns).toEqual({
      domain: 'lab.example',
      ttl: 5,
      bind: ['127.0.0.54:53'],
      upstreams: ['192.0.2.53:5353', '[fd00::53]:53'],
    });
  });

  test('is off with --no-dns', () => {
    const line = parsed(parse(['--no-dns', '--dns-bind=127.0.0.54']));
    expect(line.config.dns).toBeUndefined();
    expect(line.warnings).toEqual(['without effect because of --no-dns: --dns-bind']);
  });

  test.each([
    ['--dns-domain=Weft', /letters, digits and dashes in lower case/],
    ['--dns-domain=.weft', /--dns-domain cannot be/],
    ['--dns-bind=localhost', /give an address, with :PORT if it is not 53/],
    ['--dns-ttl=-1', /from 0 to 86400/],
  ])('refuses %s', (flag, message) => {
    expect(parse([flag])).toMatchObject({ kind: 'error', message: expect.stringMatching(message) });
  });
});

describe('gossip', () => {
  test('every setting, also from environment and file', () => {
    const flags = ['--join=h1', '--join=[fd00::1]:7000', '--node-name=web-1.example'];
    const env = { WEFT_GOSSIP_BIND: 'eth1', WEFT_GOSSIP_ADVERTISE: '203.0.113.7:17946' };
    const file = { [FILE]: 'gossip-port = 7000\ngossip-key-file = "/etc/weft/keyring"\n' };
    expect(configOf(flags, env, file).gossip).toEqual({
      name: 'web-1.example',
      bind: 'eth1',
      port: 7000,
      advertise: { address: '203.0.113.7', port: 17_946 },
      join: ['h1', '[fd00::1]:7000'],
      keyFile: '/etc/weft/keyring',
    });
    expect(configOf([], { WEFT_JOIN: 'h1' }).gossip?.join).toEqual(['h1']);
    expect(configOf(['--gossip-advertise=fd00::1']).gossip?.advertise).toEqual({
      address: 'fd00::1',
    });
  });

  test('switched off there is none, and what is of no use then is said', () => {
    const line = parsed(parse(['--no-gossip', '--join=h1', '--gossip-key-file=/k']));
    expect(line.config.gossip).toBeUndefined();
    expect(line.warnings).toEqual([
      'without effect because of --no-gossip: --join, --gossip-key-file',
    ]);
    expect(parsed(parse(['--no-gossip'])).warnings).toEqual([]);
  });

  test.each([
    ['--join=h1:0', '--join cannot be "h1:0"; give a host name or address, with :PORT'],
    ['--node-name=a b', '--node-name cannot be "a b"; give up to 128 letters, digits, dots'],
    ['--gossip-port=0', '--gossip-port cannot be "0"; give a whole number from 1 to 65535'],
    ['--gossip-advertise=h1', '--gossip-advertise cannot be "h1"; give an address, with :PORT'],
    ['--gossip=false', 'weftd has no flag "--gossip"; did you mean --no-gossip?'],
  ])('%s is refused', (flag, sentence) => {
    expect(errorOf([flag])).toContain(sentence);
  });
});

describe("Go's flag syntax", () => {
  test.each([
    [['--iface', 'eth1']],
    [['-iface', 'eth1']],
    [['--iface=eth1']],
    [['-iface=eth1']],
    [['--iface=eth1', '--']],
  ])('%j', (argv) => {
    expect(configOf(argv).underlay.interfaces).toEqual(['eth1']);
  });

  test('a boolean takes its value only after =', () => {
    expect(configOf(['--ip-masq']).firewall.masquerade).toBe(true);
    expect(configOf(['--ip-masq=f']).firewall.masquerade).toBe(false);
    expect(errorOf(['--ip-masq', 'false'])).toContain('no command "false"');
  });

  test('repeatable flags add up, others are replaced by the last', () => {
    const config = configOf(['-iface=a', '-iface=b', '-healthz-port=1', '-healthz-port=2']);
    expect(config.underlay.interfaces).toEqual(['a', 'b']);
    expect(config.health.port).toBe(2);
  });

  test('a value may hold = and may look like a flag', () => {
    expect(configOf(['--etcd-username=a=b', '--etcd-password', '-x']).etcd).toMatchObject({
      username: 'a=b',
      password: '-x',
    });
  });
});

describe('precedence', () => {
  const file = { [FILE]: 'healthz-port = 4\n' };
  test.each([
    [['-healthz-port=1'], { WEFT_HEALTHZ_PORT: '2', FLANNELD_HEALTHZ_PORT: '3' }, file, 1],
    [[], { WEFT_HEALTHZ_PORT: '2', FLANNELD_HEALTHZ_PORT: '3' }, file, 2],
    [[], { WEFT_HEALTHZ_PORT: '', FLANNELD_HEALTHZ_PORT: '3' }, file, 3],
    [[], { FLANNELD_HEALTHZ_PORT: '' }, file, 4],
    [[], {}, {}, 0],
  ])('%j %j %j', (argv, env, files, port) => {
    expect(configOf(argv, env, files).health.port).toBe(port);
  });

  test('the provenance names the variable and the file', () => {
    const { provenance } = parsed(parse([], { FLANNELD_IFACE: 'eth7' }, file));
    const sourceOf = (name: OptionName) =>
      provenance.find((setting) => setting.name === name)?.source;
    expect(sourceOf('iface')).toEqual({ kind: 'environment', variable: 'FLANNELD_IFACE' });
    expect(sourceOf('healthz-port')).toEqual({ kind: 'file', path: FILE });
    expect(sourceOf('public-ip')).toEqual({ kind: 'default' });
  });

  test('an empty text unsets what need not be set', () => {
    const env = { WEFT_PUBLIC_IP: '192.0.2.1' };
    expect(configOf(['--public-ip=', '--iface='], env).underlay).toEqual({
      interfaces: [],
      interfacePatterns: [],
      publicAddresses: {},
    });
    expect(errorOf(['--etcd-prefix='])).toContain('--etcd-prefix cannot be ""');
  });
});

test("klog's verbosity becomes our level, unless that is given", () => {
  expect(configOf(['-v=2']).log.level).toBe('debug');
  expect(configOf(['-v', '0']).log.level).toBe('info');
  expect(configOf(['-v=2', '--log-level=warn']).log.level).toBe('warn');
});

test("flanneld's other flags are accepted with one warning", () => {
  const argv = ['-logtostderr', '-stderrthreshold', 'INFO', '--kube-subnet-mgr=false'];
  expect(parsed(parse(argv)).warnings).toEqual([
    "accepted for flanneld's sake and without effect: --logtostderr, --stderrthreshold",
  ]);
});

test('commands and their own flags', () => {
  expect(parsed(parse(['cleanup', '--yes'])).command).toEqual({
    name: 'cleanup',
    yes: true,
    releaseLease: false,
  });
  expect(parsed(parse(['--plan'])).command).toEqual({ name: 'plan', json: false });
  expect(parsed(parse(['--ip-masq', 'config', '--json'])).command).toEqual({
    name: 'config',
    json: true,
  });
  expect(parse(['-h']).kind).toBe('help');
  expect(parse(['cleanup', '--help']).kind).toBe('help');
  expect(parse(['--version']).kind).toBe('version');
});

test("patterns are compiled, RE2's (?i) too", () => {
  expect(
    configOf(['--iface-regex=(?i)ETH', '--iface-regex=^w']).underlay.interfacePatterns,
  ).toEqual([/ETH/i, /^w/]);
});

test('the socket follows the run directory', () => {
  expect(configOf(['--run-dir=/run/a/']).socket).toBe('/run/a/weft.sock');
  expect(configOf(['--run-dir=/run/a', '--socket=/s']).socket).toBe('/s');
});

test('endpoints and prefix come in one form', () => {
  const { etcd } = configOf([
    '-etcd-endpoints=10.0.0.1, https://[fd00::1]:4/',
    '-etcd-prefix=/a//b/',
  ]);
  expect(etcd.endpoints).toEqual(['http://10.0.0.1:2379', 'https://[fd00::1]:4']);
  expect(etcd.prefix).toBe('/a/b');
});

test('TLS without an https endpoint is worth a warning', () => {
  expect(parsed(parse(['--etcd-cafile=/ca'])).warnings).toHaveLength(1);
  const https = ['--etcd-endpoints=https://a', '--etcd-cafile=/ca'];
  expect(parsed(parse(https)).warnings).toEqual([]);
});

describe('what is wrong is one sentence', () => {
  test.each<[string[], string]>([
    [['--etcd-endpoint=x'], 'did you mean --etcd-endpoints?'],
    [['--frobnicate-everything'], 'weftd has no flag "--frobnicate-everything"; "weftd --help"'],
    [['start'], 'no command "start"; there are config, plan, cleanup'],
    [['config', 'x'], 'weftd config takes no word "x"'],
    [['--iface'], '--iface needs a value'],
    [['--healthz-port=70000'], '--healthz-port cannot be "70000"; give a whole number from 0'],
    [['--subnet-lease-renew-margin=0'], 'a whole number from 1 to 1439'],
    [['--ip-masq=yes'], '--ip-masq cannot be "yes"; give true or false'],
    [['--public-ip=fd00::1'], '--public-ip cannot be "fd00::1"; give an IPv4 address'],
    [['--iface-regex=('], '--iface-regex cannot be "("; give a regular expression'],
    [['--etcd-endpoints=ftp://x'], 'give URLs like http://'],
    [['--etcd-endpoints=http://u:p@x:1'], 'give URLs like http://'],
    [['--etcd-keyfile=/k'], '--etcd-keyfile is of no use without --etcd-certfile'],
    [['--etcd-username=u'], 'without --etcd-password'],
    [['--kube-subnet-mgr'], 'keeps its leases in etcd'],
    [['--yes'], '--yes belongs to "weftd cleanup"'],
    [['cleanup', '--plan'], '--plan belongs to "weftd" and "weftd plan"'],
    [['--config=/nowhere'], '"/nowhere" cannot be read: it does not exist'],
    [['--state-dir=here'], 'give an absolute path'],
    [[`--run-dir=/${'x'.repeat(100)}`], '--run-dir is too long for a socket in it'],
  ])('%j', (argv, part) => {
    expect(errorOf(argv)).toContain(part);
  });

  test.each<[string, string]>([
    ['iface = 3', 'iface is of the wrong type'],
    ['ip-masq = "true"', 'ip-masq is of the wrong type; give true or false'],
    ['ifaces = ["a"]', 'there is no setting "ifaces"; did you mean iface?'],
    ['[etcd]\nendpoints = 1', 'there is no setting "etcd"'],
    ['yes = true', 'yes cannot stand in the file'],
    ['iface = [', 'is not TOML'],
    ['healthz-port = -1', `"${FILE}": healthz-port cannot be "-1"`],
  ])('file %j', (content, part) => {
    expect(errorOf([], {}, { [FILE]: content })).toContain(part);
  });

  test('a variable is named', () => {
    expect(errorOf([], { FLANNELD_IP_MASQ: 'maybe' })).toMatch(/^FLANNELD_IP_MASQ cannot be/);
  });

  test('a secret is never repeated', () => {
    expect(errorOf(['--etcd-password=a\u0007b'])).not.toContain('b;');
  });
});

/** Words that come close to what is meant, so that the deep paths are walked. */
const arbWord = fc.oneof(
  fc.string(),
  fc.constantFrom('config', 'plan', 'cleanup', '--', '-', 'true', '1', '10.0.0.1', 'fd00::1', ''),
  fc
    .tuple(
      fc.constantFrom('-', '--'),
      fc.constantFrom(...OPTION_NAMES),
      fc.option(fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.constantFrom('true', '5', '/x'))),
    )
    .map(([dash, name, value]) => `${dash}${name}${value === null ? '' : `=${value}`}`),
);

test('any command line, environment and file give a result or one sentence', () => {
  const arbEnv = fc.dictionary(
    fc.constantFrom(...OPTION_NAMES.flatMap((name) => environmentNames(name))),
    fc.string(),
    { maxKeys: 3 },
  );
  const arbFile = fc.oneof(fc.constant(''), fc.string(), fc.constant('iface = ["a"]'));
  fc.assert(
    fc.property(fc.array(arbWord, { maxLength: 5 }), arbEnv, arbFile, (argv, env, file) => {
      const line = parse(argv, env, { [FILE]: file });
      if (line.kind !== 'error') return;
      expect(line.message).not.toBe('');
      expect(line.message).not.toMatch(/[\n\r]/);
    }),
  );
});

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
const arbSettings = fc.record(
  {
    'etcd-prefix': fc.constantFrom('/a', 'a/b', '/coreos.com/network'),
    'iface-can-reach': fc.oneof(fc.ipV4(), fc.constantFrom('fd00::1', '::')),
    'public-ip': fc.ipV4(),
    'ip-masq': fc.boolean(),
    'healthz-port': fc.integer({ min: 0, max: 65_535 }),
    'log-level': fc.constantFrom(...LEVELS),
    'state-dir': fc.constantFrom('/a', '/b c', '/ü"\\'),
  },
  { requiredKeys: [] },
);

test('flags, environment and file say the same', () => {
  fc.assert(
    fc.property(arbSettings, (settings) => {
      const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
      const env = Object.fromEntries(
        Object.entries(settings).map(([name, value]) => [
          environmentNames(name as OptionName)[0] ?? '',
          String(value),
        ]),
      );
      const config = configOf(flags);
      expect(configOf([], env)).toEqual(config);
      expect(configOf([], {}, { [FILE]: stringify(settings) })).toEqual(config);
    }),
  );
});

test('every default reads back as itself', () => {
  for (const name of OPTION_NAMES) {
    const { default: value, type } = optionNamed(name);
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    expect(type.parse(type.format(value))).toEqual(value);
  }
});

test.each([
  ['30d', 2_592_000_000],
  ['12h', 43_200_000],
  ['90m', 5_400_000],
  ['10m', 600_000],
  ['600s', 600_000],
  ['0s', 0],
  ['0', 0],
])('a time of %s', (text, ms) => {
  expect(configOf([`--wireguard-rotate-every=${text}`]).wireguardRotateEveryMs).toBe(ms);
});

test.each(['30', '1w', '-1d', '1.5h', 'd', '1s', '9m', '599s'])(
  'a time of %s is refused',
  (text) => {
    expect(errorOf([`--wireguard-rotate-every=${text}`])).toBe(
      `--wireguard-rotate-every cannot be "${text}"; give a whole number with d, h, m or s after it, as 30d, of 10m at least, or 0`,
    );
  },
);
