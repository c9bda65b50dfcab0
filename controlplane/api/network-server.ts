/** The daemon's end of the service of networks.proto. */
import { mapped, unary, type Streams } from './answering.ts';
import { fromWire, toWire } from './codec.ts';
import type { ErrorLog } from './handlers.ts';
import type { NetworkHandlers } from './network-handlers.ts';
import type { CreateNetwork, Network } from './network-model.ts';
import { pages, updates, type Progress, type Watched } from './streams.ts';

export interface NetworkPage {
  readonly networks: readonly Network[];
}

export type NetworkUpdate = NetworkPage & Progress;

/** Named as in NETWORKS. */
export function networkImplementation(handlers: NetworkHandlers, streams: Streams, log: ErrorLog) {
  const named = (request: object): string => (fromWire(request) as { network: string }).network;
  return {
    createNetwork: unary(
      async (asked) => toWire(await handlers.create(fromWire(asked) as CreateNetwork)),
      log,
    ),
    removeNetwork: unary(
      async (asked) => toWire({ network: await handlers.remove(named(asked)) }),
      log,
    ),
    getNetwork: unary((asked) => toWire({ network: handlers.network(named(asked)) }), log),
    listNetworks: streams.serve(() => mapped(networkPages(handlers), toWire)),
    watchNetworks: streams.serve((signal) => mapped(networkUpdates(handlers, signal), toWire)),
  };
}

function* networkPages(handlers: NetworkHandlers): Generator<NetworkPage> {
  for (const networks of pages(handlers.networks())) yield { networks };
}

async function* networkUpdates(
  handlers: NetworkHandlers,
  signal: AbortSignal,
): AsyncGenerator<NetworkUpdate> {
  const watched: Watched<Network> = {
    entries: () => handlers.networks(),
    watch: (present, removed) =>
      handlers.watchNetworks((change) =>
        change.type === 'present'
          ? present(change.network.name, change.network)
          : removed(change.name),
      ),
  };
  for await (const { entries, ...progress } of updates(watched, signal))
    yield { networks: entries, ...progress };
}
