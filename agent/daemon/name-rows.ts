/** All names of all networks, as the control API has them. */
import type { NameEntry } from '../../controlplane/api/dns-model.ts';
import {
  decodeEndpoint,
  decodeName,
  ENDPOINT_KIND,
  HOST_NETWORK,
  NAME_KIND,
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
  const ttl = ttlOf(daemon);
  for (const { owner, key, payload } of daemon.membership?.records(ENDPOINT_KIND) ?? []) {
    const { names = [], network = '', addresses = [] } = decodeEndpoint(key, payload) ?? {};
    for (const name of names)
      for (const bytes of addresses) {
        const address = addressFromBytes(bytes);
        yield { name, network, address, kind: 'endpoint', host: owner, ttl };
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
  const ttl = ttlOf(daemon);
  for (const { name: host, address: at, status } of daemon.membership?.member?.members() ?? []) {
    if (status !== 'alive' && status !== 'leaving') continue;
    const { address } = partsOf(at);
    yield { name: host.toLowerCase(), network: HOST_NETWORK, address, kind: 'host', host, ttl };
  }
}

export function entryOf({ name, network, address, ttl }: Name, host: string): Entry {
  return { name, network, address: addressFromBytes(address), kind: 'static', host, ttl };
}

export function ttlOf({ config }: Daemon): number {
  return config.dns?.ttl ?? 1;
}
