/** What the daemon answers the service of cluster.proto with. */
import type { ClusterEvent, ClusterHost } from './cluster-model.ts';

export interface ClusterHandlers {
  /** Asks every host. Throws a WeftError when gossip is off or does not run. */
  hosts(): Promise<readonly ClusterHost[]>;
  /** What is remembered, the oldest first. */
  events(since: Date | undefined): Iterable<ClusterEvent>;
  /** Calls back for everything that happens from now on. Returns the function that ends that. */
  watchEvents(listener: (event: ClusterEvent) => void): () => void;
}
