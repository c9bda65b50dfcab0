/** A host, or an address, with a port: `h1:7946`, `192.0.2.1:7946`, `[2001:db8::1]:7946`. */
import { parseAddress, type Address } from './address.ts';

/** An address with a port in canonical form, so that `===` and Map keys work. */
export type SocketAddress = string & { readonly __brand: 'SocketAddress' };

export interface HostPort {
  /** A host name, or an address in canonical form. */
  readonly host: string;
  readonly port?: number;
}

const PORT_LIMIT = 65_535;
/** RFC 1035, section 2.3.4; underscores are in use. */
const HOST = /^(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/** Undefined when it is neither. A bare v6 address has no port. */
export function parseHostPort(text: string): HostPort | undefined {
  const bare = parseAddress(text);
  if (bare !== undefined) return { host: bare };
  const [, v6, other, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = hostIn(v6, other);
  if (host === undefined) return undefined;
  if (digits === undefined) return { host };
  const port = Number(digits);
  return port >= 1 && port <= PORT_LIMIT ? { host, port } : undefined;
}

function hostIn(v6: string | undefined, other: string | undefined): string | undefined {
  if (v6 !== undefined) return v6.includes(':') ? parseAddress(v6) : undefined;
  if (other === undefined) return undefined;
  const isNumeric = /^[\d.]+$/.test(other);
  return isNumeric ? parseAddress(other) : HOST.test(other) ? other : undefined;
}

export function formatHostPort({ host, port }: Required<HostPort>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function socketAddress(address: Address, port: number): SocketAddress {
  return formatHostPort({ host: address, port }) as SocketAddress;
}

/** Undefined unless there are both an address and a port. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const { host, port } = parseHostPort(text) ?? {};
  const address = host === undefined ? undefined : parseAddress(host);
  return address === undefined || port === undefined ? undefined : socketAddress(address, port);
}

export function partsOf(value: SocketAddress): {
  readonly address: Address;
  readonly port: number;
} {
  const colon = value.lastIndexOf(':');
  const address = value.slice(0, colon).replace(/^\[|\]$/g, '') as Address;
  return { address, port: Number(value.slice(colon + 1)) };
}
