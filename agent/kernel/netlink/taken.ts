/** What to do about entries that found their place taken: look what stands there and judge whose it is. */
import type { Family } from '../../ip/address.ts';
import { familyOfPrefix } from '../../ip/prefix.ts';
import type { Outcome } from '../../state/kernel.ts';
import { keyOf, same, type Key, type LinkAddress, type Route } from '../../state/resource.ts';
import { readAddress, writeAddressRequest } from './address.ts';
import { DONE } from './batches.ts';
import { RTM_GETADDR, RTM_GETROUTE } from './constants.ts';
import { describeRoute, type Entry } from './entries.ts';
import type { LinkTable } from './link-table.ts';
import { ownRoute } from './ownership.ts';
import { readRoute, routePlace, writeRouteRequest, type RouteRecord } from './route.ts';
import type { DumpSocket } from './socket.ts';

/** `replace`: it is ours to replace. `free`: nothing stands there, so that is not why it was refused. */
type Judgement = Outcome | 'replace' | 'free';

type Judge = (desired: Entry) => Judgement;

/** Reads what is needed to judge these entries: each table once, however many there are. Rejects with a KernelError. */
export async function judgeOf(
  taken: readonly Entry[],
  dumps: DumpSocket,
  links: LinkTable,
): Promise<Judge> {
  const families = new Set<Family>();
  const addressed = new Set<string>();
  for (const entry of taken) {
    if (entry.kind === 'route') families.add(familyOfPrefix(entry.prefix));
    if (entry.kind === 'address') addressed.add(entry.link);
  }
  const routes = await standingRoutes([...families], dumps);
  const addresses = await standingAddresses([...addressed], dumps, links);
  return (desired) => {
    if (desired.kind === 'route')
      return judgeRoute(desired, routes.get(keyOf(desired)) ?? [], links);
    if (desired.kind === 'address') return judgeAddress(desired, addresses);
    return 'free';
  };
}

function judgeRoute(desired: Route, standing: readonly RouteRecord[], links: LinkTable): Judgement {
  if (standing.length === 0) return 'free';
  const ours = standing.map((record) => ownRoute(record, links));
  if (ours.some((route) => route !== undefined && same(route, desired))) return DONE;
  const foreign = standing.find((_, i) => ours[i] === undefined);
  if (foreign === undefined) return 'replace';
  return { status: 'conflict', found: describeRoute(foreign, links.nameOf) };
}

function judgeAddress(desired: LinkAddress, standing: readonly LinkAddress[]): Judgement {
  if (standing.some((address) => same(address, desired))) return DONE;
  const other = standing.find(
    ({ link, address }) => link === desired.link && address === desired.address,
  );
  if (other === undefined) return 'free';
  return { status: 'conflict', found: `${other.address}/${other.length} dev ${other.link}` };
}

async function standingRoutes(
  families: readonly Family[],
  dumps: DumpSocket,
): Promise<ReadonlyMap<Key, RouteRecord[]>> {
  const standing = new Map<Key, RouteRecord[]>();
  for (const family of families) {
    const pieces = await dumps.dump(RTM_GETROUTE, (writer) =>
      writeRouteRequest(writer, family, {}),
    );
    for (const message of pieces.flat()) {
      const record = readRoute(message);
      if (record === undefined) continue;
      const key = routePlace(record);
      const there = standing.get(key);
      if (there === undefined) standing.set(key, [record]);
      else there.push(record);
    }
  }
  return standing;
}

async function standingAddresses(
  names: readonly string[],
  dumps: DumpSocket,
  links: LinkTable,
): Promise<readonly LinkAddress[]> {
  const standing: LinkAddress[] = [];
  for (const link of names) {
    const index = links.get(link)?.index;
    if (index === undefined) continue;
    const pieces = await dumps.dump(RTM_GETADDR, (writer) => writeAddressRequest(writer, index));
    for (const message of pieces.flat()) {
      const record = readAddress(message);
      if (record !== undefined)
        standing.push({ kind: 'address', link, address: record.address, length: record.length });
    }
  }
  return standing;
}
