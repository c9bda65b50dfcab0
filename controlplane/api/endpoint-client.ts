/** What the command `weft` asks the daemon of endpoints with. */
import type { Attach, Endpoint, EndpointEvent, Expose } from './endpoint-model.ts';
import type { EndpointPage, EndpointUpdate } from './endpoint-server.ts';
import { ENDPOINTS } from './endpoint-service.ts';
import type { Rpc } from './rpc.ts';

/** For a change: many may be under way at once. */
const CHANGE_LIMIT_MS = 60_000;
const LIST_LIMIT_MS = 60_000;

/** Every call throws a WeftError. */
export interface EndpointCalls {
  attach(request: Attach): Promise<Endpoint>;
  detach(endpoint: string): Promise<boolean>;
  expose(request: Expose): Promise<Endpoint>;
  hide(network: string): Promise<boolean>;
  get(endpoint: string): Promise<Endpoint>;
  list(): AsyncIterable<Endpoint>;
  /** Every endpoint, `complete`, then changes. */
  watch(): AsyncIterable<EndpointEvent>;
}

export function endpointCalls(rpc: Rpc): EndpointCalls {
  const one = async <T extends object>(name: keyof typeof ENDPOINTS, request: object): Promise<T> =>
    await rpc.one<T>(ENDPOINTS[name], request, CHANGE_LIMIT_MS);
  const endpoint = async (name: 'attach' | 'expose' | 'getEndpoint', request: object) =>
    (await one<{ readonly endpoint: Endpoint }>(name, request)).endpoint;
  const detached = async (name: 'detach' | 'hide', request: object) =>
    (await one<{ readonly detached: boolean }>(name, request)).detached;
  return {
    attach: async (request) => await endpoint('attach', request),
    detach: async (text) => await detached('detach', { endpoint: text }),
    expose: async (request) => await endpoint('expose', request),
    hide: async (network) => await detached('hide', { network }),
    get: async (text) => await endpoint('getEndpoint', { endpoint: text }),
    list: () => endpointsIn(rpc),
    watch: () => eventsIn(rpc),
  };
}

async function* endpointsIn(rpc: Rpc): AsyncGenerator<Endpoint> {
  const method = ENDPOINTS.listEndpoints;
  for await (const page of rpc.many<EndpointPage>(method, {}, LIST_LIMIT_MS)) yield* page.endpoints;
}

async function* eventsIn(rpc: Rpc): AsyncGenerator<EndpointEvent> {
  const method = ENDPOINTS.watchEndpoints;
  for await (const update of rpc.many<EndpointUpdate>(method, {})) {
    for (const endpoint of update.endpoints) yield { type: 'present', endpoint };
    for (const key of update.removed) yield { type: 'removed', key };
    if (update.complete) yield { type: 'complete' };
  }
}
