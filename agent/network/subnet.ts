/** One subnet of a network: what was left out when it was asked for, what holds of it, and which addresses are given. */
import { addressFromInteger, addressToInteger, FAMILIES, type Address } from '../ip/address.ts';
import {
  addressIn,
  containsAddress,
  containsPrefix,
  familyOfPrefix,
  lengthOf,
  overlaps,
  prefix,
  rangeOf,
  type Prefix,
} from '../ip/prefix.ts';

export interface NetworkSubnet {
  readonly subnet: Prefix;
  /** Every host has it, on the network's bridge. */
  readonly gateway: Address;
  /** What addresses are given from, unless they are asked for; the subnet or a part of it. */
  readonly range: Prefix;
  /** By name, addresses that are somebody else's and never given. */
  readonly aux: ReadonlyMap<string, Address>;
}

export const AUX_LIMIT = 64;
/** A name of an auxiliary address. */
const AUX_NAME = /^[^\s=,\p{Cc}]{1,64}$/u;
/** Lengths: the longest has the gateway and at least one address more, the shortest is no half of the Internet. */
const LENGTHS = { 4: { shortest: 8, longest: 30 }, 6: { shortest: 16, longest: 126 } } as const;
/** Addresses with a meaning of their own (RFC 6890 and its registries). */
const SPECIAL: readonly (readonly [Prefix, string])[] = [
  [prefix('0.0.0.0/8'), '"this network"'],
  [prefix('127.0.0.0/8'), 'loopback'],
  [prefix('169.254.0.0/16'), 'link-local addresses'],
  [prefix('224.0.0.0/3'), 'multicast and what is reserved'],
  [prefix('::/16'), 'loopback and mapped addresses'],
  [prefix('fe80::/10'), 'link-local addresses'],
  [prefix('ff00::/8'), 'multicast'],
];

/** As it is asked for. */
export interface SubnetChoice {
  readonly subnet: Prefix;
  readonly gateway?: Address | undefined;
  readonly range?: Prefix | undefined;
  readonly aux?: ReadonlyMap<string, Address> | undefined;
}

/** With defaults filled in. The gateway is the first address that is not an auxiliary one. */
export function networkSubnet({ subnet, gateway, range, aux }: SubnetChoice): NetworkSubnet {
  const names = new Map(aux);
  const taken = new Set(names.values());
  let offset = 1n;
  // Ends: there are more offsets than auxiliary addresses, or the subnet has no address for it at all.
  while (offset < BigInt(sizeWithin(subnet)) && taken.has(addressIn(subnet, offset))) offset++;
  return {
    subnet,
    gateway: gateway ?? addressIn(subnet, offset % BigInt(sizeWithin(subnet))),
    range: range ?? subnet,
    aux: names,
  };
}

/** Addresses of the subnet, as far as they matter beside AUX_LIMIT. */
function sizeWithin(subnet: Prefix): number {
  const hostBits = FAMILIES[familyOfPrefix(subnet)].bits - lengthOf(subnet);
  return 2 ** Math.min(hostBits, 16);
}

/** What does not hold of it, in one clause; undefined: nothing. */
export function problemOfSubnet({
  subnet,
  gateway,
  range,
  aux,
}: NetworkSubnet): string | undefined {
  const { shortest, longest } = LENGTHS[familyOfPrefix(subnet)];
  const length = lengthOf(subnet);
  if (length < shortest || length > longest)
    return `a subnet of IPv${familyOfPrefix(subnet)} is a /${shortest} to a /${longest}, not ${subnet}`;
  const special = SPECIAL.find(([each]) => overlaps(each, subnet));
  if (special !== undefined) return `${subnet} overlaps ${special[0]}, which is for ${special[1]}`;
  if (!isHost(subnet, gateway))
    return `the gateway ${gateway} is no address of a host in ${subnet}`;
  if (!containsPrefix(subnet, range)) return `the range ${range} is not in the subnet ${subnet}`;
  return (
    problemOfAux({ subnet, gateway, range, aux }) ?? problemOfRoom({ subnet, gateway, range, aux })
  );
}

function problemOfAux({ subnet, gateway, aux }: NetworkSubnet): string | undefined {
  if (aux.size > AUX_LIMIT) return `a subnet has ${AUX_LIMIT} auxiliary addresses at most`;
  for (const [name, address] of aux) {
    if (!AUX_NAME.test(name))
      return `an auxiliary address has a name of 1 to 64 characters without blanks, = and commas, not ${JSON.stringify(name.slice(0, 80))}`;
    if (!isHost(subnet, address))
      return `the auxiliary address ${name}=${address} is no address of a host in ${subnet}`;
    if (address === gateway) return `the auxiliary address ${name}=${address} is the gateway`;
  }
  return new Set(aux.values()).size < aux.size ? 'two auxiliary addresses are the same' : undefined;
}

function problemOfRoom(subnet: NetworkSubnet): string | undefined {
  return givenFrom(subnet).count > 0n
    ? undefined
    : `the range ${subnet.range} has no address to give`;
}

/** An address that a host may have: not the network's own, and in IPv4 not the broadcast address. */
function isHost(subnet: Prefix, address: Address): boolean {
  if (!containsAddress(subnet, address)) return false;
  const { first, last } = hostsOf(subnet);
  const place = addressToInteger(address);
  return place >= first && place <= last;
}

function hostsOf(subnet: Prefix): { readonly first: bigint; readonly last: bigint } {
  const { first, last } = rangeOf(subnet);
  return { first: first + 1n, last: familyOfPrefix(subnet) === 4 ? last - 1n : last };
}

/** Why the address is never given, in words after "is"; undefined: it may be, if it is nobody's. */
export function refusalIn(
  { subnet, gateway, aux }: NetworkSubnet,
  address: Address,
): string | undefined {
  if (!containsAddress(subnet, address)) return `not in the network's subnet ${subnet}`;
  if (!isHost(subnet, address)) return `no address of a host in ${subnet}`;
  if (address === gateway) return "the network's gateway";
  for (const [name, each] of aux) if (each === address) return `the auxiliary address ${name}`;
  return undefined;
}

/** The addresses that are given without being asked for: from the first to the last, but `except`; `count` of them. */
export interface Given {
  readonly first: bigint;
  readonly last: bigint;
  readonly except: ReadonlySet<Address>;
  readonly count: bigint;
}

export function givenFrom({ subnet, gateway, range, aux }: NetworkSubnet): Given {
  const [all, part] = [hostsOf(subnet), rangeOf(range)];
  const first = all.first > part.first ? all.first : part.first;
  const last = all.last < part.last ? all.last : part.last;
  const inside = [gateway, ...aux.values()].filter((address) => {
    const place = addressToInteger(address);
    return place >= first && place <= last;
  });
  const except = new Set(inside);
  const size = last < first ? 0n : last - first + 1n;
  return { first, last, except, count: size - BigInt(except.size) };
}

/** The address at a place of Given. */
export function addressAt({ subnet }: NetworkSubnet, place: bigint): Address {
  return addressFromInteger(place, familyOfPrefix(subnet));
}
