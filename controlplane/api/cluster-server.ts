/** The daemon's end of the service of cluster.proto. */
import { mapped, type Streams } from './answering.ts';
import type { ClusterHandlers } from './cluster-handlers.ts';
import type { ClusterEvent, ClusterHost } from './cluster-model.ts';
import { fromWire, toWire } from './codec.ts';
import { pages, updates } from './streams.ts';

export interface HostPage {
  readonly hosts: readonly ClusterHost[];
}

export interface EventPage {
  readonly events: readonly ClusterEvent[];
}

export interface EventUpdate extends EventPage {
  readonly complete: boolean;
}

/** Named as in CLUSTER. */
export function clusterImplementation(handlers: ClusterHandlers, streams: Streams) {
  return {
    listHosts: streams.serve(() => mapped(hostPages(handlers), toWire)),
    listEvents: streams.serve((_signal, request) =>
      mapped(eventPages(handlers, sinceIn(request)), toWire),
    ),
    watchEvents: streams.serve((signal, request) =>
      mapped(eventUpdates(handlers, sinceIn(request), signal), toWire),
    ),
  };
}

function sinceIn(request: object): Date | undefined {
  return (fromWire(request) as { readonly since?: Date }).since;
}

async function* hostPages(handlers: ClusterHandlers): AsyncGenerator<HostPage> {
  for (const hosts of pages(await handlers.hosts())) yield { hosts };
}

function* eventPages(handlers: ClusterHandlers, since: Date | undefined): Generator<EventPage> {
  for (const events of pages(handlers.events(since))) yield { events };
}

async function* eventUpdates(
  handlers: ClusterHandlers,
  since: Date | undefined,
  signal: AbortSignal,
): AsyncGenerator<EventUpdate> {
  const watched = {
    entries: () => handlers.events(since),
    watch: (present: (key: string, event: ClusterEvent) => void) =>
      handlers.watchEvents((event) => present(event.id, event)),
  };
  for await (const { entries, complete } of updates(watched, signal))
    yield { events: entries, complete };
}
