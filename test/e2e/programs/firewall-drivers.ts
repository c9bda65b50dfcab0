/** The firewall's drivers at the end of a pipe, so that a test can run them inside a network namespace. */
import { machineClock, machineRandom } from '../../../agent/daemon/machine.ts';
import { firewallPlan, type FirewallFacts } from '../../../agent/firewall/plan.ts';
import { IptablesDriver } from '../../../agent/kernel/iptables/driver.ts';
import { composeKernel } from '../../../agent/kernel/kernel.ts';
import { NftablesDriver } from '../../../agent/kernel/nftables/driver.ts';
import type { Operation } from '../../../agent/state/kernel.ts';
import { Reconciler } from '../../../agent/state/reconciler.ts';
import type { Resource } from '../../../agent/state/resource.ts';
import { serve, tell } from './lines.ts';

const nftables = new NftablesDriver(process.argv[2] ?? '/run/weft');
const iptables = new IptablesDriver();

serve(async (request) => {
  switch (request['do']) {
    case 'watch':
      nftables.watch(tell);
      iptables.watch(tell);
      iptables.watchForwardChains((chains) => tell({ type: 'chains', chains }));
      return;
    case 'dump':
      return [...(await all(nftables.dump())), ...(await all(iptables.dump()))];
    case 'chains':
      return iptables.forwardChains();
    case 'hold':
      return hold(request['facts'] as FirewallFacts);
    case 'apply':
      return apply(request['operations'] as Operation[]);
    default:
      throw new Error('unknown request');
  }
});

/** Keeps the firewall as planned, wherever an accept counts; resolves when it first is. */
async function hold(facts: FirewallFacts): Promise<void> {
  const reconciler = new Reconciler({
    kernel: composeKernel([nftables, iptables]),
    clock: machineClock,
    random: machineRandom,
    report: { applied: nothing, settled: nothing, problem: tell, solved: nothing, resync: tell },
  });
  const set = (forwardChains: FirewallFacts['forwardChains']): void =>
    reconciler.set('firewall', firewallPlan({ ...facts, forwardChains }));
  set(await iptables.forwardChains());
  iptables.watchForwardChains(set);
  reconciler.start();
  await reconciler.settled();
}

function nothing(): void {}

async function apply(operations: readonly Operation[]): Promise<unknown> {
  const of = (kind: string): Operation[] =>
    operations.filter(({ desired, actual }) => (desired ?? actual)?.kind === kind);
  return [...(await nftables.apply(of('nftables'))), ...(await iptables.apply(of('iptables')))];
}

async function all(slices: AsyncIterable<readonly Resource[]>): Promise<Resource[]> {
  const resources: Resource[] = [];
  for await (const slice of slices) resources.push(...slice);
  return resources;
}
