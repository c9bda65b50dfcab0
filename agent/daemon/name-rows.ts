/** All names of all networks, as the control API has them. */
import type { NameEntry } from '../../controlplane/api/dns-model.ts';
import {
  decodeEndpoint,
  decodeName,
  ENDPOINT_KIND,
  HOST_NETWORK,
  isName,
  NAME_KIND,
  portText,
  type Name,
} from '../../controlplane/names/index.ts';
import { addressFromBytes } from '../ip/address.ts';
import { partsOf } from '../ip/socket-address.ts';
import type { Daemon } from './daemon.ts';

export function* namesOf(daemon: Daemon): Generator<NameEntry> {
  const mine = daemon.membership?.name;
  for (const entry of [endpointNames, staticNames, hostNames].flatMap((of) => [...of(daemon)]))
    yield { ...entry, mine: entry.host === mine };
}

type Entry = Omit<NameEntry, 'mine'>;

function* endpointNames(daemon: Daemon): Generator<Entry> {
  for (const { owner, key, payload } of daemon.membership?.records(ENDPOINT_KIND) ?? []) {
    const endpoint = decodeEndpoint(key, payload);
    if (endpoint === undefined) continue;
    const { names, network, addresses, ports } = endpoint;
    const ttl = ttlOf(daemon, network);
    const more = { kind: 'endpoint', host: owner, ttl, ports: ports.map(portText) };
    for (const name of names)
      for (const bytes of addresses) {
        const address = addressFromBytes(bytes);
        yield { name, network, address, ...more };
      }
  }
}

function* staticNames({ membership }: Daemon): Generator<Entry> {
  for (const { owner, key, payload } of membership?.records(NAME_KIND) ?? []) {
    const record = decodeName(key, payload);
    if (record !== undefined) yield entryOf(record, owner);
  }
}

function* hostNames(daemon: Daemon): Generator<Entry> {
  const more = { network: HOST_NETWORK, kind: 'host', ttl: ttlOf(daemon, HOST_NETWORK), ports: [] };
  for (const { name: host, address: at, status } of daemon.membership?.member?.members() ?? []) {
    const name = host.toLowerCase();
    // A member's name may be more than DNS can have: it is no name there.
    if ((status !== 'alive' && status !== 'leaving') || !isName(name)) continue;
    const { address } = partsOf(at);
    yield { name, address, host, ...more };
  }
}

export function entryOf({ name, network, address, ttl }: Name, host: string): Entry {
  const text = addressFromBytes(address);
  return { name, network, address: text, kind: 'static', host, ttl, ports: [] };
}

/** In seconds: of names in the network, as far as it stands on this host. */
export function ttlOf({ config, dns }: Daemon, network: string): number {
  return dns?.ttlOf(network) ?? config.dns?.ttl ?? 1;
}
