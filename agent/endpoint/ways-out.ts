/**
 * Whose gateway is the way out of a namespace that is in several networks, in each family: what was asked for, then
 * networks that are not internal, then those with IPv6, then the first by name, as Docker's containers have it. Pure.
 */
import { familyOf, type Address, type Family } from '../ip/address.ts';
import type { Route } from '../state/resource.ts';
import type { Endpoint } from './endpoint.ts';
import { wayOut, type NetworkFacts, type WaysOut } from './plan.ts';

/** An endpoint of the namespace, and its network. */
export interface Membership {
  readonly endpoint: Endpoint;
  readonly network: NetworkFacts;
}

/** For `own`, beside the others of its namespace. */
export function waysOut(own: Membership, others: readonly Membership[]): WaysOut {
  const elsewhere = new Set<Family>();
  const displaced: Route[] = [];
  for (const family of [4, 6] as const) {
    if (!hasWay(own, family)) continue;
    const rivals = others.filter((other) => hasWay(other, family));
    if (rivals.some((other) => isBetter(other, own, family))) elsewhere.add(family);
    else displaced.push(...rivals.flatMap((other) => wayOf(other, family)));
  }
  return { elsewhere, displaced };
}

/** Addresses of those whose namespace is in several networks, and which these are, the first one first. */
export function sharedBy(members: readonly Membership[]): ReadonlyMap<Address, readonly string[]> {
  const namespaces = new Map<number | undefined, Membership[]>();
  for (const member of members) {
    const inode = member.endpoint.place?.namespace.inode;
    namespaces.set(inode, [...(namespaces.get(inode) ?? []), member]);
  }
  const several = [...namespaces.values()].filter(({ length }) => length > 1);
  return new Map(
    several.flatMap((those) => {
      const names = inOrder(those).map(({ endpoint }) => endpoint.network);
      const addresses = those.flatMap(({ endpoint }) => Object.values(endpoint.addresses));
      return addresses.map((address) => [address, names] as const);
    }),
  );
}

/** Networks of a namespace in the order of their ways out: by it, its names are looked for. */
function inOrder(members: readonly Membership[]): readonly Membership[] {
  return members.toSorted((a, b) => (isBetter(a, b, undefined) ? -1 : 1));
}

function wayOf({ endpoint: { place }, network }: Membership, family: Family): readonly Route[] {
  const route = place && wayOut(place, network, family);
  return route === undefined ? [] : [route];
}

function hasWay({ endpoint: { place, addresses }, network }: Membership, family: Family): boolean {
  const isThere = addresses[family] !== undefined && network.gateways[family] !== undefined;
  return isThere && place !== undefined && place.gateway !== 'none';
}

/** `family`: undefined for both together. */
function isBetter(a: Membership, b: Membership, family: Family | undefined): boolean {
  for (const rank of RANKS) {
    const [left, right] = [rank(a, family), rank(b, family)];
    if (left !== right) return left > right;
  }
  return a.endpoint.network < b.endpoint.network;
}

const RANKS: readonly ((member: Membership, family: Family | undefined) => boolean)[] = [
  ({ endpoint: { place } }, family) =>
    place?.gateway !== undefined && place.gateway !== 'none' && familyOf(place.gateway) === family,
  ({ network }) => !network.internal,
  ({ network }) => network.gateways[6] !== undefined,
];
