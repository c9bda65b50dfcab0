/** `weftd --plan`: what a start would find and do on this host. Reads etcd, the kernel and files, and writes to none. */
import { randomUUID } from 'node:crypto';
import type { Plan, PlanResource } from '../../controlplane/api/model.ts';
import { familiesOf, type Backend, type Published } from '../backend/backend.ts';
import type { Config } from '../config/config.ts';
import { readNodeId } from '../config/node-id.ts';
import { readSubnetEnv } from '../front/subnet-env.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { NetworkConfig, PerFamily, Rotation, Underlay } from '../state/facts.ts';
import { Reconciler, type Reporter } from '../state/reconciler.ts';
import { EtcdClient } from '../etcd/client.ts';
import { Holder, type Answer, type Request } from '../subnet/holder.ts';
import { parseKey } from '../subnet/key.ts';
import { LeaseTable } from '../subnet/leases.ts';
import { parseNetworkConfig } from '../subnet/network-config.ts';
import { sharesAddress, type Identity } from '../subnet/ownership.ts';
import { isRefused } from '../subnet/parsed.ts';
import { EtcdRegistry } from '../subnet/registry.ts';
import { planAsTold } from './control-handlers.ts';
import { isOtherMesh, refusalOf } from './cut-off.ts';
import { findUnderlay } from './find-underlay.ts';
import { networkFrom } from './follow-network.ts';
import { existingLinks, openHostKernel, type HostKernel } from './host-kernel.ts';
import { rotationIn } from './key-rotation.ts';
import { readKeptNetwork } from './kept-network.ts';
import { machineClock, machineRandom, machineSeconds, turn } from './machine.ts';
import { NetworkStore } from '../network/store.ts';
import { planEndpoints } from './plan-endpoints.ts';
import { Planner } from './planner.ts';
import { backendFor, SetupError } from './session.ts';
import { plannedKeyOf } from './wireguard-key.ts';

export interface PlanWishes {
  readonly json: boolean;
  /** In the place of what stands in etcd. */
  readonly networkConfig?: string;
}

/** What a start, or a change that runs, would do with another mesh than the one that this host runs. */
interface Change {
  readonly from: string;
  readonly to: string;
  /** Why it would not be made. */
  readonly refused?: string;
}

/** Prints to stdout. Throws errors whose message is one sentence, as a start would. */
export async function printPlan(
  config: Config,
  { json, networkConfig }: PlanWishes,
): Promise<void> {
  const etcd = new EtcdClient(config.etcd);
  const host = openHostKernel(config);
  try {
    const registry = new EtcdRegistry(etcd, config.etcd.prefix);
    const { change, plan } = await planFor(config, host, registry, networkConfig);
    const all = change === undefined ? plan : { change, ...plan };
    process.stdout.write(
      json ? `${JSON.stringify(all, null, 2)}\n` : changeText(change) + text(plan),
    );
  } finally {
    etcd.close();
    await host.close();
  }
}

interface Planned {
  readonly change: Change | undefined;
  readonly plan: Plan;
}

async function planFor(
  config: Config,
  host: HostKernel,
  registry: EtcdRegistry,
  networkConfig: string | undefined,
): Promise<Planned> {
  const network = await readNetwork(registry, networkConfig);
  const choice = await findUnderlay(host.netlink, config.underlay, familiesOf(network.ranges));
  if (choice.status === 'none') throw new SetupError(choice.problem);
  const site = { config, host, underlay: choice.underlay };
  const wanted = await meshOf(site, network);
  const own = await ownLease(config, registry, wanted);
  const running = runningBeside(config, network);
  const change = running && changeBetween(running, network, own);
  const former = running === undefined ? [] : [await meshOf(site, running)];
  const reconciler = new Reconciler({
    kernel: host.kernel,
    clock: machineClock,
    random: machineRandom,
    report: SILENT,
  });
  const planner = new Planner({
    target: reconciler,
    firewall: config.firewall,
    turn,
    seconds: machineSeconds,
  });
  planner.setForwardChains(await host.iptables.forwardChains());
  planner.look(await host.wireguard.sessions());
  const meshes = change?.refused === undefined ? [...former, wanted] : former;
  await planPeers(planner, { meshes, underlay: site.underlay, own });
  const { stateDir } = config;
  const networks = new NetworkStore(stateDir).load();
  await planEndpoints({ stateDir, networks }, planner, host, reconciler);
  const operations = await reconciler.plan();
  return { change, plan: planAsTold(reconciler.desired(), reconciler.actual(), operations) };
}

/** The network that this host runs, if its mesh is another. */
function runningBeside({ stateDir }: Config, network: NetworkConfig): NetworkConfig | undefined {
  const running = readKeptNetwork(stateDir)?.network;
  return running !== undefined && isOtherMesh(running, network) ? running : undefined;
}

function changeBetween(running: NetworkConfig, network: NetworkConfig, own: OwnLease): Change {
  const others = [...own.table.inForce()].filter(([key]) => key !== own.key);
  const refused = refusalOf(running, network, others);
  const change = { from: running.backend.type, to: network.backend.type };
  return refused === undefined ? change : { ...change, refused };
}

/** A network configuration, and what its backend makes of this host. */
interface Mesh {
  readonly network: NetworkConfig;
  readonly backend: Backend;
  readonly publish: (before: Published | undefined) => Published;
  readonly rotation: Rotation | undefined;
}

interface Site {
  readonly config: Config;
  readonly host: HostKernel;
  readonly underlay: Underlay;
}

async function meshOf({ config, host, underlay }: Site, network: NetworkConfig): Promise<Mesh> {
  const backend = backendFor(network);
  const existing = await existingLinks(host.kernel, backend.links);
  const publicKey = plannedKeyOf(config);
  const families = familiesOf(network.ranges);
  const publish = (before: Published | undefined): Published =>
    backend.publish({ underlay, families, before, existing, publicKey, ...startupOutput(before) });
  const rotation = backend.hasKey === true ? rotationIn(config.stateDir, publicKey()) : undefined;
  return { network, backend, publish, rotation };
}

/** The command is not run for a plan: what it said last stands in the lease. */
function startupOutput(before: Published | undefined): { startupOutput?: string } {
  return typeof before?.backendData === 'string' ? { startupOutput: before.backendData } : {};
}

interface Parts {
  /** In the order in which they come; all but the last are given up. */
  readonly meshes: readonly Mesh[];
  readonly underlay: Underlay;
  readonly own: OwnLease;
}

/** As in the daemon: peers are known before a mesh is given up. */
async function planPeers(planner: Planner, { meshes, underlay, own }: Parts): Promise<void> {
  const { table, key, identity, subnets } = own;
  for (const { network, backend, publish, rotation } of meshes) {
    const facts = { network, underlay, subnets, ...(rotation && { rotation }) };
    await planner.setMesh(backend, facts, publish(table.get(key)?.lease));
    for (const [id, lease] of table.inForce()) {
      // As in the daemon: a host that publishes our address cannot be told from us.
      if (id === key || sharesAddress(lease, identity, network)) continue;
      planner.change([{ type: 'put', id, lease }]);
    }
  }
}

async function readNetwork(registry: EtcdRegistry, instead?: string): Promise<NetworkConfig> {
  const parsed =
    instead === undefined
      ? networkFrom((await registry.readConfig()).text, registry.configKey)
      : parseNetworkConfig(instead, '--network-config');
  if (isRefused(parsed)) throw new SetupError(parsed.reason);
  return parsed.value;
}

/** A grant and a put, and some that are in the way; more would be a fault. */
const REQUEST_LIMIT = 100;

interface OwnLease {
  readonly identity: Identity;
  readonly key: string;
  readonly subnets: PerFamily<Prefix>;
  readonly table: LeaseTable;
}

/** The lease a start would take: the holder is asked, and answered as an etcd would that grants everything. */
async function ownLease(
  config: Config,
  registry: EtcdRegistry,
  { network, publish }: Mesh,
): Promise<OwnLease> {
  const table = new LeaseTable({ network, refused: () => {} });
  const { revision, slices } = await registry.list();
  for await (const slice of slices) for (const entry of slice) table.put(entry);
  const { publicAddresses } = publish(undefined);
  const identity = { node: nodeId(config.stateDir), publicAddresses };
  const holder = new Holder({
    identity,
    network,
    previous: readSubnetEnv(config.subnetFile)?.subnets ?? {},
    table,
    attributes: publish,
    renewMarginMs: config.renewMarginMs,
    random: machineRandom,
  });
  holder.listed(revision, 0);
  for (let asked = 0; asked < REQUEST_LIMIT; asked++) {
    const request = holder.next(0);
    if (request === undefined) break;
    if (request.type === 'put') {
      const subnets = parseKey(request.put.key);
      const { key } = request.put;
      if (!isRefused(subnets)) return { identity, key, subnets: subnets.value, table };
    }
    holder.answered(granted(request), 0);
  }
  throw new SetupError([...holder.problems.values()].join('; '));
}

/** That of a host which never started is made at its start. */
function nodeId(stateDir: string): string {
  const id = readNodeId(stateDir);
  if (id !== undefined) return id;
  process.stderr.write(
    'weftd: this host has no identity before its first start, so that may choose another subnet\n',
  );
  return randomUUID();
}

function granted(request: Request): Answer {
  if (request.type === 'grant') return { type: 'granted', lease: '1' };
  return { type: 'alive', seconds: 86_400 };
}

const SIGNS = { create: '+', change: '~', remove: '-' } as const;

function changeText(change: Change | undefined): string {
  if (change === undefined) return '';
  const { from, to, refused } = change;
  const told =
    refused ?? `the ${from} mesh stands beside the new one until the last host has changed over`;
  const head = `Change from ${from} to ${to}${refused === undefined ? '' : ': refused'}`;
  return block(head, [told]);
}

/** As `weft plan` prints it. */
function text({ desired, actual, operations }: Plan): string {
  const todo = operations.map(({ action, text }) => `${SIGNS[action]} ${text}`);
  const atRest = ['none: the kernel is as desired'];
  return [
    block(`Operations (${todo.length})`, todo.length === 0 ? atRest : todo),
    block(`Desired (${desired.length})`, desired.map(textOf)),
    block(`Actual (${actual.length})`, actual.map(textOf)),
  ].join('');
}

function block(head: string, lines: readonly string[]): string {
  return `${head}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function textOf({ text }: PlanResource): string {
  return text;
}

const SILENT: Reporter = {
  applied: () => {},
  settled: () => {},
  problem: () => {},
  solved: () => {},
  resync: () => {},
};
