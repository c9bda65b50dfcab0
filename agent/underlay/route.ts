/** How a packet would leave, told from the routes of the main table. */
import type { Address } from '../ip/address.ts';
import { containsAddress, lengthOf } from '../ip/prefix.ts';
import type { RouteInfo } from '../state/links.ts';

/** The route with the longest prefix that holds `destination`; of equals the one with the lowest metric, then the first. */
export function bestRoute(
  routes: readonly RouteInfo[],
  destination: Address,
): RouteInfo | undefined {
  let best: RouteInfo | undefined;
  for (const route of routes) {
    if (containsAddress(route.prefix, destination) && isBetter(route, best)) best = route;
  }
  return best;
}

function isBetter(route: RouteInfo, best: RouteInfo | undefined): boolean {
  if (best === undefined) return true;
  const longer = lengthOf(route.prefix) - lengthOf(best.prefix);
  return longer > 0 || (longer === 0 && route.metric < best.metric);
}
