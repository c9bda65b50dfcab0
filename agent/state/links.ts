/** What the kernel tells about links, addresses and routes that are not ours: facts for choosing the underlay. */
import type { Address } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';

export interface LinkInfo {
  readonly name: string;
  /** ifindex, of this network namespace. */
  readonly index: number;
  readonly mtu: number;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** IFLA_INFO_KIND (`bridge`, `vxlan`, …) or `loopback`; absent for real devices. */
  readonly type?: string;
}

export interface AddressInfo {
  readonly link: string;
  readonly address: Address;
  /** Of the prefix, in bits. */
  readonly length: number;
  readonly scope: 'global' | 'site' | 'link' | 'host' | 'nowhere';
  /** IFA_F_PERMANENT: put there by hand, not by DHCP or a router's advertisement. */
  readonly permanent: boolean;
  /** IFA_F_TEMPORARY: a v6 privacy address, which changes daily (RFC 8981). */
  readonly temporary: boolean;
  /** IFA_F_DEPRECATED: not for new connections. */
  readonly deprecated: boolean;
}

/** A unicast route of the main table that is not ours. */
export interface RouteInfo {
  /** `0.0.0.0/0` or `::/0` for a default route. */
  readonly prefix: Prefix;
  readonly link: string;
  readonly gateway?: Address;
  /** Lower is preferred. */
  readonly metric: number;
  /** RTA_PREFSRC: the source address the route asks for. */
  readonly source?: Address;
}

/** The kernel's answer to "how would a packet to this address leave?". */
export interface RouteLookup {
  readonly link: string;
  readonly gateway?: Address;
  readonly source?: Address;
}
