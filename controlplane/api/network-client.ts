/** What the command `weft` asks the daemon of networks with. */
import type { CreatedNetwork, CreateNetwork, Network, NetworkEvent } from './network-model.ts';
import type { NetworkPage, NetworkUpdate } from './network-server.ts';
import { NETWORKS } from './network-service.ts';
import type { Rpc } from './rpc.ts';

/** Every host may be asked, and one that is gone does not answer. */
const CHANGE_LIMIT_MS = 60_000;
const LIST_LIMIT_MS = 60_000;

/** Every call throws a WeftError. */
export interface NetworkCalls {
  create(request: CreateNetwork): Promise<CreatedNetwork>;
  remove(network: string): Promise<Network>;
  get(network: string): Promise<Network>;
  list(): AsyncIterable<Network>;
  /** Every network, `complete`, then changes. */
  watch(): AsyncIterable<NetworkEvent>;
}

export function networkCalls(rpc: Rpc): NetworkCalls {
  const one = async <T extends object>(name: keyof typeof NETWORKS, request: object): Promise<T> =>
    await rpc.one<T>(NETWORKS[name], request, CHANGE_LIMIT_MS);
  const named = async (name: 'removeNetwork' | 'getNetwork', network: string) =>
    (await one<{ readonly network: Network }>(name, { network })).network;
  return {
    create: async (request) => await one<CreatedNetwork>('createNetwork', request),
    remove: async (network) => await named('removeNetwork', network),
    get: async (network) => await named('getNetwork', network),
    list: () => networksIn(rpc),
    watch: () => eventsIn(rpc),
  };
}

async function* networksIn(rpc: Rpc): AsyncGenerator<Network> {
  const method = NETWORKS.listNetworks;
  for await (const page of rpc.many<NetworkPage>(method, {}, LIST_LIMIT_MS)) yield* page.networks;
}

async function* eventsIn(rpc: Rpc): AsyncGenerator<NetworkEvent> {
  const method = NETWORKS.watchNetworks;
  for await (const update of rpc.many<NetworkUpdate>(method, {})) {
    for (const network of update.networks) yield { type: 'present', network };
    for (const name of update.removed) yield { type: 'removed', name };
    if (update.complete) yield { type: 'complete' };
  }
}
