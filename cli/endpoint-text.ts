/** Endpoints in words. */
import type { Endpoint } from '../controlplane/api/endpoint-model.ts';
import { instant, listed, printable } from './text.ts';

/** What came of an attach. */
export function attachedLine({ names, addresses, network, host, id }: Endpoint): string {
  return `${names.join(', ') || id} is ${addresses.join(', ')} in ${network} on ${host} (${id})`;
}

/** Of a row of the table. */
export function endpointCells({
  names,
  addresses,
  network,
  host,
  target,
  state,
  isHost,
  id,
}: Endpoint): string[] {
  return [
    names.join(',') || '-',
    addresses.join(','),
    network,
    host,
    target ?? (isHost ? 'host' : '-'),
    state ?? 'attached',
    id,
  ];
}

const NAME_WIDTH = 12;

/** A line for each thing that is known. */
export function endpointBlock(endpoint: Endpoint): string[] {
  const { id, host, mine, network, names, addresses, mac, state, target, link } = endpoint;
  const { hostLink, bridge, namespace, container, since, problem, dnsInside, ports, links } =
    endpoint;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['problem', problem],
    ['id', id],
    ['names', listed(names)],
    ['addresses', listed(addresses)],
    ['ports', ports.length === 0 ? undefined : listed(ports)],
    ['links', links.length === 0 ? undefined : listed(links)],
    ['network', network],
    ['host', mine ? `${host}, this host` : host],
    ['state', state],
    ['target', target],
    ['interface', link === undefined ? undefined : `${link}, ${mac}`],
    ['pair', hostLink === undefined ? undefined : `${hostLink} at ${bridge ?? 'no bridge'}`],
    ['namespace', namespace],
    ['container', container],
    ['dns', dnsInside ? 'on 127.0.0.11 inside' : undefined],
    ['since', since === undefined ? undefined : instant(since)],
  ];
  return rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(NAME_WIDTH)}${printable(value)}`],
  );
}
