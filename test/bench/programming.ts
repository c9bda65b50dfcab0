/**
 * Programming the kernel: the entries of 10,000 leases (30,000: neighbour, forwarding entry, route) by the netlink
 * driver, and the same by `ip -batch` and `bridge -batch`, in turn, each in a fresh network namespace. Run as root:
 * npx tsx test/bench/programming.ts [leases] [rounds]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { address } from '../../agent/ip/address.ts';
import { localMac } from '../../agent/ip/mac.ts';
import { prefix } from '../../agent/ip/prefix.ts';
import { openNetlink } from '../../agent/kernel/netlink/netlink.ts';
import {
  ROUTE_PROTOCOL,
  type FdbEntry,
  type Neighbour,
  type Route,
} from '../../agent/state/resource.ts';
import { ipSync, runSync } from '../lab/command.ts';
import { enterNamespace } from '../lab/enter.ts';

const LINK = 'flannel.1';
const LEASES = Number(process.argv[2] ?? 10_000);
/** Operations handed over at once, as the reconciler does. */
const PASS = 1024;
const ROUNDS = Number(process.argv[3] ?? 5);

interface Measure {
  readonly name: string;
  /** Entries a second. */
  readonly rate: number;
  /** Longest time the event loop stood still, in ms. */
  readonly block?: number;
  readonly notes?: Readonly<Record<string, number>>;
}

type Entry = Neighbour | FdbEntry | Route;

function entries(kind: Entry['kind']): Entry[] {
  return Array.from({ length: LEASES }, (_, i): Entry => {
    const base = address(`10.${100 + (i >> 14)}.${(i >> 6) & 0xff}.${(i & 0x3f) * 4}`);
    const mac = localMac(Uint8Array.from([0, 0, i >> 24, i >> 16, i >> 8, i]));
    const remote = address(`192.168.${(i >> 8) & 0xff}.${i & 0xff}`);
    if (kind === 'neighbour') return { kind, link: LINK, address: base, mac };
    if (kind === 'fdb') return { kind, link: LINK, mac, remote };
    return {
      kind,
      prefix: prefix(`${base}/30`),
      metric: 0,
      type: 'unicast',
      link: LINK,
      gateway: base,
      onlink: true,
      protocol: ROUTE_PROTOCOL,
    };
  });
}

const RESOURCES = [...entries('neighbour'), ...entries('fdb'), ...entries('route')];

function commandLine(resource: Entry): string {
  switch (resource.kind) {
    case 'neighbour':
      return `neigh replace ${resource.address} lladdr ${resource.mac} dev ${LINK} nud permanent`;
    case 'fdb':
      return `fdb replace ${resource.mac} dev ${LINK} dst ${resource.remote} self permanent`;
    case 'route':
      return `route add ${resource.prefix} via ${resource.gateway} dev ${LINK} onlink proto 119`;
  }
}

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
      `address add 10.99.0.0/32 dev ${LINK}`,
    ]);
    const result = await measure();
    const routes = runSync('ip', ['route', 'show', 'proto', '119']).trim().split('\n').length;
    if (routes !== LEASES) throw new Error(`${routes} routes instead of ${LEASES}`);
    return result;
  } finally {
    leave();
    runSync('ip', ['netns', 'delete', name]);
  }
}

async function byDriver(): Promise<Measure> {
  const netlink = openNetlink();
  let events = 0;
  netlink.driver.watch(() => events++);
  for await (const slice of netlink.driver.dump(new Set([LINK]))) void slice;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  for (let from = 0; from < RESOURCES.length; from += PASS) {
    const pass = RESOURCES.slice(from, from + PASS);
    const outcomes = await netlink.driver.apply(
      pass.map((desired) => ({ action: 'create', desired })),
    );
    const refused = outcomes.find(({ status }) => status !== 'done');
    if (refused !== undefined) throw new Error(JSON.stringify(refused));
  }
  const took = performance.now() - start;
  delay.disable();
  const dumpStart = performance.now();
  let dumped = 0;
  for await (const slice of netlink.driver.dump(new Set([LINK]))) dumped += slice.length;
  const dumpMs = performance.now() - dumpStart;
  await netlink.close();
  return {
    name: 'driver',
    rate: (RESOURCES.length / took) * 1000,
    block: delay.max / 1e6,
    notes: { events, dumped, dumpMs: Math.round(dumpMs) },
  };
}

function byPrograms(directory: string): Measure {
  const ipFile = join(directory, 'ip');
  const bridgeFile = join(directory, 'bridge');
  const lines = (isBridge: boolean): string =>
    RESOURCES.filter(({ kind }) => (kind === 'fdb') === isBridge)
      .map(commandLine)
      .join('\n');
  writeFileSync(ipFile, `${lines(false)}\n`);
  writeFileSync(bridgeFile, `${lines(true)}\n`);
  const start = performance.now();
  runSync('bridge', ['-batch', bridgeFile]);
  runSync('ip', ['-batch', ipFile]);
  const took = performance.now() - start;
  return { name: 'ip and bridge -batch', rate: (RESOURCES.length / took) * 1000 };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

const directory = mkdtempSync(join(tmpdir(), 'weft-bench-'));
const driver: Measure[] = [];
const programs: Measure[] = [];
try {
  for (let round = 0; round < ROUNDS; round++) {
    driver.push(await inFreshNamespace(byDriver));
    programs.push(await inFreshNamespace(() => byPrograms(directory)));
  }
} finally {
  rmSync(directory, { recursive: true });
}
for (const measures of [driver, programs]) {
  const rates = measures.map(({ rate }) => Math.round(rate));
  console.log(`${measures[0]?.name}: ${Math.round(median(rates))} entries/s, median of`, rates);
}
console.log(
  `ratio: ${(median(driver.map((m) => m.rate)) / median(programs.map((m) => m.rate))).toFixed(2)}`,
);
console.log(
  `longest block of the event loop: ${Math.max(...driver.map((m) => m.block ?? 0)).toFixed(1)} ms`,
);
console.log(driver.at(-1)?.notes);
