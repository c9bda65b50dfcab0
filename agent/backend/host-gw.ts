/** host-gw: every host is the gateway to its own subnet. Needs all hosts on one link; no encapsulation. */
import { ROUTE_PROTOCOL, type Route } from '../state/resource.ts';
import {
  directLinks,
  familiesOf,
  otherBackend,
  type Backend,
  type MeshPlan,
  type PeerPlan,
} from './backend.ts';
import type { HostFacts, Lease } from '../state/facts.ts';

export function hostGw(): Backend {
  return {
    type: 'host-gw',
    links: [],
    publish: ({ underlay, families }) => ({
      publicAddresses: Object.fromEntries(
        families.map((family) => [family, underlay.publicAddresses[family]]),
      ),
      backendType: 'host-gw',
    }),
    plan,
  };
}

function plan({ underlay, subnets }: HostFacts): MeshPlan {
  const linkTo = directLinks(underlay);
  const peer = (lease: Lease): PeerPlan => {
    if (lease.backendType !== 'host-gw') return otherBackend('host-gw', lease);
    const resources: Route[] = [];
    const problems: string[] = [];
    for (const family of familiesOf(subnets)) {
      const prefix = lease.subnets[family];
      const gateway = lease.publicAddresses[family];
      if (prefix === undefined) continue;
      const link = gateway === undefined ? undefined : linkTo(gateway);
      if (gateway === undefined) problems.push(`publishes no IPv${family} address`);
      else if (link === undefined) problems.push(`${gateway} is not on a link of this host`);
      else resources.push(gatewayRoute({ prefix, gateway, link }));
    }
    return problems.length === 0 ? { resources } : { resources, problem: problems.join('; ') };
  };
  return { mtu: underlay.mtu, host: [], peer };
}

/** A route to a peer's subnet by way of the peer's own underlay address. */
export function gatewayRoute(
  hop: Pick<Route, 'prefix'> & Required<Pick<Route, 'gateway' | 'link'>>,
): Route {
  return {
    kind: 'route',
    metric: 0,
    type: 'unicast',
    onlink: false,
    protocol: ROUTE_PROTOCOL,
    ...hop,
  };
}
