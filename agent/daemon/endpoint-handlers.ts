/** What the control API says of endpoints: this host's own from their files, others' from their records. */
import { hostname } from 'node:os';
import { WeftError, type ErrorCode } from '../../controlplane/api/errors.ts';
import type { EndpointHandlers } from '../../controlplane/api/endpoint-handlers.ts';
import {
  keyOfEndpoint,
  type Endpoint as ApiEndpoint,
  type EndpointChange,
  type Inside,
} from '../../controlplane/api/endpoint-model.ts';
import {
  decodeEndpoint,
  ENDPOINT_KIND,
  labelFrom,
  portText,
} from '../../controlplane/names/index.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { ENDPOINT_ID } from '../endpoint/endpoint.ts';
import { EndpointError, type EndpointProblem } from '../endpoint/errors.ts';
import { idIn, namesIn, networkIn, parseAttach } from '../endpoint/request.ts';
import type { RecordView } from '../gossip/member.ts';
import { addressFromBytes } from '../ip/address.ts';
import { macFromBytes } from '../ip/mac.ts';
import { vethName } from '../state/veth.ts';
import type { Daemon } from './daemon.ts';
import type { Endpoints } from './endpoints.ts';

export function endpointHandlers(daemon: Daemon): EndpointHandlers {
  const { endpoints, membership } = daemon;
  const { attachments } = endpoints;
  const host = hostOf(daemon);
  const own = (endpoint: Endpoint): ApiEndpoint => ownEndpoint(endpoint, daemon, host);
  const all = function* (): Iterable<ApiEndpoint> {
    for (const endpoint of attachments.list()) yield own(endpoint);
    for (const record of membership?.records(ENDPOINT_KIND) ?? [])
      yield* othersEndpoint(record, host);
  };
  return {
    attach: async (request) =>
      await answered(async () => {
        requireReady(daemon);
        return own(await attachments.attach(parseAttach(request)));
      }),
    detach: async (text) =>
      await answered(async () => await attachments.detach(ownId(endpoints, text))),
    expose: async ({ id, network, names }) =>
      await answered(async () => {
        requireReady(daemon);
        const given = names.length === 0 ? [labelFrom(host) ?? 'host'] : names;
        return own(await attachments.expose(idIn(id), networkIn(network), namesIn(given)));
      }),
    hide: async (network) =>
      await answered(async () => {
        networkIn(network);
        const exposed = [...attachments.list()].find(({ place }) => place === undefined);
        return exposed !== undefined && (await attachments.detach(exposed.id));
      }),
    endpoint: (text) => {
      const found = [...all()].find((endpoint) => isMeant(endpoint, text));
      if (found !== undefined) return found;
      throw notFound(text);
    },
    endpoints: all,
    watchEndpoints: (listener) => watch(daemon, own, listener),
  };
}

/** By which the others know this host. */
function hostOf({ membership }: Daemon): string {
  return membership?.name ?? hostname();
}

function watch(
  daemon: Daemon,
  own: (endpoint: Endpoint) => ApiEndpoint,
  listener: (change: EndpointChange) => void,
): () => void {
  const { endpoints, membership } = daemon;
  const host = hostOf(daemon);
  const unwatch = endpoints.onChange((id) => {
    const endpoint = endpoints.attachments.get(id);
    if (endpoint === undefined) listener({ type: 'removed', key: keyOfEndpoint({ host, id }) });
    else listener({ type: 'present', endpoint: own(endpoint) });
  });
  const unhear = membership?.onRecord(ENDPOINT_KIND, ({ before, after }) => {
    const [endpoint] = after === undefined ? [] : othersEndpoint(after, host);
    if (endpoint !== undefined) listener({ type: 'present', endpoint });
    else if (before !== undefined && before.owner !== host)
      listener({ type: 'removed', key: keyOfEndpoint({ host: before.owner, id: before.key }) });
  });
  return () => {
    unwatch();
    unhear?.();
  };
}

function ownEndpoint(endpoint: Endpoint, daemon: Daemon, host: string): ApiEndpoint {
  const { endpoints } = daemon;
  const inside = insideFrom(endpoint, daemon);
  const { id, network, state, target, names, addresses, place, since } = endpoint;
  const problem = endpoints.troubleOf(id);
  const bridge = endpoints.attachments.bridge(network);
  return {
    id,
    host,
    mine: true,
    network,
    names,
    addresses: Object.values(addresses),
    isHost: place === undefined,
    state,
    target,
    since,
    ...(bridge === undefined ? {} : { bridge }),
    ...(problem === undefined ? {} : { problem }),
    ...(inside === undefined ? {} : { inside }),
    dnsInside: place?.dnsInside === true,
    ports: endpoint.ports.map(portText),
    links: (place?.links ?? []).map(({ name, alias }) => `${name}:${alias}`),
    ...(place === undefined
      ? {}
      : {
          mac: place.mac,
          link: place.link,
          hostLink: vethName(id),
          namespace: place.namespace.path,
          ...(place.container === undefined ? {} : { container: place.container }),
        }),
  };
}

/** Undefined of a host itself, and while the network is not known. */
function insideFrom(endpoint: Endpoint, { endpoints, config }: Daemon): Inside | undefined {
  const plan = endpoints.attachments.inside(endpoint);
  const network = endpoints.attachments.network(endpoint.network);
  if (plan === undefined || network === undefined) return undefined;
  const domain = config.dns && `${endpoint.network}.${config.dns.domain}`;
  return {
    addresses: plan.addresses.map(({ address, length }) => `${address}/${length}`),
    gateways: Object.values(network.gateways),
    routes: plan.routes.flatMap(({ route: { prefix, gateway } }) =>
      gateway === undefined ? [] : [{ destination: prefix, gateway }],
    ),
    mtu: plan.mtu,
    ...(domain === undefined ? {} : { domain }),
  };
}

/** Nothing for this host's own, and for what does not parse. */
function* othersEndpoint(
  { owner, key, payload }: RecordView,
  host: string,
): Generator<ApiEndpoint> {
  const said = owner === host ? undefined : decodeEndpoint(key, payload);
  if (said === undefined) return;
  const { id, network, names } = said;
  yield {
    id,
    host: owner,
    mine: false,
    network,
    names,
    addresses: said.addresses.map((bytes) => addressFromBytes(bytes)),
    mac: macFromBytes(said.mac),
    isHost: said.host,
    dnsInside: false,
    ports: said.ports.map(portText),
    links: [],
  };
}

function isMeant({ id, names, target }: ApiEndpoint, text: string): boolean {
  return id === text || target === text || names.includes(text);
}

/** Of an id, whatever it is: that there is none may be the answer that was lost. Throws an EndpointError. */
function ownId({ attachments }: Endpoints, text: string): string {
  if (ENDPOINT_ID.test(text)) return text;
  const found = [...attachments.list()].filter(
    ({ names, target }) => target === text || names.includes(text),
  );
  const [first, second] = found;
  if (first === undefined) throw notFound(text);
  if (second === undefined) return first.id;
  const ids = found.map(({ id, target }) => `${id} (${target})`).join(', ');
  throw new WeftError('WEFT_USAGE', `${text} may be ${ids}`, { fix: 'name the one by its id' });
}

function notFound(text: string): WeftError {
  return new WeftError('WEFT_NOT_FOUND', `there is no endpoint ${text}`, {
    fix: 'see weft endpoint ls',
  });
}

function requireReady({ isReady, waitingFor }: Daemon): void {
  if (isReady) return;
  throw new WeftError('WEFT_NOT_READY', `weftd is not ready: ${waitingFor}`, {
    fix: 'ask again when it is; see weft status',
  });
}

const CODES: Readonly<Record<EndpointProblem, ErrorCode>> = {
  usage: 'WEFT_USAGE',
  'not-ready': 'WEFT_NOT_READY',
  'no-target': 'WEFT_NOT_FOUND',
  'no-network': 'WEFT_NOT_FOUND',
  exists: 'WEFT_TAKEN',
  address: 'WEFT_TAKEN',
  full: 'WEFT_FULL',
  failed: 'WEFT_FAILED',
};

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof EndpointError)) throw thrown;
    const { problem, message, fix, cause } = thrown;
    throw new WeftError(CODES[problem], message, { ...(fix === undefined ? {} : { fix }), cause });
  }
}
