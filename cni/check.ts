/** Whether an interface is as ADD left it. Pure. */
import type { Endpoint } from '../controlplane/api/endpoint-model.ts';
import { CniError } from './error.ts';
import { fieldIn } from './fields.ts';
import type { Attachment, Configuration, Previous } from './protocol.ts';

/** What a namespace has. */
export interface Found {
  /** Addresses of the interface, with lengths. Undefined: there is no such interface. */
  readonly addresses: readonly string[] | undefined;
  readonly routes: readonly FoundRoute[];
}

export interface FoundRoute {
  readonly destination: string;
  readonly gateway: string | undefined;
}

/** Throws a CniError that says what is missing. `endpoint`: undefined, weftd has none. */
export function checkEndpoint(
  { network }: Configuration,
  { container, link }: Attachment,
  previous: Previous,
  endpoint: Endpoint | undefined,
): void {
  const what = `${link} of the container ${container}`;
  if (endpoint?.state !== 'attached') throw differs(`${what} is in no network of weft`);
  if (endpoint.network !== network) throw differs(`${what} is in the network ${endpoint.network}`);
  if (endpoint.problem !== undefined) throw differs(`${what} is not whole: ${endpoint.problem}`);
  const told = previous.ips.map((ip) => fieldIn(ip, 'address'));
  for (const address of endpoint.inside?.addresses ?? [])
    if (!told.includes(address))
      throw differs(`${what} has the address ${address}, which is not in "prevResult"`);
}

/** The same for what lies in the namespace. */
export function checkInside({ link }: Attachment, previous: Previous, own: Endpoint, found: Found) {
  if (found.addresses === undefined) throw differs(`there is no interface ${link}`);
  for (const address of own.inside?.addresses ?? [])
    if (!found.addresses.includes(address)) throw differs(`${link} has not the address ${address}`);
  const told = previous.routes.map((route) => fieldIn(route, 'dst'));
  for (const { destination, gateway } of own.inside?.routes ?? []) {
    // A default route of somebody else's was left in its place.
    const isThere = found.routes.some(
      (route) =>
        route.destination === destination &&
        (route.gateway === gateway || DEFAULTS.includes(destination)),
    );
    if (told.includes(destination) && !isThere)
      throw differs(`there is no route to ${destination} by way of ${gateway}`);
  }
}

const DEFAULTS: readonly string[] = ['0.0.0.0/0', '::/0'];

function differs(message: string): CniError {
  return new CniError('differs', message);
}
