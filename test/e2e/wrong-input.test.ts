/** Whatever is wrong, weftd says it in one sentence, exits with the right code, and changes nothing. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { makeAuthority, type Pair } from '../lab/certificates.ts';
import { startEtcd, type Etcd } from '../lab/etcd.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { expectKernelUnchanged, expectRefusal, withReadOnly, type Wrong } from './refusal.ts';

/** Made when the lab is there. */
type Case = readonly [name: string, wrong: () => Wrong];

/** A link without an IPv4 address. */
const BARE = 'bare0';
const CONFIG_KEY = '/coreos.com/network/config';
const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };

let lab: Lab;
let host: Host;
/** Serves TLS, and demands certificates. */
let secure: Etcd;
/** Under the lab's directory. */
let path: (name: string) => string;
let certificates: Record<'ours' | 'other', { readonly ca: string; readonly client: Pair }>;

beforeAll(async () => {
  lab = await createLab({ nodes: 1 });
  host = lab.host(1);
  path = (name) => join(lab.directory, name);
  await lab.startEtcd();
  await host.ip(`link add ${BARE} type bridge`);
  await host.ip(`link set ${BARE} up`);
  writeFileSync(path('file'), 'neither TOML nor PEM\n');
  for (const name of ['folder', 'read-only']) mkdirSync(path(name));
  const place = lab.etcdPlace;
  const [ours, other] = await Promise.all(
    ['ours', 'other'].map((name) => makeAuthority(path(name))),
  );
  if (ours === undefined || other === undefined) throw new Error('no authorities');
  const server = await ours.issue('server', [place.address]);
  certificates = {
    ours: { ca: ours.cert, client: await ours.issue('client') },
    other: { ca: other.cert, client: await other.issue('client') },
  };
  secure = await startEtcd({
    netns: place.netns,
    host: place.address,
    port: 2479,
    dataDir: path('secure-etcd'),
    clientCerts: { ca: ours.cert, ...server },
  });
});

afterAll(async () => {
  await secure?.stop();
  await lab?.close();
});

describe('settings: exit code 2', () => {
  expectKernelUnchanged(() => host);
  const file = (content: string): string[] => {
    writeFileSync(path('weftd.toml'), content);
    return [`--config=${path('weftd.toml')}`];
  };
  const cases: readonly Case[] = [
    ['unknown flag', () => ({ flags: ['--ifcae=eth0'], says: /did you mean --iface\?/ })],
    ['flag without its value', () => ({ flags: ['--iface'], says: /--iface needs a value/ })],
    ['unknown command', () => ({ flags: ['remove'], says: /there are config, plan, cleanup/ })],
    ['word after a command', () => ({ flags: ['config', 'now'], says: /takes no word "now"/ })],
    ['flag of another command', () => ({ flags: ['--yes'], says: /belongs to "weftd cleanup"/ })],
    ['port', () => ({ flags: ['--healthz-port=99999'], says: /whole number from 0 to 65535/ })],
    ['boolean', () => ({ flags: ['--ip-masq=maybe'], says: /give true or false/ })],
    ['address', () => ({ flags: ['--public-ip=10.0.0'], says: /give an IPv4 address/ })],
    ['margin', () => ({ flags: ['--subnet-lease-renew-margin=1440'], says: /from 1 to 1439/ })],
    ['pattern', () => ({ flags: ['--iface-regex=('], says: /give a regular expression/ })],
    ['endpoint', () => ({ flags: ['--etcd-endpoints=ftp://x'], says: /URLs like http/ })],
    ['level', () => ({ flags: ['--log-level=loud'], says: /one of trace, debug/ })],
    ['relative state', () => ({ flags: ['--state-dir=state'], says: /give an absolute path/ })],
    [
      'socket path too long',
      () => ({ flags: [`--socket=/${'x'.repeat(120)}`], says: /at most 107 bytes/ }),
    ],
    [
      'environment',
      () => ({
        flags: [],
        env: { FLANNELD_IP_MASQ: 'ja' },
        says: /^weftd: FLANNELD_IP_MASQ cannot/,
      }),
    ],
    [
      'password, which is not repeated',
      () => ({ flags: ['--etcd-password=se\ncret'], says: /^(?!.*cret).*--etcd-password is not/ }),
    ],
    [
      'key without certificate',
      () => ({ flags: ['--etcd-keyfile=/k'], says: /give both, or take --etcd-keyfile out/ }),
    ],
    [
      'user without password',
      () => ({ flags: ['--etcd-username=u'], says: /without --etcd-password/ }),
    ],
    ['kubernetes', () => ({ flags: ['--kube-subnet-mgr'], says: /give --etcd-endpoints/ })],
    [
      'file that is not there',
      () => ({ flags: [`--config=${path('none')}`], says: /it does not exist; correct its path/ }),
    ],
    [
      'file that is a directory',
      () => ({ flags: [`--config=${path('folder')}`], says: /it is a directory/ }),
    ],
    ['bad TOML', () => ({ flags: file('a = ['), says: /line 1, column 5 is not TOML/ })],
    ['unknown name in it', () => ({ flags: file('ifaces = "x"'), says: /did you mean iface\?/ })],
    ['wrong type in it', () => ({ flags: file('ip-masq = "x"'), says: /give true or false/ })],
    ['flag in it', () => ({ flags: file('yes = true'), says: /give it as a flag/ })],
  ];
  test.each(cases)('%s', async (_, wrong) => {
    await expectRefusal(host, 2, wrong());
  });
});

describe('what etcd says: a plan exits with 1', () => {
  expectKernelUnchanged(() => host);
  const at = (endpoint: string, { ca, client }: { ca?: string; client?: Pair } = {}): string[] => [
    '--plan',
    `--etcd-endpoints=${endpoint}`,
    ...(ca === undefined ? [] : [`--etcd-cafile=${ca}`]),
    ...(client === undefined
      ? []
      : [`--etcd-certfile=${client.cert}`, `--etcd-keyfile=${client.key}`]),
  ];
  const plain = (): string => secure.endpoint.replace('https', 'http');
  const cases: readonly Case[] = [
    [
      'nobody listens',
      () => ({
        flags: at(`http://${host.address}:9`),
        says: /does not answer at http.*ECONNREFUSED.*--etcd-endpoints names it/,
      }),
    ],
    [
      'a CA file that is not there',
      () => ({
        flags: at(secure.endpoint, { ca: path('none.pem') }),
        says: /none\.pem cannot be read: it does not exist; correct --etcd-cafile/,
      }),
    ],
    [
      'a CA file without a certificate',
      () => ({ flags: at(secure.endpoint, { ca: path('file') }), says: /correct --etcd-cafile/ }),
    ],
    [
      'a pair that is none',
      () => ({
        flags: at(secure.endpoint, {
          client: { cert: certificates.ours.client.cert, key: certificates.other.client.key },
        }),
        says: /does not belong to the key/,
      }),
    ],
    [
      'no CA',
      () => ({
        flags: at(secure.endpoint, { client: certificates.ours.client }),
        says: /does not trust .*; give the CA/,
      }),
    ],
    [
      'another CA',
      () => ({
        flags: at(secure.endpoint, { ...certificates.ours, ca: certificates.other.ca }),
        says: /does not trust .*; give the CA/,
      }),
    ],
    [
      'no client certificate',
      () => ({
        flags: at(secure.endpoint, { ca: certificates.ours.ca }),
        says: /refuses the certificate of this host .*; give in --etcd-certfile/,
      }),
    ],
    [
      'a client certificate of another CA',
      () => ({
        flags: at(secure.endpoint, { ...certificates.other, ca: certificates.ours.ca }),
        says: /refuses the certificate of this host .*; give in --etcd-certfile/,
      }),
    ],
    ['http against https', () => ({ flags: at(plain()), says: /whether it wants https/ })],
    [
      'https against http',
      () => ({
        flags: at(lab.etcdEndpoint.replace('http', 'https')),
        says: /makes no TLS connection.*begin its --etcd-endpoints with http:/,
      }),
    ],
    [
      'no network configuration',
      () => ({
        flags: ['--plan'],
        says: /put it there: etcdctl put \/coreos.com\/network\/config /,
      }),
    ],
  ];
  test.each(cases)('%s', async (_, wrong) => {
    await expectRefusal(host, 1, wrong());
  });

  test('with the right files nothing is wrong but the missing configuration', async () => {
    const flags = at(secure.endpoint, certificates.ours);
    await expectRefusal(host, 1, { flags, says: /no network configuration/ });
  });
});

describe('this host: exit code 1', () => {
  expectKernelUnchanged(() => host);
  beforeAll(() => lab.configureNetwork(NETWORK));

  const readOnly = (): string[] => withReadOnly(path('read-only'));
  const inReadOnly = (): string => path('read-only/x');
  const belowFile = (): string => path('file/x');
  // May read, as the checkout may lie where nobody else can; nothing more.
  const nobody =
    'setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search'.split(
      ' ',
    );
  const notADirectory = /a part of its path is not a directory/;
  const isReadOnly = /the file system is read-only/;
  const noPermission = /run weftd as root, or give it CAP_NET_ADMIN/;
  const cases: readonly Case[] = [
    ['no such interface', () => ({ flags: ['--iface=eth7'], says: /no interface eth7; choose/ })],
    [
      'an interface without an address',
      () => ({ flags: [`--iface=${BARE}`], says: /bare0 has no IPv4 address; choose/ }),
    ],
    [
      'no interface like the pattern',
      () => ({ flags: ['--iface-regex=^wlan'], says: /matches --iface-regex \^wlan; choose/ }),
    ],
    [
      'an address that no interface has',
      () => ({ flags: ['--public-ip=192.0.2.7'], says: /give --iface too/ }),
    ],
    ['the same for a plan', () => ({ flags: ['--plan', '--iface=eth7'], says: /choose with/ })],
    ['a user who is nobody', () => ({ flags: [], through: nobody, says: noPermission })],
    [
      'root without the capability',
      () => ({ flags: [], through: ['setpriv', '--bounding-set=-net_admin'], says: noPermission }),
    ],
    ['state below a file', () => ({ flags: [`--state-dir=${belowFile()}`], says: notADirectory })],
    ['state is a file', () => ({ flags: [`--state-dir=${path('file')}`], says: notADirectory })],
    ['run below a file', () => ({ flags: [`--run-dir=${belowFile()}`], says: notADirectory })],
    ['run is a file', () => ({ flags: [`--run-dir=${path('file')}`], says: notADirectory })],
    ['socket below a file', () => ({ flags: [`--socket=${belowFile()}`], says: notADirectory })],
    [
      'socket is a file',
      () => ({ flags: [`--socket=${path('file')}`], says: /is not a socket: remove it/ }),
    ],
    [
      'subnet.env below a file',
      () => ({ flags: [`--subnet-file=${belowFile()}`], says: notADirectory }),
    ],
    [
      'subnet.env is a directory',
      () => ({ flags: [`--subnet-file=${path('folder')}`], says: /it is a directory; choose/ }),
    ],
    [
      'state on a read-only file system',
      () => ({ flags: [`--state-dir=${inReadOnly()}`], through: readOnly(), says: isReadOnly }),
    ],
    [
      'run on a read-only file system',
      () => ({ flags: [`--run-dir=${inReadOnly()}`], through: readOnly(), says: isReadOnly }),
    ],
    [
      'socket on a read-only file system',
      () => ({ flags: [`--socket=${inReadOnly()}`], through: readOnly(), says: isReadOnly }),
    ],
    [
      'an address for health that the host does not have',
      () => ({ flags: ['--healthz-ip=192.0.2.7'], says: /no such address; correct --healthz-ip/ }),
    ],
  ];
  test.each(cases)('%s', async (_, wrong) => {
    await expectRefusal(host, 1, wrong());
  });

  test.each([
    ['unknown', { ...NETWORK, Backend: { Type: 'pigeon' } }, /"pigeon".*set Backend.Type to/],
    ['bad option', { ...NETWORK, Backend: { Type: 'vxlan', VNI: 2 ** 24 } }, /VNI must be/],
  ])('backend: %s', async (_, config, says) => {
    await lab.configureNetwork(config);
    await expectRefusal(host, 1, { flags: [], says });
    await expectRefusal(host, 1, { flags: ['--plan'], says });
    await lab.configureNetwork(NETWORK);
  });

  test.each([
    ['no JSON', '{"Network":', /is not JSON/],
    ['no network', '{"Network":"banana"}', /not an IPv4 network such as 10\.5\.0\.0\/16/],
    ['too small', '{"Network":"10.5.0.0/29"}', /too small to divide/],
  ])('network configuration for a plan: %s', async (_, text, says) => {
    await lab.etcdctl('put', CONFIG_KEY, text);
    await expectRefusal(host, 1, { flags: ['--plan'], says });
    await lab.configureNetwork(NETWORK);
  });

  test('the second weftd', async () => {
    const first = await host.startWeftd().waitReady();
    await expectRefusal(host, 1, {
      flags: [],
      says: /already running on the socket .*: stop it first/,
    });
    const flags = [`--socket=${path('second.sock')}`];
    await expectRefusal(host, 1, {
      flags,
      says: /another program does; choose another --healthz-port/,
    });
    await expectRefusal(host, 1, {
      flags: ['cleanup', '--yes'],
      says: /runs on this host .*stop it first/,
    });
    await first.stop();
    await host.runWeftd(['cleanup', '--yes']);
  });
});
