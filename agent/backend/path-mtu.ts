/**
 * What a path that carries smaller packets than the underlay's link means for the routes of the peer at its end. One
 * rule for every backend: what the device in between adds, the path does not have.
 */
import { FAMILIES, familyOf } from '../ip/address.ts';
import { familyOfPrefix } from '../ip/prefix.ts';
import type { Link, Resource, Route } from '../state/resource.ts';

/** The least MTU of a link that carries IPv6 (RFC 8200, section 5): the kernel takes a smaller one for this. */
const IPV6_LEAST = 1280;
/** WireGuard pads what it encrypts to a multiple of this (its paper, section 5.4.6). */
const WIREGUARD_BLOCK = 16;

/** The peer's resources for a path that carries packets of `pathMtu` bytes, IP header included. `linkNamed` knows the mesh's links. */
export function alongPath(
  resources: readonly Resource[],
  pathMtu: number,
  linkNamed: (name: string) => Link | undefined,
): readonly Resource[] {
  return resources.map((resource) => {
    if (resource.kind !== 'route' || resource.link === undefined) return resource;
    const mtu = routeMtu(resource, pathMtu, linkNamed(resource.link));
    return mtu === undefined ? resource : { ...resource, mtu };
  });
}

/** Undefined when the device sends nothing larger anyway. */
function routeMtu(
  { prefix }: Route,
  pathMtu: number,
  device: Link | undefined,
): number | undefined {
  const inside = insideOf(pathMtu, device);
  if (device !== undefined && 'mtu' in device && inside >= device.mtu) return undefined;
  return familyOfPrefix(prefix) === 6 ? Math.max(IPV6_LEAST, inside) : inside;
}

/** Largest packet that fits into one of `outer` bytes which the device sends; without a device it goes as it is. */
function insideOf(outer: number, device: Link | undefined): number {
  switch (device?.type) {
    case 'vxlan':
      return outer - FAMILIES[familyOf(device.local)].vxlanOverhead;
    case 'wireguard': {
      const padded = outer - OVERHEADS.wireguard;
      return padded - (padded % WIREGUARD_BLOCK);
    }
    case 'ipip':
    case 'gre':
    case 'udp':
      return outer - OVERHEADS[device.type];
    case 'bridge':
    case 'veth':
    case 'foreign':
    case undefined:
      return outer;
  }
}

/**
 * In bytes. wireguard: outer IPv6 header, UDP header, its own and its authentication tag (40 + 8 + 32). ipip: an IPv4
 * header (RFC 2003); gre: with GRE's (RFC 2784); udp: with UDP's.
 */
export const OVERHEADS = { wireguard: 80, ipip: 20, gre: 24, udp: 28 } as const;
