/** The firewall's drivers at the end of a pipe, so that a test can run them inside a network namespace. */
import { IptablesDriver } from '../../../agent/kernel/iptables/driver.ts';
import { NftablesDriver } from '../../../agent/kernel/nftables/driver.ts';
import type { Operation } from '../../../agent/state/kernel.ts';
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
    case 'apply':
      return apply(request['operations'] as Operation[]);
    default:
      throw new Error('unknown request');
  }
});

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
