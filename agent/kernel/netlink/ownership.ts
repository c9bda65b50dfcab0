/** Which of the kernel's entries are ours to tell and to change (design: invariant 1, ownership). */
import { macFromBytes } from '../../ip/mac.ts';
import {
  ROUTE_PROTOCOL,
  type FdbEntry,
  type LinkAddress,
  type Neighbour,
  type Resource,
  type Route,
} from '../../state/resource.ts';
import { isKernelMade, readAddress, type AddressRecord } from './address.ts';
import { RTPROT_KERNEL } from './constants.ts';
import type { LinkTable } from './link-table.ts';
import type { FdbRecord, NeighbourRecord } from './neighbour.ts';
import { readNeighbour } from './neighbour.ts';
import type { Message } from './message.ts';
import { readRoute, routeResource, type RouteRecord } from './route.ts';

const NO_MAC = macFromBytes(new Uint8Array(6));

/** The name of the link if it is one of ours. */
function ownLink(links: LinkTable, index: number): string | undefined {
  const record = links.at(index);
  return record !== undefined && links.isOurs(record) ? record.name : undefined;
}

export function addressOnOwnLink(record: AddressRecord, links: LinkTable): LinkAddress | undefined {
  const link = ownLink(links, record.linkIndex);
  if (link === undefined || isKernelMade(record)) return undefined;
  return { kind: 'address', link, address: record.address, length: record.length };
}

/** As if it were permanent: whether it is, the record says. */
export function entryOnOwnLink(
  record: NeighbourRecord | FdbRecord,
  links: LinkTable,
): Neighbour | FdbEntry | undefined {
  const link = ownLink(links, record.linkIndex);
  if (link === undefined) return undefined;
  if (record.kind === 'fdb') return { kind: 'fdb', link, mac: record.mac, remote: record.remote };
  // An entry that fails has no MAC; its key does not need one.
  return { kind: 'neighbour', link, address: record.address, mac: record.mac ?? NO_MAC };
}

/**
 * A route with our protocol, or flanneld's: over a link of ours, and not made by the kernel; by a gateway, but over
 * WireGuard without one.
 */
export function ownRoute(record: RouteRecord, links: LinkTable): Route | undefined {
  const route = routeResource(record, links.nameOf);
  if (route === undefined || route.protocol === ROUTE_PROTOCOL) return route;
  const link = links.at(record.linkIndex ?? 0);
  if (link === undefined || !links.isOurs(link) || route.protocol === RTPROT_KERNEL)
    return undefined;
  const isTunnel = links.resource(link).type === 'wireguard';
  return route.gateway === undefined && !isTunnel ? undefined : route;
}

/** Readers of dumps: what a message tells if that is ours. */
export const OWN: Readonly<
  Record<
    'address' | 'neighbour' | 'route' | 'foreignRoute',
    (message: Message, links: LinkTable) => Resource | undefined
  >
> = {
  address: (message, links) => {
    const record = readAddress(message);
    return record === undefined ? undefined : addressOnOwnLink(record, links);
  },
  neighbour: (message, links) => {
    const record = readNeighbour(message);
    return record?.permanent === true && record.mac !== undefined
      ? entryOnOwnLink(record, links)
      : undefined;
  },
  route: (message, links) => {
    const record = readRoute(message);
    return record === undefined ? undefined : ownRoute(record, links);
  },
  foreignRoute: (message, links) => {
    const record = readRoute(message);
    return record === undefined || record.protocol === ROUTE_PROTOCOL
      ? undefined
      : ownRoute(record, links);
  },
};
