/** `weftd --plan`: what a start would find and do on this host. Reads etcd and the kernel, and writes to neither. */
import { pino } from 'pino';
import type { Plan, PlanResource } from '../../controlplane/api/model.ts';
import { familiesOf, type Backend, type Published } from '../backend/backend.ts';
import { createBackend } from '../backend/backends.ts';
import type { Config } from '../config/config.ts';
import { loadNodeId } from '../config/node-id.ts';
import { readSubnetEnv } from '../front/subnet-env.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { NetworkConfig, PerFamily, Underlay } from '../state/facts.ts';
import { Reconciler } from '../state/reconciler.ts';
import { EtcdClient } from '../subnet/etcd/client.ts';
import { Holder, type Answer, type Request } from '../subnet/holder.ts';
import { parseKey } from '../subnet/key.ts';
import { LeaseTable } from '../subnet/leases.ts';
import { parseNetworkConfig } from '../subnet/network-config.ts';
import { isRefused } from '../subnet/parsed.ts';
import { EtcdRegistry } from '../subnet/registry.ts';
import { planAsTold } from './control-handlers.ts';
import { findUnderlay } from './find-underlay.ts';
import { existingLinks, openHostKernel, type HostKernel } from './host-kernel.ts';
import { machineClock, machineRandom, turn } from './machine.ts';
import { Planner } from './planner.ts';
import { LoggingReporter } from './reporter.ts';
import { SetupError } from './session.ts';

/** Prints to stdout. Throws errors whose message is one sentence, as a start would. */
export async function printPlan(
  config: Config,
  { json }: { readonly json: boolean },
): Promise<void> {
  const etcd = new EtcdClient(config.etcd);
  const host = openHostKernel(config.runDir);
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
  const backend = backendOf(network);
  const families = familiesOf(network.ranges);
  const choice = await findUnderlay(host.netlink, config.underlay, families);
  if (choice.status === 'none') throw new SetupError(choice.problem);
  const { underlay } = choice;
  const existing = await existingLinks(host.kernel, backend.links);
  const publish = (before: Published | undefined): Published =>
    backend.publish({ underlay, families, before, existing });
  const own = await ownLease(config, registry, network, publish);

  const reconciler = new Reconciler({
    kernel: host.kernel,
    clock: machineClock,
    random: machineRandom,
    report: new LoggingReporter(
      pino({ level: 'silent' }),
      { operation() {}, repair() {} },
      () => {},
    ),
  });
  const planner = new Planner({ target: reconciler, firewall: config.firewall, turn });
  planner.setForwardChains(await host.iptables.forwardChains());
  await planPeers(planner, { backend, network, underlay, own, publish });
  const operations = await reconciler.plan();
  return planAsTold(reconciler.desired(), reconciler.actual(), operations);
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
    if (id !== own.key) planner.change([{ type: 'put', id, lease }]);
  }
}

async function readNetwork(registry: EtcdRegistry): Promise<NetworkConfig> {
  const { text } = await registry.readConfig();
  if (text === undefined) {
    throw new SetupError(
      `there is no network configuration at ${registry.configKey} in etcd: put it there with etcdctl`,
    );
  }
  const parsed = parseNetworkConfig(text, registry.configKey);
  if (isRefused(parsed)) throw new SetupError(parsed.reason);
  return parsed.value;
}

function backendOf(network: NetworkConfig): Backend {
  try {
    return createBackend(network.backend);
  } catch (cause) {
    throw cause instanceof RangeError ? new SetupError(cause.message) : cause;
  }
}

interface OwnLease {
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
  const holder = new Holder({
    identity: {
      node: loadNodeId(config.stateDir).id,
      publicAddresses: publish(undefined).publicAddresses,
    },
    network,
    previous: readSubnetEnv(config.subnetFile)?.subnets ?? {},
    table,
    attributes: publish,
    renewMarginMs: config.renewMarginMs,
    random: machineRandom,
  });
  holder.listed(revision, 0);
  for (let request = holder.next(0); request !== undefined; request = holder.next(0)) {
    if (request.type === 'put') {
      const subnets = parseKey(request.put.key);
      if (!isRefused(subnets)) return { key: request.put.key, subnets: subnets.value, table };
    }
    holder.answered(granted(request), 0);
  }
  throw new SetupError([...holder.problems.values()].join('; '));
}

function granted(request: Request): Answer {
  if (request.type === 'grant') return { type: 'granted', lease: '1' };
  return { type: 'alive', seconds: 86_400 };
}

function text({ desired, actual, operations }: Plan): string {
  const block = (title: string, lines: readonly string[]): string =>
    `${title} (${lines.length})\n${lines.map((line) => `  ${line}\n`).join('')}`;
  const line = ({ text }: PlanResource): string => text;
  return [
    block('desired', desired.map(line)),
    block('actual', actual.map(line)),
    block(
      'to be done',
      operations.map((each) => `${each.action} ${each.text}`),
    ),
  ].join('\n');
}
