/** Endpoints in a plan without a daemon: what their files tell, and nothing that is under way. */
import { EndpointStore } from '../endpoint/store.ts';
import { DEFAULT_NETWORK } from '../endpoint/request.ts';
import { Wiring } from '../endpoint/wiring.ts';
import type { Resource } from '../state/resource.ts';
import { bridgesOf, factsOf } from './endpoint-facts.ts';
import type { HostKernel } from './host-kernel.ts';
import type { Planner } from './planner.ts';

/** Rejects with a KernelError or a FileError. */
export async function planEndpoints(
  stateDir: string,
  planner: Planner,
  { netlink }: HostKernel,
  target: { set(slice: string, resources: readonly Resource[]): void },
): Promise<void> {
  const attached = new EndpointStore(stateDir).peek().filter(({ state }) => state === 'attached');
  const wiring = new Wiring({
    set: (slice, resources) => target.set(slice, resources),
    tried: async () => await Promise.resolve([]),
  });
  wiring.need(new Set(attached.map(({ network }) => network)));
  wiring.setOthers(await bridgesOf(netlink), attached);
  const facts = factsOf(planner);
  if (facts !== undefined) wiring.plan(DEFAULT_NETWORK, facts, attached);
}
