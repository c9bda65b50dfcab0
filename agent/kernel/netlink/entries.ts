/** Operations on addresses, neighbours, forwarding entries and routes as messages. Pure. */
import { lengthOf } from '../../ip/prefix.ts';
import type { Operation } from '../../state/kernel.ts';
import {
  ALL_OTHERS,
  type FdbEntry,
  type LinkAddress,
  type Neighbour,
  type Route,
} from '../../state/resource.ts';
import { writeAddress } from './address.ts';
import * as nl from './constants.ts';
import type { MessageWriter } from './message.ts';
import { writeFdb, writeFdbRemoval, writeNeighbour, writeNeighbourRemoval } from './neighbour.ts';
import { writeRoute, writeRouteRemoval, type RouteRecord } from './route.ts';

/** What batches carry. */
export type Entry = LinkAddress | Neighbour | FdbEntry | Route;

export function isEntry(resource: { readonly kind: string }): resource is Entry {
  return resource.kind in TYPES;
}

/** [make, take away] */
const TYPES = {
  address: [nl.RTM_NEWADDR, nl.RTM_DELADDR],
  neighbour: [nl.RTM_NEWNEIGH, nl.RTM_DELNEIGH],
  fdb: [nl.RTM_NEWNEIGH, nl.RTM_DELNEIGH],
  route: [nl.RTM_NEWROUTE, nl.RTM_DELROUTE],
} as const;

/** On links of our own neighbours and forwarding entries are ours whoever made them; the rest must not exist yet. */
const CREATION = {
  address: nl.NLM_F_EXCL,
  neighbour: nl.NLM_F_REPLACE,
  fdb: nl.NLM_F_REPLACE,
  route: nl.NLM_F_EXCL,
} as const;

/** Writes one operation as one message. `linkIndex` is that of the entry's link, if it has one. */
export function writeOperation(
  writer: MessageWriter,
  action: Operation['action'],
  entry: Entry,
  linkIndex: number | undefined,
  sequence: number,
): void {
  const [make, takeAway] = TYPES[entry.kind];
  if (action === 'remove') writer.begin(takeAway, nl.NLM_F_REQUEST, sequence);
  else {
    const isOneOfMany = entry.kind === 'fdb' && entry.mac === ALL_OTHERS;
    const one = action === 'create' ? CREATION[entry.kind] : nl.NLM_F_REPLACE;
    const how = isOneOfMany ? nl.NLM_F_APPEND : one;
    writer.begin(make, nl.NLM_F_REQUEST | nl.NLM_F_CREATE | how, sequence);
  }
  writeBody(writer, action === 'remove', entry, linkIndex);
  writer.end();
}

function writeBody(
  writer: MessageWriter,
  removing: boolean,
  entry: Entry,
  linkIndex: number | undefined,
): void {
  if (entry.kind === 'route')
    return (removing ? writeRouteRemoval : writeRoute)(writer, entry, linkIndex);
  if (linkIndex === undefined) return;
  switch (entry.kind) {
    case 'address':
      return writeAddress(writer, entry, linkIndex);
    case 'neighbour':
      return (removing ? writeNeighbourRemoval : writeNeighbour)(writer, entry, linkIndex);
    case 'fdb':
      return (removing ? writeFdbRemoval : writeFdb)(writer, entry, linkIndex);
  }
}

/** Refusals of a removal that mean there is nothing to remove. */
export const ALREADY_GONE: ReadonlySet<string> = new Set([
  'ENOENT',
  'ESRCH',
  'ENODEV',
  'EADDRNOTAVAIL',
]);

/** linux/rtnetlink.h, RTPROT_*: names as in iproute2's table of them. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  2: 'kernel',
  3: 'boot',
  4: 'static',
  9: 'ra',
  11: 'zebra',
  12: 'bird',
  16: 'dhcp',
  119: 'weft',
  186: 'bgp',
  188: 'ospf',
};

/** linux/rtnetlink.h, RTN_*: what iproute2 writes before the prefix. */
const ROUTE_TYPES: Readonly<Record<number, string>> = {
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
};

/** A line as `ip route` prints it. */
export function describeRoute(
  record: RouteRecord,
  nameOf: (index: number) => string | undefined,
): string {
  const { gateway, linkIndex, protocol, metric } = record;
  const link = linkIndex === undefined ? undefined : (nameOf(linkIndex) ?? `if${linkIndex}`);
  return [
    ROUTE_TYPES[record.type],
    lengthOf(record.prefix) === 0 ? 'default' : record.prefix,
    gateway === undefined ? undefined : `via ${gateway}`,
    link === undefined ? undefined : `dev ${link}`,
    `proto ${PROTOCOLS[protocol] ?? protocol}`,
    metric === 0 ? undefined : `metric ${metric}`,
    record.onlink ? 'onlink' : undefined,
    record.compound ? '(with several next hops, or encapsulated)' : undefined,
  ]
    .filter((word) => word !== undefined)
    .join(' ');
}
