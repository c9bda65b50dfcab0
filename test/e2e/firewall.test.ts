/**
 * The firewall on the real kernel. A router (the host) between three others:
 *
 *     container 10.5.1.2 ──┐
 *     peer      10.5.2.2 ──┼── host (.1 everywhere; here the drivers run)
 *     outside  192.0.2.2 ──┘
 *
 * and the same in v6.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { firewallPlan, type FirewallFacts } from '../../agent/firewall/plan.ts';
import { prefix } from '../../agent/ip/prefix.ts';
import { diff, inOrder } from '../../agent/state/diff.ts';
import type { KernelEvent, Operation, Outcome } from '../../agent/state/kernel.ts';
import { keyOf, type Resource } from '../../agent/state/resource.ts';

const PREFIX = `wkfw${process.pid}`;
const REPOSITORY = new URL('../..', import.meta.url).pathname;
/** How soon a change by hand must be told, in ms. */
const SOON = 1000;
/** How long a packet that should be dropped is waited for, in ms. */
const DROPPED = 300;
/** How long a packet that should come is waited for, in ms. */
const PASSED = 5000;

const SIDES = [
  { name: 'container', v4: '10.5.1', v6: 'fd00:5:0:1' },
  { name: 'peer', v4: '10.5.2', v6: 'fd00:5:0:2' },
  { name: 'outside', v4: '192.0.2', v6: '2001:db8:0:1' },
] as const;
type Side = (typeof SIDES)[number]['name'];
const FAMILIES = [
  { family: 'v4', at: (side: Side, host: number) => `${net(side).v4}.${host}` },
  { family: 'v6', at: (side: Side, host: number) => `${net(side).v6}::${host}` },
];

const FACTS: FirewallFacts = {
  networks: { 4: prefix('10.5.0.0/16'), 6: prefix('fd00:5::/48') },
  subnets: { 4: prefix('10.5.1.0/24'), 6: prefix('fd00:5:0:1::/64') },
  masquerade: true,
  fullyRandom: true,
  forward: true,
  forwardChains: {},
  blackholeRoute: false,
};

const HERE = { 4: prefix('10.6.0.0/24'), 6: prefix('fd00:6::/64') };
const ALL = [4097, 4096].map((vni, i) => {
  return { bridge: `weft-${vni}`, vni, encrypted: true, subnets: i ? {} : HERE, internal: !i };
});

function net(side: Side): (typeof SIDES)[number] {
  return SIDES.find(({ name }) => name === side) ?? SIDES[0];
}

const HOST = `${PREFIX}-host`;
let directory: string;
let programs: Program[] = [];
let namespaces: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wkfw-'));
  makeNamespace(HOST);
  inside(HOST, 'ip link set lo up');
});

afterEach(() => {
  for (const program of programs) program.end();
  programs = [];
  for (const namespace of namespaces) ip('netns', 'del', namespace);
  namespaces = [];
  rmSync(directory, { recursive: true, force: true });
});

describe('tables and rules', () => {
  test('what was applied is listed as it was desired, by a driver opened later too', async () => {
    inside(HOST, 'iptables -P FORWARD DROP', 'ip6tables -P FORWARD DROP');
    const drivers = openDrivers();
    const chains = (await drivers.ask({ do: 'chains' })) as FirewallFacts['forwardChains'];
    expect(chains).toEqual({ 4: 'FORWARD', 6: 'FORWARD' });
    const desired = firewallPlan({ ...FACTS, forwardChains: chains });
    expect(desired).toHaveLength(5);
    expect(await settle(drivers, desired)).toHaveLength(5);
    expect(await difference(drivers, desired)).toEqual([]);
    expect(await difference(openDrivers(), desired)).toEqual([]);
  });

  test('without fully-random, without masquerading, for one family, for single addresses, for networks of users', async () => {
    const drivers = openDrivers();
    const variants: Partial<FirewallFacts>[] = [
      { fullyRandom: false },
      { masquerade: false },
      { forward: false },
      { networks: { 4: prefix('10.5.0.0/16') }, subnets: { 4: prefix('10.5.1.0/32') } },
      { networks: { 6: prefix('fd00:5::/48') }, subnets: { 6: prefix('fd00:5::1/128') } },
      { networks: { 4: prefix('0.0.0.0/0') }, subnets: { 4: prefix('10.5.1.0/24') } },
      { userNetworks: { standing: ALL, known: [HERE], ports: [1], endpoints: ALL, tunnel: 'wg' } },
    ];
    for (const variant of variants) {
      const desired = firewallPlan({ ...FACTS, ...variant });
      expect(await settle(drivers, desired)).toHaveLength(1);
      expect(await difference(drivers, desired), JSON.stringify(variant)).toEqual([]);
    }
    expect(await settle(drivers, [])).toHaveLength(1);
    expect(inside(HOST, 'nft list ruleset')).toBe('');
  });

  test('looking makes nothing, and looking is quiet about what we did ourselves', async () => {
    const drivers = openDrivers();
    await drivers.ask({ do: 'watch' });
    expect(await drivers.ask({ do: 'chains' })).toEqual({});
    expect(await drivers.ask({ do: 'dump' })).toEqual([]);
    expect(inside(HOST, 'nft list ruleset')).toBe('');
    await settle(drivers, firewallPlan(FACTS));
    // A foreign change afterwards proves that the events of our own were read, and told nobody.
    inside(HOST, 'iptables -N DOCKER-USER');
    await drivers.until((event) => event.type === 'chains');
    expect(drivers.events.map((event) => event.type)).toEqual(['chains']);
  });

  test('a deleted rule, chain or table, and a foreign rule in ours, are told within a second', async () => {
    const drivers = openDrivers();
    await drivers.ask({ do: 'watch' });
    const desired = firewallPlan(FACTS);
    for (const [command, type] of [
      ['nft flush chain inet weft forward', 'present'],
      ['nft delete chain inet weft forward', 'present'],
      ['nft add rule inet weft forward drop', 'present'],
      ['nft add chain inet weft other', 'present'],
      ['nft delete table inet weft', 'absent'],
      ['nft flush ruleset', 'absent'],
      ['nft add table ip weft', 'present'],
    ] as const) {
      await settle(drivers, desired);
      drivers.events.length = 0;
      inside(HOST, command);
      await drivers.until((event) => event.type === type);
      expect(await difference(drivers, desired), command).toHaveLength(1);
    }
  });

  test('a table that nft refuses is not half made', async () => {
    const drivers = openDrivers();
    const good = firewallPlan(FACTS);
    await settle(drivers, good);
    const objects = [{ table: { family: 'inet', name: 'weft' } }, { rule: { family: 'inet' } }];
    const bad = { kind: 'nftables', family: 'inet', table: 'weft', objects } as const;
    const [outcome] = (await drivers.ask({
      do: 'apply',
      operations: [{ action: 'create', desired: bad }],
    })) as Outcome[];
    expect(outcome).toMatchObject({ status: 'failed', code: 'NFT' });
    expect(await difference(drivers, good)).toEqual([]);
  });

  test('a rule is made once, and every copy of it is removed', async () => {
    inside(HOST, 'iptables -N DOCKER-USER', 'iptables -A DOCKER-USER -j RETURN');
    const drivers = openDrivers();
    const desired = firewallPlan({ ...FACTS, forwardChains: { 4: 'DOCKER-USER' } });
    await settle(drivers, desired);
    const apply = desired.map((resource) => ({ action: 'create', desired: resource }));
    await drivers.ask({ do: 'apply', operations: apply });
    const rules = inside(HOST, 'iptables -S DOCKER-USER').trim().split('\n');
    expect(rules).toHaveLength(4);
    expect(rules.at(-1)).toBe('-A DOCKER-USER -j RETURN');
    inside(HOST, `iptables ${rules[1]}`);
    await settle(drivers, []);
    expect(inside(HOST, 'iptables -S DOCKER-USER')).toBe(
      '-N DOCKER-USER\n-A DOCKER-USER -j RETURN\n',
    );
  });
});

describe('held by the reconciler', () => {
  test('whatever is taken away is back within a second, and follows Docker when it comes', async () => {
    inside(HOST, 'iptables -P FORWARD DROP');
    const drivers = openDrivers();
    await drivers.ask({ do: 'hold', facts: FACTS });
    const table = inside(HOST, 'nft list table inet weft');
    const rulesIn = (chain: string): string[] =>
      inside(HOST, 'iptables -S')
        .split('\n')
        .filter((line) => line.startsWith(`-A ${chain} `) && line.includes('"weft forward"'));
    expect(rulesIn('FORWARD')).toHaveLength(2);

    for (const command of ['nft delete table inet weft', 'nft flush chain inet weft postrouting']) {
      inside(HOST, command);
      await within(SOON, () => expect(tryInside('nft list table inet weft')).toBe(table));
    }
    inside(HOST, 'iptables -F FORWARD');
    await within(SOON, () => expect(rulesIn('FORWARD')).toHaveLength(2));
    inside(HOST, 'nft flush ruleset');
    await within(SOON, () => expect(tryInside('nft list table inet weft')).toBe(table));
    inside(HOST, 'iptables -P FORWARD DROP');
    await within(SOON, () => expect(rulesIn('FORWARD')).toHaveLength(2));

    inside(HOST, 'iptables -N DOCKER-USER', 'iptables -A DOCKER-USER -j RETURN');
    await within(SOON, () => expect(rulesIn('DOCKER-USER')).toHaveLength(2));
    await within(SOON, () => expect(rulesIn('FORWARD')).toHaveLength(0));
    inside(HOST, 'iptables -F DOCKER-USER');
    await within(SOON, () => expect(rulesIn('DOCKER-USER')).toHaveLength(2));
    inside(HOST, 'iptables -F DOCKER-USER', 'iptables -X DOCKER-USER');
    await within(SOON, () => expect(rulesIn('FORWARD')).toHaveLength(2));
    expect(drivers.events).toEqual([]);
  });
});

describe('hosts that differ', () => {
  test('without nft and iptables there is nothing, and a table that is wanted says what to install', async () => {
    const drivers = openDrivers(directory);
    await drivers.ask({ do: 'watch' });
    expect(await drivers.ask({ do: 'chains' })).toEqual({});
    expect(await drivers.ask({ do: 'dump' })).toEqual([]);
    const operations = firewallPlan(FACTS).map((desired) => ({ action: 'create', desired }));
    expect(await drivers.ask({ do: 'apply', operations })).toEqual([
      {
        status: 'failed',
        code: 'ENOENT',
        message: 'nft is not installed: install the Debian package nftables',
      },
    ]);
  });

  test('legacy iptables: nothing is made by looking, and a flushed chain is told within a second', async () => {
    for (const name of ['iptables', 'iptables-save', 'ip6tables', 'ip6tables-save'])
      symlinkSync('/usr/sbin/xtables-legacy-multi', join(directory, name));
    const legacy = `${directory}:${process.env['PATH']}`;
    const drivers = openDrivers(legacy);
    await drivers.ask({ do: 'watch' });
    expect(await drivers.ask({ do: 'chains' })).toEqual({});
    expect(inside(HOST, 'cat /proc/self/net/ip_tables_names')).toBe('');
    inside(HOST, 'iptables-legacy -P FORWARD DROP');
    await drivers.until((event) => event.type === 'chains');
    expect(await drivers.ask({ do: 'chains' })).toEqual({ 4: 'FORWARD' });
    const desired = firewallPlan({ ...FACTS, forwardChains: { 4: 'FORWARD' } });
    await settle(drivers, desired);
    expect(await difference(openDrivers(legacy), desired)).toEqual([]);
    inside(HOST, 'iptables-legacy -F FORWARD');
    await drivers.until((event) => event.type === 'absent');
    expect(await difference(drivers, desired)).toHaveLength(2);
  });
});

describe.each(FAMILIES)('packets, $family', ({ family, at }) => {
  test('sources are kept inside the overlay and masqueraded at its edge', async () => {
    const probes = await makeSides();
    const seen = (from: Side, to: Side): Promise<unknown> =>
      probes[from].ask({ to: at(to, 2), patience: PASSED });
    expect(await seen('container', 'outside')).toBe(at('container', 2));
    await settle(openDrivers(), firewallPlan(FACTS));
    expect(await seen('container', 'peer')).toBe(at('container', 2));
    expect(await seen('peer', 'container')).toBe(at('peer', 2));
    expect(await seen('outside', 'container')).toBe(at('outside', 2));
    expect(await seen('container', 'outside')).toBe(at('outside', 1));
    expect(await seen('peer', 'outside')).toBe(at('outside', 1));
    expect(await seen('outside', 'peer')).toBe(at('peer', 1));
    const tables = family === 'v4' ? 'iptables' : 'ip6tables';
    inside(HOST, `${tables} -t mangle -A PREROUTING -j MARK --set-mark 0x14001`);
    expect(await seen('container', 'outside')).toBe(at('container', 2));
  });

  test('a FORWARD chain that drops lets the overlay pass, with DOCKER-USER and without', async () => {
    const tables = family === 'v4' ? 'iptables' : 'ip6tables';
    const probes = await makeSides();
    const passes = (patience: number): Promise<unknown> =>
      probes.container.ask({ to: at('peer', 2), patience });
    const expectPassing = async (): Promise<void> =>
      expect(await passes(PASSED)).toBe(at('container', 2));
    const expectDropped = async (): Promise<void> => expect(await passes(DROPPED)).toBeNull();
    await expectPassing();
    inside(HOST, `${tables} -P FORWARD DROP`);
    const drivers = openDrivers();
    await drivers.ask({ do: 'watch' });
    const plan = async (): Promise<readonly Resource[]> => {
      const forwardChains = await drivers.ask({ do: 'chains' });
      return firewallPlan({ ...FACTS, forwardChains } as FirewallFacts);
    };
    await settle(drivers, firewallPlan(FACTS));
    await expectDropped();
    await settle(drivers, await plan());
    await expectPassing();

    drivers.events.length = 0;
    inside(
      HOST,
      `${tables} -F FORWARD`,
      `${tables} -N DOCKER-USER`,
      `${tables} -A DOCKER-USER -j RETURN`,
      `${tables} -I FORWARD -j DOCKER-USER`,
    );
    await drivers.until((event) => event.type === 'chains');
    await expectDropped();
    await settle(drivers, await plan());
    await expectPassing();

    drivers.events.length = 0;
    inside(HOST, `${tables} -F DOCKER-USER`);
    await drivers.until(() => drivers.events.filter(({ type }) => type === 'absent').length === 2);
    await expectDropped();
    await settle(drivers, await plan());
    await expectPassing();
  });
});

type Event = KernelEvent | { readonly type: 'chains'; readonly chains: unknown };

/** A program in a namespace, and what it told. */
class Program {
  readonly events: Event[] = [];
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (message: Record<string, unknown>) => void>();
  #wake: () => void = () => {};
  #next = 1;

  constructor(
    namespace: string,
    file: string,
    args: readonly string[] = [],
    path = process.env['PATH'],
  ) {
    const main = join(REPOSITORY, 'test/e2e/programs', file);
    const node = [process.execPath, '--import', 'tsx', main, ...args];
    const inPath = ['env', `PATH=${path}`, ...node];
    this.#child = spawn('ip', ['netns', 'exec', namespace, ...inPath], {
      cwd: REPOSITORY,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    programs.push(this);
    if (this.#child.stdout === null) throw new Error('no pipe');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as Record<string, unknown>;
      if ('event' in message) this.events.push(message['event'] as Event);
      else this.#answers.get(message['id'] as number)?.(message);
      this.#wake();
    });
  }

  ask(request: object): Promise<unknown> {
    const id = this.#next++;
    this.#child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    return new Promise((resolve, reject) => {
      this.#answers.set(id, ({ answer, error }) => {
        if (error === undefined) resolve(answer);
        else reject(new Error(error as string));
      });
    });
  }

  /** Resolves when an event was told that `wanted` accepts; rejects after SOON. */
  async until(wanted: (event: Event) => boolean): Promise<void> {
    const told = JSON.stringify(this.events);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not told within ${SOON} ms; ${told}`)),
        SOON,
      );
      this.#wake = () => {
        if (!this.events.some(wanted)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#wake();
    });
  }

  end(): void {
    this.#child.stdin?.end();
  }
}

/** `path`: where they look for programs first. */
function openDrivers(path = process.env['PATH']): Program {
  return new Program(HOST, 'firewall-drivers.ts', [directory], path);
}

/** The operations that make the kernel hold what is desired. */
async function difference(drivers: Program, desired: readonly Resource[]): Promise<Operation[]> {
  const actual = (await drivers.ask({ do: 'dump' })) as Resource[];
  const there = new Map(actual.map((resource) => [keyOf(resource), resource]));
  const wanted = new Map(desired.map((resource) => [keyOf(resource), resource]));
  const keys = new Set([...there.keys(), ...wanted.keys()]);
  const operations = [...keys].map((key) => diff(wanted.get(key), there.get(key)));
  return inOrder(operations.filter((operation) => operation !== undefined));
}

async function settle(drivers: Program, desired: readonly Resource[]): Promise<Operation[]> {
  const operations = await difference(drivers, desired);
  const outcomes = await drivers.ask({ do: 'apply', operations });
  expect(outcomes).toEqual(operations.map(() => ({ status: 'done' })));
  return operations;
}

/** Asks again until `check` does not throw; throws what it threw last when `ms` are over. */
async function within(ms: number, check: () => void): Promise<void> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      check();
      return;
    } catch (cause) {
      if (performance.now() > end) throw cause;
    }
    await pause(20);
  }
}

/** What a command prints, even if it fails. */
function tryInside(command: string): string {
  return inside(HOST, `${command} 2>&1 || true`);
}

/** Makes the three sides with a probe in each; the host forwards between them. */
async function makeSides(): Promise<Record<Side, Program>> {
  inside(HOST, 'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
  const probes = SIDES.map(({ name, v4, v6 }) => {
    const namespace = `${PREFIX}-${name}`;
    makeNamespace(namespace);
    inside(
      HOST,
      `ip link add ${name} type veth peer name eth0 netns ${namespace}`,
      `ip addr add ${v4}.1/24 dev ${name}`,
      `ip addr add ${v6}::1/64 dev ${name} nodad`,
      `ip link set ${name} up`,
    );
    inside(
      namespace,
      `ip addr add ${v4}.2/24 dev eth0`,
      `ip addr add ${v6}::2/64 dev eth0 nodad`,
      'ip link set eth0 up',
      `ip route add default via ${v4}.1`,
      `ip route add default via ${v6}::1`,
    );
    return [name, new Program(namespace, 'udp-probe.ts')] as const;
  });
  await Promise.all(probes.map(([, probe]) => probe.ask({})));
  return Object.fromEntries(probes) as Record<Side, Program>;
}

function makeNamespace(name: string): void {
  ip('netns', 'add', name);
  namespaces.push(name);
}

function ip(...args: string[]): void {
  execFileSync('ip', args);
}

/** Runs commands one after the other; the output of the last. */
function inside(namespace: string, ...commands: string[]): string {
  return execFileSync('ip', ['netns', 'exec', namespace, 'sh', '-ec', commands.join('\n')], {
    encoding: 'utf8',
  });
}
