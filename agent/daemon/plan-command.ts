/** `weftd --plan`: what a start would find and do on this host. Reads etcd, the kernel and files, and writes to none. */
import { randomUUID } from 'node:crypto';
import type { Plan, PlanResource } from '../../controlplane/api/model.ts';
import { familiesOf, type Backend, type Published } from '../backend/backend.ts';
import type { Config } from '../config/config.ts';
import { readNodeId } from '../config/node-id.ts';
import { readSubnetEnv } from '../front/subnet-env.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { NetworkConfig, PerFamily, Underlay } from '../state/facts.ts';
import { Reconciler, type Reporter } from '../state/reconciler.ts';
import { EtcdClient } from '../subnet/etcd/client.ts';
import { Holder, type Answer, type Request } from '../subnet/holder.ts';
import { parseKey } from '../subnet/key.ts';
import { LeaseTable } from '../subnet/leases.ts';
import { sharesAddress, type Identity } from '../subnet/ownership.ts';
import { isRefused } from '../subnet/parsed.ts';
import { EtcdRegistry } from '../subnet/registry.ts';
import { planAsTold } from './control-handlers.ts';
import { findUnderlay } from './find-underlay.ts';
import { networkFrom } from './follow-network.ts';
import { existingLinks, openHostKernel, type HostKernel } from './host-kernel.ts';
import { machineClock, machineRandom, turn } from './machine.ts';
import { Planner } from './planner.ts';
import { backendFor, SetupError } from './session.ts';
import { plannedKeyOf } from './wireguard-key.ts';

/** Prints to stdout. Throws errors whose message is one sentence, as a start would. */
export async function printPlan(
  config: Config,
  { json }: { readonly json: boolean },
): Promise<void> {
  const etcd = new EtcdClient(config.etcd);
  const host = openHostKernel(config);
  try {
    const plan = await planFor(config, host, new EtcdRegistry(etcd, config.etcd.prefix));
    process.stdout.write(json ? `${JSON.stringify(plan, null, 2)}\n` : text(plan));
  } finally {
    etcd.close();
    await host.close();
  }
}

async function planFor(config: Config, host: HostKernel, registry: EtcdRegistry): Promise<Plan> {
  const network = await readNetwork(registry);
  const backend = backendFor(network);
  const families = familiesOf(network.ranges);
  const choice = await findUnderlay(host.netlink, config.underlay, families);
  if (choice.status === 'none') throw new SetupError(choice.problem);
  const { underlay } = choice;
  const existing = await existingLinks(host.kernel, backend.links);
  const publicKey = plannedKeyOf(config);
  const publish = (before: Published | undefined): Published =>
    backend.publish({ underlay, families, before, existing, publicKey, ...startupOutput(before) });
  const own = await ownLease(config, registry, network, publish);

  const reconciler = new Reconciler({
    kernel: host.kernel,
    clock: machineClock,
    random: machineRandom,
    report: SILENT,
  });
  const planner = new Planner({ target: reconciler, firewall: config.firewall, turn });
  planner.setForwardChains(await host.iptables.forwardChains());
  await planPeers(planner, { backend, network, underlay, own, publish });
  const operations = await reconciler.plan();
  return planAsTold(reconciler.desired(), reconciler.actual(), operations);
}

/** The command is not run for a plan: what it said last stands in the lease. */
function startupOutput(before: Published | undefined): { startupOutput?: string } {
  return typeof before?.backendData === 'string' ? { startupOutput: before.backendData } : {};
}

interface Parts {
  readonly backend: Backend;
  readonly network: NetworkConfig;
  readonly underlay: Underlay;
  readonly own: OwnLease;
  readonly publish: (before: Published | undefined) => Published;
}

async function planPeers(planner: Planner, parts: Parts): Promise<void> {
  const { backend, network, underlay, own, publish } = parts;
  const facts = { network, underlay, subnets: own.subnets };
  await planner.setMesh(backend, facts, publish(own.table.get(own.key)?.lease));
  for (const [id, lease] of own.table.inForce()) {
    // As in the daemon: a host that publishes our address cannot be told from us.
    if (id === own.key || sharesAddress(lease, own.identity, network)) continue;
    planner.change([{ type: 'put', id, lease }]);
  }
}

async function readNetwork(registry: EtcdRegistry): Promise<NetworkConfig> {
  const { text } = await registry.readConfig();
  const parsed = networkFrom(text, registry.configKey);
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
  network: NetworkConfig,
  publish: (before: Published | undefined) => Published,
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
