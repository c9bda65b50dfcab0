/** Endpoints in a plan without a daemon: what their files tell, and nothing that is under way. */
import { EndpointStore } from '../endpoint/store.ts';
import { DEFAULT_NETWORK } from '../endpoint/request.ts';
import { Wiring } from '../endpoint/wiring.ts';
import type { NetworkDefinition } from '../network/definition.ts';
import type { Resource } from '../state/resource.ts';
import { KeptEntries } from '../network/kept.ts';
import { bridgesOf, factsOf, factsOfNetwork } from './endpoint-facts.ts';
import type { HostKernel } from './host-kernel.ts';
import { entriesOf, firewallOf, leasedBridges } from './overlays.ts';
import type { Planner } from './planner.ts';

/** `networks`: those that users have made. Rejects with a KernelError or a FileError. */
export async function planEndpoints(
  { stateDir, networks }: { stateDir: string; networks: readonly NetworkDefinition[] },
  planner: Planner,
  host: HostKernel,
  target: { set(slice: string, resources: readonly Resource[]): void },
): Promise<void> {
  const attached = new EndpointStore(stateDir).peek().filter(({ state }) => state === 'attached');
  const wiring = new Wiring({
    set: (slice, resources) => target.set(slice, resources),
    tried: async () => await Promise.resolve([]),
  });
  wiring.need(new Set(attached.map(({ network }) => network)));
  wiring.setOthers(await bridgesOf(host.netlink), attached);
  const facts = factsOf(planner);
  if (facts !== undefined) wiring.plan(DEFAULT_NETWORK, facts, attached);
  const { overlay } = planner;
  const joined = networks.filter(({ name }) => wiring.needed.has(name));
  for (const network of joined) {
    const itsFacts = overlay && factsOfNetwork(network, overlay);
    if (itsFacts !== undefined) wiring.plan(network.name, itsFacts, attached);
  }
  planner.setUserNetworks(
    firewallOf({
      joined,
      all: networks,
      port: overlay?.port,
      tunnel: overlay?.tunnel?.link,
      leased: leasedBridges(wiring.bridge(DEFAULT_NETWORK), facts),
    }),
  );
  // What others say of their endpoints is not heard here; a start keeps what stands until it is.
  new KeptEntries(target).keep(await entriesOf(host, joined));
}
