/** Names across hosts: what is attached by one line on one is known by name on all, and gone when it is detached. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDockerd } from '../lab/dockerd.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { makeMuslResolver } from '../lab/musl.ts';
import { dig } from '../lab/names.ts';
import type { Namespace } from '../lab/namespace.ts';
import { readSubnetEnv } from '../lab/subnet-env.ts';
import { makeTarget } from '../lab/target.ts';

const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
const SOON = 10_000;

interface Attached {
  readonly name: string;
  readonly host: Host;
  readonly target: Namespace;
  readonly address: string;
  readonly gateway: string;
}

let lab: Lab;
const attached: Attached[] = [];
/** The path of a program. */
let musl: string;

beforeAll(async () => {
  lab = await createLab({ nodes: 3 });
  musl = await makeMuslResolver(lab.host(1).directory);
  await lab.startEtcd();
  await lab.configureNetwork(NETWORK);
  const daemons = lab.hosts.map((host) => host.startWeftd());
  await Promise.all(daemons.map((daemon) => daemon.waitReady()));
  for (const host of lab.hosts)
    for (const number of [1, 2, 3]) {
      const target = await makeTarget(host, `w${number}`);
      const name = `${host.name}-w${number}`;
      const said = await host.weft('attach', `netns:${target.netns}`, '--name', name, '--json');
      expect([said.code, said.stderr]).toEqual([0, '']);
      const { addresses } = JSON.parse(said.stdout) as { readonly addresses: string[] };
      const { gateways } = await readSubnetEnv(host.subnetFile);
      const gateway = gateways[4]?.address ?? '';
      attached.push({ name, host, target, address: addresses[0] ?? '', gateway });
    }
  await untilAll(async ({ target, gateway }) => {
    for (const { name, address } of attached)
      expect((await dig(target, gateway, name)).data).toEqual([address]);
  });
});
afterAll(() => lab?.close());

async function untilAll(check: (of: Attached) => Promise<void>): Promise<void> {
  await Promise.all(
    attached.map((of) =>
      eventually(async () => (await check(of), true), { within: SOON, what: `${of.name} knows` }),
    ),
  );
}

/** With the resolv.conf that weft wrote for the namespace, as `ip netns exec` has it. */
function inside({ host, target }: Attached, ...words: readonly string[]): Promise<string> {
  return host.ground
    .run('ip', ['netns', 'exec', target.netns, ...words])
    .then(({ stdout, stderr }) => stdout + stderr);
}

/** For names that stand behind it: a line for each, in their order, in which its address is. */
const PROGRAMS: readonly (readonly [string, () => string])[] = [
  ['glibc, by getent', () => 'for n; do getent ahostsv4 $n | head -n1; done'],
  ['dig', () => 'for n; do dig +short +search +tries=2 +time=3 $n; done'],
  [
    'a static busybox, by ping',
    () => 'for n; do busybox ping -c1 -W3 $n | grep -A1 ^PING | xargs; done',
  ],
  [
    'a static busybox, by nslookup',
    () => 'for n; do busybox nslookup -type=a $n.default.weft | grep ^Address: | tail -n1; done',
  ],
  ['musl', () => `${musl} "$@"`],
];

test.each(PROGRAMS)(
  'each reaches each by its name with %s, without being told of a server',
  async (_, script) => {
    const words = attached.map(({ name }) => name);
    await Promise.all(
      attached.map(async (of) => {
        const text = await inside(of, 'sh', '-c', script(), 'sh', ...words);
        const lines = text.trim().split('\n');
        expect(lines).toHaveLength(attached.length);
        for (const [at, { address }] of attached.entries())
          expect(lines[at]?.split(/[^\d.]+/)).toContain(address);
      }),
    );
  },
);

test('a name that is detached is gone on every host', async () => {
  const { name, host } = attached.pop() as Attached;
  expect((await host.weft('detach', name)).code).toBe(0);
  await untilAll(async ({ target, gateway }) => {
    expect((await dig(target, gateway, name)).status).toBe('NXDOMAIN');
  });
});

test('a container of Docker, told of the gateway, resolves names of other hosts', async () => {
  const [, , third] = lab.hosts as [Host, Host, Host];
  const { gateways } = await readSubnetEnv(third.subnetFile);
  const [gateway = ''] = [gateways[4]?.address];
  const { length = 24 } = gateways[4] ?? {};
  // The bridge is weft's own already, and Docker takes it.
  const engine = await startDockerd(third, [
    '--bridge=weft0',
    `--fixed-cidr=${gateway}/${length}`,
    '--ip-masq=false',
  ]);
  const container = await engine.run(['--dns', gateway]);
  for (const { name, address } of attached.slice(0, 3)) {
    const { stdout } = await container.exec('nslookup', `${name}.default.weft`);
    expect(stdout).toContain(address);
  }
  expect((await container.exec('nslookup', 'h1.host.weft')).stdout).toContain(lab.host(1).address);
  await engine.stop();
});
