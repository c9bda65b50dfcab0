/** Where members may be, as people write it: `host`, `host:port`, `[v6]:port`, `name/host:port`. */
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import type { Endpoint } from '../effects.ts';
import { addressBytes } from '../net/index.ts';
import { GossipError } from './error.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** RFC 1035, section 2.3.4; underscores are in use. */
const HOST = /^(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;
/** Addresses that are taken of one name. */
const ADDRESSES_LIMIT = 64;

/** `port` where none is given. Throws a GossipError. */
export function parseHostPort(text: string, port: number): HostPort {
  // The name of a member in front of it says nothing that its address does not.
  const bare = text.slice(text.indexOf('/') + 1);
  if (isIPv6(bare)) return { host: bare, port };
  const [, v6, other, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(bare) ?? [];
  const host = v6 !== undefined && isIPv6(v6) ? v6 : isHost(other) ? other : undefined;
  const given = digits === undefined ? port : Number(digits);
  if (host !== undefined && given >= 1 && given <= 0xffff) return { host, port: given };
  throw new GossipError(
    'join',
    `${JSON.stringify(text)} is no place of a member: write host, host:port or [v6]:port`,
  );
}

export interface Resolved {
  readonly endpoints: readonly Endpoint[];
  /** A sentence for each that has no address. */
  readonly problems: readonly string[];
}

/** All addresses of both families of each. */
export async function resolvePlaces(places: readonly HostPort[]): Promise<Resolved> {
  const endpoints: Endpoint[] = [];
  const problems: string[] = [];
  const resolved = await Promise.all(places.map(({ host }) => addressesOf(host)));
  for (const [index, result] of resolved.entries()) {
    const { port = 0 } = places[index] ?? {};
    if (typeof result === 'string') problems.push(result);
    else endpoints.push(...result.map((addr) => ({ addr, port })));
  }
  return { endpoints, problems };
}

export function isName({ host }: HostPort): boolean {
  return isIP(host) === 0;
}

async function addressesOf(host: string): Promise<Uint8Array[] | string> {
  const literal = addressBytes(host);
  if (literal !== undefined) return [literal];
  try {
    const found = await lookup(host, { all: true, verbatim: true });
    return found
      .slice(0, ADDRESSES_LIMIT)
      .map(({ address }) => addressBytes(address))
      .filter((addr) => addr !== undefined);
  } catch (error) {
    return `${host} has no address: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`;
  }
}

function isHost(text: string | undefined): text is string {
  if (text === undefined) return false;
  return /^[\d.]+$/.test(text) ? isIP(text) === 4 : HOST.test(text);
}
