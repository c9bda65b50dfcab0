/** What the command `weft` asks the daemon of the whole cluster with. */
import type { ClusterEvent, ClusterEventEvent, ClusterHost } from './cluster-model.ts';
import type { EventPage, EventUpdate, HostPage } from './cluster-server.ts';
import { CLUSTER } from './cluster-service.ts';
import { toWire } from './codec.ts';
import type { Rpc } from './rpc.ts';

/** For the answers of all hosts. */
const LIST_LIMIT_MS = 60_000;

/** Every call throws a WeftError. */
export interface ClusterCalls {
  /** Each says how it is doing; takes seconds when one does not answer. */
  hosts(): AsyncIterable<ClusterHost>;
  /** What is remembered, or of that what happened `since` then. */
  events(since?: Date): AsyncIterable<ClusterEvent>;
  /** What is remembered, `complete`, then what happens. */
  watchEvents(since?: Date): AsyncIterable<ClusterEventEvent>;
}

export function clusterCalls(rpc: Rpc): ClusterCalls {
  return {
    hosts: () => hostsIn(rpc),
    events: (since) => eventsIn(rpc, since),
    watchEvents: (since) => eventEventsIn(rpc, since),
  };
}

async function* hostsIn(rpc: Rpc): AsyncGenerator<ClusterHost> {
  for await (const page of rpc.many<HostPage>(CLUSTER.listHosts, {}, LIST_LIMIT_MS))
    yield* page.hosts;
}

async function* eventsIn(rpc: Rpc, since: Date | undefined): AsyncGenerator<ClusterEvent> {
  const pages = rpc.many<EventPage>(CLUSTER.listEvents, request(since), LIST_LIMIT_MS);
  for await (const page of pages) yield* page.events;
}

async function* eventEventsIn(
  rpc: Rpc,
  since: Date | undefined,
): AsyncGenerator<ClusterEventEvent> {
  for await (const update of rpc.many<EventUpdate>(CLUSTER.watchEvents, request(since))) {
    for (const event of update.events) yield { type: 'present', event };
    if (update.complete) yield { type: 'complete' };
  }
}

function request(since: Date | undefined): object {
  return since === undefined ? {} : toWire({ since });
}
