/** Programs the same entries into fresh namespaces by weft's driver, and by `ip -batch` and `bridge -batch`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openNetlink } from '../../../agent/kernel/netlink/netlink.ts';
import {
  ROUTE_PROTOCOL,
  type FdbEntry,
  type Neighbour,
  type Route,
} from '../../../agent/state/resource.ts';
import { baseOf } from '../../../agent/ip/prefix.ts';
import { ipSync, runSync } from '../../lab/command.ts';
import { enterNamespace } from '../../lab/enter.ts';
import { LINK, type FakePeer } from './fleet.ts';

/** Operations handed over at once, as the reconciler does. */
const PASS = 1024;

type Entry = Neighbour | FdbEntry | Route;

export interface Programmed {
  readonly ms: number;
  /** Longest time the event loop stood still, in ms. */
  readonly block?: number;
}

/** What the vxlan backend asks of the kernel for these peers: neighbours, then forwarding entries, then routes. */
export function entriesOf(peers: readonly FakePeer[]): Entry[] {
  return [
    ...peers.map(({ subnet, mac }): Entry => {
      return { kind: 'neighbour', link: LINK, address: baseOf(subnet), mac };
    }),
    ...peers.map(({ mac, publicIp }): Entry => {
      return { kind: 'fdb', link: LINK, mac, remote: publicIp };
    }),
    ...peers.map(({ subnet }): Entry => {
      const way = { link: LINK, gateway: baseOf(subnet), onlink: true, protocol: ROUTE_PROTOCOL };
      return { kind: 'route', prefix: subnet, metric: 0, type: 'unicast', ...way };
    }),
  ];
}

/** The namespace has the device the entries are for; it is gone when this resolves or rejects. */
async function inFreshNamespace<T>(measure: () => Promise<T> | T): Promise<T> {
  const name = `wkbench${process.pid}`;
  runSync('ip', ['netns', 'add', name]);
  const leave = enterNamespace(name);
  try {
    ipSync(undefined, [
      'link add under0 type veth peer name under1',
      'link set under0 up',
      `link add ${LINK} type vxlan id 1 local 192.168.255.254 dev under0 dstport 8472 nolearning`,
      `link set ${LINK} up alias weft`,
      `address add 10.255.0.0/32 dev ${LINK}`,
    ]);
    return await measure();
  } finally {
    leave();
    runSync('ip', ['netns', 'delete', name]);
  }
}

function countRoutes(wanted: number): void {
  const count = runSync('ip', ['route', 'show', 'proto', '119']).trim().split('\n').length;
  if (count !== wanted) throw new Error(`${count} routes instead of ${wanted}`);
}

export function byDriver(entries: readonly Entry[]): Promise<Programmed> {
  return inFreshNamespace(async () => {
    const netlink = openNetlink();
    netlink.driver.watch(() => undefined);
    for await (const slice of netlink.driver.dump(new Set([LINK]))) void slice;
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    for (let from = 0; from < entries.length; from += PASS) {
      const pass = entries.slice(from, from + PASS);
      const outcomes = await netlink.driver.apply(
        pass.map((desired) => ({ action: 'create', desired })),
      );
      const refused = outcomes.find(({ status }) => status !== 'done');
      if (refused !== undefined) throw new Error(JSON.stringify(refused));
    }
    const ms = performance.now() - start;
    delay.disable();
    await netlink.close();
    countRoutes(entries.length / 3);
    return { ms, block: delay.max / 1e6 };
  });
}

/**
 * `spread`: routes over as many scopes as weft's driver uses, which the kernel takes much faster (see the driver's
 * route.ts); without it in one scope, as an operator would write them.
 */
export function byPrograms(entries: readonly Entry[], spread: boolean): Promise<Programmed> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const [ip, bridge] = [join(directory, 'ip'), join(directory, 'bridge')];
  const lines = (isBridge: boolean): string =>
    entries
      .filter(({ kind }) => (kind === 'fdb') === isBridge)
      .map((entry, i) => commandLine(entry, spread ? i % SCOPES : 0))
      .join('\n');
  writeFileSync(ip, `${lines(false)}\n`);
  writeFileSync(bridge, `${lines(true)}\n`);
  return inFreshNamespace(() => {
    const start = performance.now();
    runSync('ip', ['-batch', ip]);
    runSync('bridge', ['-batch', bridge]);
    const ms = performance.now() - start;
    countRoutes(entries.length / 3);
    return { ms };
  }).finally(() => rmSync(directory, { recursive: true }));
}

/** Scopes that all mean "beyond a gateway": below RT_SCOPE_SITE. */
const SCOPES = 200;

function commandLine(entry: Entry, scope: number): string {
  switch (entry.kind) {
    case 'neighbour':
      return `neigh replace ${entry.address} lladdr ${entry.mac} dev ${LINK} nud permanent`;
    case 'fdb':
      return `fdb replace ${entry.mac} dev ${LINK} dst ${entry.remote} self permanent`;
    case 'route':
      return `route add ${entry.prefix} via ${entry.gateway} dev ${LINK} onlink proto ${ROUTE_PROTOCOL} scope ${scope}`;
  }
}
