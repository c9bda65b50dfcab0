/** The daemon's end of the service of endpoints.proto. */
import { mapped, unary, type Streams } from './answering.ts';
import { fromWire, toWire } from './codec.ts';
import type { EndpointHandlers } from './endpoint-handlers.ts';
import { keyOfEndpoint, type Attach, type Endpoint, type Expose } from './endpoint-model.ts';
import type { ErrorLog } from './handlers.ts';
import { pages, updates, type Progress, type Watched } from './streams.ts';

export interface EndpointPage {
  readonly endpoints: readonly Endpoint[];
}

export type EndpointUpdate = EndpointPage & Progress;

/** Named as in ENDPOINTS. */
export function endpointImplementation(
  handlers: EndpointHandlers,
  streams: Streams,
  log: ErrorLog,
) {
  const reply = (endpoint: Endpoint): object => toWire({ endpoint });
  const named = (request: object): string => (fromWire(request) as { endpoint: string }).endpoint;
  return {
    attach: unary(async (asked) => reply(await handlers.attach(fromWire(asked) as Attach)), log),
    detach: unary(async (asked) => ({ detached: await handlers.detach(named(asked)) }), log),
    expose: unary(async (asked) => reply(await handlers.expose(fromWire(asked) as Expose)), log),
    hide: unary(async (asked) => {
      const { network } = fromWire(asked) as { readonly network: string };
      return { detached: await handlers.hide(network) };
    }, log),
    getEndpoint: unary((asked) => reply(handlers.endpoint(named(asked))), log),
    listEndpoints: streams.serve(() => mapped(endpointPages(handlers), toWire)),
    watchEndpoints: streams.serve((signal) => mapped(endpointUpdates(handlers, signal), toWire)),
  };
}

function* endpointPages(handlers: EndpointHandlers): Generator<EndpointPage> {
  for (const endpoints of pages(handlers.endpoints())) yield { endpoints };
}

async function* endpointUpdates(
  handlers: EndpointHandlers,
  signal: AbortSignal,
): AsyncGenerator<EndpointUpdate> {
  const watched: Watched<Endpoint> = {
    entries: () => handlers.endpoints(),
    watch: (present, removed) =>
      handlers.watchEndpoints((change) =>
        change.type === 'present'
          ? present(keyOfEndpoint(change.endpoint), change.endpoint)
          : removed(change.key),
      ),
  };
  for await (const { entries, ...progress } of updates(watched, signal))
    yield { endpoints: entries, ...progress };
}
