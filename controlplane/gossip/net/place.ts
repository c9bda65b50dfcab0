/** Where we listen: an address of this host, or what an interface has. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import type { Endpoint } from '../effects.ts';
import { addressBytes, addressText, isLinkLocal, isUnspecified, type Family } from './address.ts';

export interface Place {
  /** For the sockets, with its zone where it needs one. */
  readonly host: string;
  readonly family: Family;
  /** v4 in 4 bytes. */
  readonly addr: Uint8Array;
  /** The interface that v6 addresses without meaning of their own belong to. */
  readonly zone?: string;
}

export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

/** One sentence says what to do. */
export type PlaceResult =
  | { readonly ok: true; readonly place: Place }
  | { readonly ok: false; readonly problem: string };

/** `bind`: an address (with a zone if it is link-local), or the name of an interface. */
export function findPlace(
  bind: string,
  interfaces: () => Interfaces = networkInterfaces,
): PlaceResult {
  const addr = addressBytes(bind);
  if (addr !== undefined) return { ok: true, place: placeOf(addr, bind.split('%')[1]) };
  const infos = interfaces()[bind];
  if (infos === undefined)
    return failed(`there is no address and no interface ${bind} here: correct it or bring it up`);
  const [best] = infos
    .map(({ address }) => addressBytes(address))
    .filter((candidate) => candidate !== undefined)
    .sort((a, b) => rank(a) - rank(b));
  if (best === undefined) return failed(`the interface ${bind} has no address: give it one`);
  return { ok: true, place: placeOf(best, bind) };
}

/** What a socket of `place` calls the address of `to`; undefined if it cannot reach it. */
export function packetHost(to: Endpoint, place: Place): string | undefined {
  const host = streamHost(to, place);
  if (host === undefined || host.includes(':')) return place.family === 6 ? host : undefined;
  return place.family === 4 ? host : `::ffff:${host}`;
}

/** The same for a connection, which may be of either family. */
export function streamHost({ addr, port }: Endpoint, { zone }: Place): string | undefined {
  const text = port >= 1 && port <= 0xffff ? addressText(addr) : undefined;
  if (text === undefined || zone === undefined || !isLinkLocal(addr)) return text;
  return `${text}%${zone}`;
}

/** Whether `endpoint` is this very member, as seen from this host. */
export function isOwn(
  endpoint: Endpoint,
  { place, port }: { readonly place: Place; readonly port: number },
  interfaces: () => Interfaces = networkInterfaces,
): boolean {
  if (endpoint.port !== port) return false;
  const text = addressText(endpoint.addr);
  if (!isUnspecified(place.addr)) return text === addressText(place.addr);
  return Object.values(interfaces())
    .flatMap((infos) => infos ?? [])
    .some(({ address }) => addressText(addressBytes(address) ?? new Uint8Array(0)) === text);
}

function placeOf(addr: Uint8Array, zone: string | undefined): Place {
  const text = addressText(addr) ?? '';
  return {
    host: zone !== undefined && isLinkLocal(addr) ? `${text}%${zone}` : text,
    family: addr.length === 4 ? 4 : 6,
    addr,
    ...(zone === undefined ? {} : { zone }),
  };
}

/** v4 before v6, as long as most clusters are v4; what needs a zone last. */
function rank(addr: Uint8Array): number {
  if (addr.length === 4) return 0;
  return isLinkLocal(addr) ? 2 : 1;
}

function failed(problem: string): PlaceResult {
  return { ok: false, problem };
}
