/** What the control API says of networks: `default`, which is leased, and those that users have made. */
import { WeftError, type ErrorCode } from '../../controlplane/api/errors.ts';
import type { NetworkHandlers } from '../../controlplane/api/network-handlers.ts';
import type { Network, NetworkSubnet } from '../../controlplane/api/network-model.ts';
import { decodeEndpoint, ENDPOINT_KIND } from '../../controlplane/names/index.ts';
import { DEFAULT_NETWORK, NETWORK_ID, type NetworkDefinition } from '../network/definition.ts';
import { NetworkError, type NetworkProblem } from '../network/errors.ts';
import { unknown } from '../network/networks.ts';
import { parseRequest } from '../network/request.ts';
import type { Daemon } from './daemon.ts';
import { answerRoutes } from './networks-of.ts';

export function networkHandlers(daemon: Daemon): NetworkHandlers {
  const { networks } = daemon;
  answerRoutes(daemon);
  const shown = (definition: NetworkDefinition): Network =>
    networkFrom(definition, endpointCounts(daemon).get(definition.name) ?? 0);
  return {
    create: async (asked) =>
      await answered(async () => {
        requireNetwork(daemon);
        const { definition, silent } = await networks.create(parseRequest(asked));
        return { network: networkFrom(definition, 0), silent };
      }),
    remove: async (text) =>
      await answered(async () => {
        if (text === DEFAULT_NETWORK)
          throw new NetworkError('usage', 'the network default is leased, and stays');
        const name = named(daemon, text);
        return networkFrom(await networks.remove(name, name === text ? undefined : text), 0);
      }),
    network: (text) => {
      if (text === DEFAULT_NETWORK) return defaultNetwork(daemon);
      const definition = networks.get(named(daemon, text));
      if (definition === undefined) throw weftError(unknown(text));
      return shown(definition);
    },
    networks: function* () {
      const counts = endpointCounts(daemon);
      yield defaultNetwork(daemon);
      for (const definition of networks.list())
        yield networkFrom(definition, counts.get(definition.name) ?? 0);
    },
    watchNetworks: (listener) =>
      networks.onChange(({ before, after }) => {
        if (after !== undefined) listener({ type: 'present', network: shown(after) });
        else if (before !== undefined) listener({ type: 'removed', name: before.name });
      }),
  };
}

/** By id, too. */
function named({ networks }: Daemon, text: string): string {
  if (!NETWORK_ID.test(text) || networks.get(text) !== undefined) return text;
  return [...networks.list()].find(({ id }) => id === text)?.name ?? text;
}

/** Of each network that has any, on all hosts. */
function endpointCounts({ membership, endpoints }: Daemon): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (network: string): void => void counts.set(network, (counts.get(network) ?? 0) + 1);
  for (const { network } of endpoints.attachments.list()) count(network);
  for (const { owner, key, payload } of membership?.records(ENDPOINT_KIND) ?? []) {
    const network = owner === membership?.name ? undefined : decodeEndpoint(key, payload)?.network;
    if (network !== undefined) count(network);
  }
  return counts;
}

function defaultNetwork(daemon: Daemon): Network {
  const ranges = Object.values(daemon.network?.ranges ?? {});
  return {
    id: '',
    name: DEFAULT_NETWORK,
    subnets: ranges.map(({ network }) => ({ subnet: network, aux: [] })),
    internal: false,
    encrypted: false,
    multicast: false,
    labels: [],
    endpoints: endpointCounts(daemon).get(DEFAULT_NETWORK) ?? 0,
  };
}

function networkFrom(definition: NetworkDefinition, endpoints: number): Network {
  const { subnets, labels, mtu, dnsTtl, ...rest } = definition;
  return {
    ...rest,
    subnets: Object.values(subnets).map(({ subnet, gateway, range, aux }): NetworkSubnet => ({
      subnet,
      gateway,
      ...(range === subnet ? {} : { range }),
      aux: [...aux].map(([name, address]) => `${name}=${address}`),
    })),
    labels: [...labels].map(([key, value]) => `${key}=${value}`),
    ...(mtu === undefined ? {} : { mtu }),
    ...(dnsTtl === undefined ? {} : { dnsTtl }),
    endpoints,
  };
}

/** Else the leased range would not be known, which no network may overlap. */
function requireNetwork({ network, waitingFor }: Daemon): void {
  if (network !== undefined) return;
  throw new WeftError('WEFT_NOT_READY', `weftd is not ready: ${waitingFor}`, {
    fix: 'ask again when it is; see weft status',
  });
}

const CODES: Readonly<Record<NetworkProblem, ErrorCode>> = {
  usage: 'WEFT_USAGE',
  exists: 'WEFT_TAKEN',
  overlap: 'WEFT_TAKEN',
  full: 'WEFT_FULL',
  unknown: 'WEFT_NOT_FOUND',
  used: 'WEFT_NETWORK_IN_USE',
  etcd: 'WEFT_ETCD',
  failed: 'WEFT_FAILED',
};

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw thrown instanceof NetworkError ? weftError(thrown) : thrown;
  }
}

function weftError({ problem, message, fix, cause }: NetworkError): WeftError {
  return new WeftError(CODES[problem], message, { ...(fix === undefined ? {} : { fix }), cause });
}
