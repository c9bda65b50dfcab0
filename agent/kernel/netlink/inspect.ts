/** Facts about links, addresses and routes that are not ours, for choosing the underlay. */
import { familyOf, type Address } from '../../ip/address.ts';
import type { AddressInfo, LinkInfo, RouteInfo, RouteLookup } from '../../state/links.ts';
import { KernelError } from '../errno.ts';
import { readAddress, writeAddressRequest, type AddressRecord } from './address.ts';
import * as nl from './constants.ts';
import { readLink, writeLinkRequest } from './link.ts';
import { MessageWriter, type Message } from './message.ts';
import {
  isOurRoute,
  readRoute,
  readRouteAnswer,
  writeRouteLookup,
  writeRouteRequest,
  type RouteRecord,
} from './route.ts';
import {
  openEventSocket,
  type DumpSocket,
  type EventSocket,
  type RequestSocket,
} from './socket.ts';

export interface Inspector {
  readLinks(): Promise<LinkInfo[]>;
  readAddresses(): Promise<AddressInfo[]>;
  /** Unicast routes of the main table with one next hop, without weft's own. */
  readRoutes(): Promise<RouteInfo[]>;
  /** How a packet from this host to `address` would leave; undefined when it would not. */
  routeTo(address: Address): Promise<RouteLookup | undefined>;
  /**
   * Calls back, at most once a turn of the event loop, when links, addresses or routes changed by anybody but
   * weft; also when that may have been missed. Returns what ends it.
   */
  watchUnderlay(listener: () => void): () => void;
  /**
   * Calls back with the alias of every link that goes by somebody else's hand, and with nothing when some may have been
   * missed. Returns what ends it.
   */
  watchGone(listener: (alias?: string) => void): () => void;
}

/** All reads reject with a KernelError. */
export function inspector(socket: RequestSocket, dumps: DumpSocket): Inspector {
  const links = async (): Promise<Map<number, LinkInfo>> => {
    const pieces = await dumps.dump(nl.RTM_GETLINK, (writer) => writeLinkRequest(writer));
    return new Map(pieces.flat().flatMap((message) => linkInfo(message)));
  };
  return {
    readLinks: async () => [...(await links()).values()],
    readAddresses: async () => {
      const byIndex = await links();
      const pieces = await dumps.dump(nl.RTM_GETADDR, (writer) => writeAddressRequest(writer, 0));
      return pieces.flat().flatMap((message) => addressInfo(message, byIndex));
    },
    readRoutes: async () => {
      const byIndex = await links();
      const messages = [...(await dumpRoutes(dumps, 4)), ...(await dumpRoutes(dumps, 6))];
      return messages.flatMap((message) => routeInfo(message, byIndex));
    },
    routeTo: async (address) => {
      const record = await lookUp(socket, address);
      const link =
        record?.linkIndex === undefined ? undefined : (await links()).get(record.linkIndex);
      return record === undefined || link === undefined ? undefined : lookup(record, link.name);
    },
    watchUnderlay: (listener) => watchUnderlay(socket.port, listener),
    watchGone: (listener) => watchGone(socket.port, listener),
  };
}

function linkInfo(message: Message): [number, LinkInfo][] {
  const record = readLink(message);
  if (record === undefined) return [];
  const { name, index, mtu, up, type } = record;
  return [[index, { name, index, mtu, up, ...(type === undefined ? {} : { type }) }]];
}

function addressInfo(message: Message, links: ReadonlyMap<number, LinkInfo>): AddressInfo[] {
  const record = readAddress(message);
  const link = record === undefined ? undefined : links.get(record.linkIndex);
  if (record === undefined || link === undefined) return [];
  const { address, length, flags } = record;
  return [
    {
      link: link.name,
      address,
      length,
      scope: scopeOf(record),
      permanent: (flags & nl.IFA_F_PERMANENT) !== 0,
      // The same bit marks v4 secondaries, which are no privacy addresses.
      temporary: familyOf(address) === 6 && (flags & nl.IFA_F_TEMPORARY) !== 0,
      deprecated: (flags & nl.IFA_F_DEPRECATED) !== 0,
    },
  ];
}

/** linux/rtnetlink.h, RT_SCOPE_*: values between are administrators' own, nearer than global. */
function scopeOf({ scope }: AddressRecord): AddressInfo['scope'] {
  if (scope === nl.RT_SCOPE_UNIVERSE) return 'global';
  if (scope === nl.RT_SCOPE_LINK) return 'link';
  if (scope === nl.RT_SCOPE_HOST) return 'host';
  return scope > nl.RT_SCOPE_HOST ? 'nowhere' : 'site';
}

async function dumpRoutes(dumps: DumpSocket, family: 4 | 6): Promise<readonly Message[]> {
  try {
    const write = (writer: MessageWriter): void => writeRouteRequest(writer, family, {});
    // Weft's own, of which there may be ten thousand, are dropped unread.
    return (await dumps.dump(nl.RTM_GETROUTE, write, (message) => !isOurRoute(message))).flat();
  } catch (cause) {
    // The main table is made with its first route.
    if (cause instanceof KernelError && cause.code === 'ENOENT') return [];
    throw cause;
  }
}

function routeInfo(message: Message, links: ReadonlyMap<number, LinkInfo>): RouteInfo[] {
  const record = readRoute(message);
  if (record === undefined || record.compound || record.type !== nl.RTN_UNICAST) return [];
  const link = record.linkIndex === undefined ? undefined : links.get(record.linkIndex);
  if (link === undefined) return [];
  return [{ prefix: record.prefix, metric: record.metric, ...lookup(record, link.name) }];
}

function lookup({ gateway, source }: RouteRecord, link: string): RouteLookup {
  return {
    link,
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
  };
}

async function lookUp(socket: RequestSocket, to: Address): Promise<RouteRecord | undefined> {
  const { replies } = await socket.ask(new MessageWriter(), nl.RTM_GETROUTE, 0, (writer) =>
    writeRouteLookup(writer, to, familyOf(to)),
  );
  const record = replies[0] === undefined ? undefined : readRouteAnswer(replies[0]);
  return record?.type === nl.RTN_UNICAST || record?.type === nl.RTN_LOCAL ? record : undefined;
}

const UNDERLAY_GROUPS = [
  nl.RTNLGRP_LINK,
  nl.RTNLGRP_IPV4_IFADDR,
  nl.RTNLGRP_IPV6_IFADDR,
  nl.RTNLGRP_IPV4_ROUTE,
  nl.RTNLGRP_IPV6_ROUTE,
];

function watchUnderlay(ownPort: number, listener: () => void): () => void {
  let isDue = false;
  const changed = (): void => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      listener();
    });
  };
  const onMessage = (message: Message): void => {
    if (concernsUnderlay(message)) changed();
  };
  const events: EventSocket = openEventSocket(
    nl.NETLINK_ROUTE,
    UNDERLAY_GROUPS,
    { onMessage, onLost: changed },
    ownPort,
  );
  return () => events.close();
}

function watchGone(ownPort: number, listener: (alias?: string) => void): () => void {
  const onMessage = (message: Message): void => {
    if (message.type !== nl.RTM_DELLINK) return;
    const alias = readLink(message)?.alias ?? '';
    if (alias !== '') listener(alias);
  };
  const events = openEventSocket(
    nl.NETLINK_ROUTE,
    [nl.RTNLGRP_LINK],
    { onMessage, onLost: () => listener() },
    ownPort,
  );
  return () => events.close();
}

function concernsUnderlay(message: Message): boolean {
  if (message.type !== nl.RTM_NEWROUTE && message.type !== nl.RTM_DELROUTE) return true;
  return !isOurRoute(message) && readRoute(message) !== undefined;
}
