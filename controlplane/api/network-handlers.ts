/** What the daemon answers of networks, without a word of gRPC. All throw a WeftError. */
import type { CreatedNetwork, CreateNetwork, Network, NetworkChange } from './network-model.ts';

export interface NetworkHandlers {
  create(request: CreateNetwork): Promise<CreatedNetwork>;
  /** By name or id. */
  remove(network: string): Promise<Network>;
  /** By name or id. */
  network(network: string): Network;
  networks(): Iterable<Network>;
  /** Calls back for every change from now on. Returns the function that ends that. */
  watchNetworks(listener: (change: NetworkChange) => void): () => void;
}
