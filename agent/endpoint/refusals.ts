/** What an endpoint cannot be beside those that are there. Pure. */
import { vethName, type NamespaceFile } from '../state/veth.ts';
import type { Endpoint } from './endpoint.ts';
import { EndpointError } from './errors.ts';

/** Endpoints of one host: gossip keeps 16,384 records of an owner, and a bridge has 1,023 ports (BR_MAX_PORTS). */
export const ENDPOINT_LIMIT = 1_023;

/** A namespace is in a network once. Throws an EndpointError. */
export function refuseTwice(
  endpoints: ReadonlyMap<string, Endpoint>,
  id: string,
  { inode }: NamespaceFile,
  network: string,
): void {
  if (endpoints.size >= ENDPOINT_LIMIT)
    throw new EndpointError(
      'full',
      `this host has ${ENDPOINT_LIMIT} endpoints`,
      'detach one first',
    );
  for (const other of endpoints.values()) {
    if (other.id === id || other.network !== network) continue;
    if (other.place?.namespace.inode !== inode || other.state === 'away') continue;
    const message = `this namespace is in the network ${network} already, as endpoint ${other.id} (${other.target})`;
    throw new EndpointError('exists', message, `detach it first with weft detach ${other.id}`);
  }
}

/** A link's name has room for the first digits of an id alone. Throws an EndpointError. */
export function refuseLinkTwice(ids: Iterable<string>, id: string): void {
  for (const other of ids)
    if (other !== id && vethName(other) === vethName(id))
      throw new EndpointError(
        'exists',
        `endpoint ${other} has the link ${vethName(id)}, by the same first digits`,
        'choose another id',
      );
}
