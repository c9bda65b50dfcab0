/** What netlink tells and takes of ipip and gre devices in particular (linux/if_tunnel.h, IFLA_IPTUN_* and IFLA_GRE_*). Pure. */
import type { Address } from '../../ip/address.ts';
import type { TunnelLink } from '../../state/resource.ts';
import { IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO } from './constants.ts';
import type { Attributes, MessageWriter } from './message.ts';

export interface IpTunnelRecord {
  readonly type: TunnelLink['type'];
  readonly local: Address;
  /** What makes it another device than ours, in the words of `ip link`. */
  readonly oddities: readonly string[];
}

const UNSET = '0.0.0.0' as Address;

/** The attributes of each kind. `flags` are of packets in and out: a key, checksums, sequence numbers. */
const NUMBERS = {
  ipip: { link: 1, local: 2, remote: 3, ttl: 4, pmtudisc: 10, encap: 15, external: 19, flags: [] },
  gre: {
    link: 1,
    local: 6,
    remote: 7,
    ttl: 8,
    pmtudisc: 10,
    encap: 14,
    external: 18,
    flags: [2, 3],
  },
} as const;

/**
 * IFLA_LINKINFO of a device without a far end. TTL 0 and no path MTU discovery, as flanneld has them: the outer packet
 * takes both, and whether it may be fragmented, from the inner one.
 */
export function writeIpTunnelInfo(writer: MessageWriter, { type, local }: TunnelLink): void {
  const numbers = NUMBERS[type];
  const info = writer.beginNest(IFLA_LINKINFO);
  writer.textAttribute(IFLA_INFO_KIND, type);
  const data = writer.beginNest(IFLA_INFO_DATA);
  writer.addressAttribute(numbers.local, local);
  writer.u8Attribute(numbers.ttl, 0);
  writer.u8Attribute(numbers.pmtudisc, 0);
  writer.endNest(data);
  writer.endNest(info);
}

/** Undefined for links of other kinds. */
export function readIpTunnel(
  kind: string | undefined,
  data: Attributes | undefined,
): IpTunnelRecord | undefined {
  if ((kind !== 'ipip' && kind !== 'gre') || data === undefined) return undefined;
  const { link, local, remote, encap, external, flags } = NUMBERS[kind];
  const isSet = (type: number): boolean => (data.address(type) ?? UNSET) !== UNSET;
  const oddities = [
    ...(isSet(local) ? [] : ['local any']),
    ...(isSet(remote) ? ['remote'] : []),
    ...((data.u32(link) ?? 0) === 0 ? [] : ['dev']),
    ...(data.has(external) ? ['external'] : []),
    // Of both bytes of the type, in network order; 0 is none.
    ...((data.u16Network(encap) ?? 0) === 0 ? [] : ['encap']),
    ...(flags.some((type) => (data.u16Network(type) ?? 0) !== 0) ? ['key, csum or seq'] : []),
  ];
  return { type: kind, local: data.address(local) ?? UNSET, oddities };
}
