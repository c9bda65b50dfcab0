/** What is asked for, and what endpoints are made of it. */
import type { Address } from '../ip/address.ts';
import type { PerFamily } from '../state/facts.ts';
import type { Endpoint, Place, Resolver } from './endpoint.ts';
import { EndpointError } from './errors.ts';
import type { FoundTarget, InsideLink } from './parts.ts';
import { macFor } from './plan.ts';
import type { AttachRequest } from './request.ts';

/** Throws an EndpointError when it has no address. */
export function endpointFrom(
  { id, text: target, network, names, gateway, mac, dnsInside, ports, links }: AttachRequest,
  { namespace, container, runtime }: FoundTarget,
  given: {
    readonly link: string;
    readonly addresses: PerFamily<Address>;
    readonly since: Date;
    readonly resolver: Resolver | undefined;
  },
): Endpoint & { readonly place: Place } {
  const { link, addresses, since, resolver } = given;
  const first = addresses[4] ?? addresses[6];
  if (first === undefined) throw new EndpointError('not-ready', 'this host has no subnet');
  const macOf = mac ?? macFor(first);
  const ownMac = mac !== undefined;
  const place = {
    namespace,
    link,
    mac: macOf,
    ownMac,
    gateway,
    container,
    runtime,
    resolver,
    dnsInside,
    links,
  };
  return { id, network, names, addresses, ports, since, place, target, state: 'attaching' };
}

/** The name of the link inside: what was asked for, else the first that is free. Rejects with an EndpointError. */
export async function linkFor(
  { link, target }: AttachRequest,
  inside: InsideLink,
): Promise<string> {
  if (link === undefined) return await inside.freeName('eth');
  if (!(await inside.has(link))) return link;
  const where = target.type === 'netns' ? target.path : target.type;
  throw new EndpointError(
    'exists',
    `there is a link ${link} in ${where} already`,
    'choose another with --ifname',
  );
}

/** With the addresses that it had. */
export function requestOf(away: Endpoint, place: Place): AttachRequest {
  const { id, target: text, network, names } = away;
  const addresses = Object.values(away.addresses);
  return {
    id,
    target: { type: 'container', name: text.slice('ctr:'.length) },
    text,
    network,
    names,
    addresses,
    gateway: place.gateway,
    link: place.link,
    mac: place.ownMac ? place.mac : undefined,
    resolver: place.resolver !== undefined,
    dnsInside: place.dnsInside,
    ports: away.ports,
    links: place.links,
  };
}
