/** The underlay as the kernel has it now, chosen by the rules of agent/underlay. */
import type { UnderlayConfig } from '../config/config.ts';
import type { Family } from '../ip/address.ts';
import type { Netlink } from '../kernel/netlink/netlink.ts';
import { chooseUnderlay, type UnderlayChoice } from '../underlay/choose.ts';
import { isLinkLocal } from '../underlay/usable.ts';

/**
 * An underlay with an address of each of the network's families; else of one of them; else of the other
 * family, over which workloads travel all the same. A link-local address does not make up for a missing one: every
 * link has one, whether it leads anywhere or not.
 */
export async function findUnderlay(
  netlink: Pick<Netlink, 'readLinks' | 'readAddresses' | 'readRoutes'>,
  config: UnderlayConfig,
  families: readonly Family[],
): Promise<UnderlayChoice> {
  const [links, addresses, routes] = await Promise.all([
    netlink.readLinks(),
    netlink.readAddresses(),
    netlink.readRoutes(),
  ]);
  const stacks = [families, ...([4, 6] as const).map((family) => [family])];
  const choices = stacks.map((stack) =>
    chooseUnderlay({ links, addresses, routes }, config, stack),
  );
  const [wanted, ...others] = choices as [UnderlayChoice, ...UnderlayChoice[]];
  return wanted.status === 'chosen' ? wanted : (others.find(leadsFurther) ?? wanted);
}

function leadsFurther(choice: UnderlayChoice): boolean {
  return choice.status === 'chosen' && !Object.values(choice.underlay.addresses).some(isLinkLocal);
}
