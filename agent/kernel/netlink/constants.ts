/** Numbers of the kernel's interface, as named there; only those we use. The header stands above each group. */

/** linux/netlink.h: protocols. */
export const NETLINK_ROUTE = 0;

/** linux/netlink.h: message types below NLMSG_MIN_TYPE belong to netlink itself. */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

/** linux/netlink.h: flags of nlmsghdr. The meaning of 0x100 and above depends on the kind of request. */
export const NLM_F_REQUEST = 0x01;
export const NLM_F_ACK = 0x04;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** In an acknowledgement: the original message was cut to its header; attributes follow. */
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;

/** linux/netlink.h: attributes of an extended acknowledgement. */
export const NLMSGERR_ATTR_MSG = 1;

/** linux/netlink.h: the two high bits of an attribute's type are flags. */
export const NLA_F_NESTED = 0x8000;
export const NLA_TYPE_MASK = 0x3fff;

/** linux/netlink.h: socket options at level SOL_NETLINK (linux/socket.h). */
export const SOL_NETLINK = 270;
export const NETLINK_NO_ENOBUFS = 5;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
export const NETLINK_GET_STRICT_CHK = 12;

/** asm-generic/socket.h: socket options at level SOL_SOCKET. */
export const SOL_SOCKET = 1;
export const SO_ATTACH_FILTER = 26;
export const SO_RCVBUFFORCE = 33;
export const SO_MEMINFO = 55;
/** linux/sock_diag.h: place of the count of dropped messages in what SO_MEMINFO tells, and its length. */
export const SK_MEMINFO_DROPS = 8;
export const SK_MEMINFO_VARS = 9;

/** linux/rtnetlink.h: message types. */
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

/** linux/rtnetlink.h: multicast groups, by number. */
export const RTNLGRP_LINK = 1;
export const RTNLGRP_NEIGH = 3;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV4_ROUTE = 7;
export const RTNLGRP_IPV6_IFADDR = 9;
export const RTNLGRP_IPV6_ROUTE = 11;

/** linux/socket.h: AF_BRIDGE marks a forwarding entry among the neighbours. */
export const AF_UNSPEC = 0;
export const AF_BRIDGE = 7;

/** linux/rtnetlink.h: routes (struct rtmsg). */
export const RT_TABLE_MAIN = 254;
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BLACKHOLE = 6;
export const RTPROT_KERNEL = 2;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_SITE = 200;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
export const RTNH_F_ONLINK = 4;
/** A cached copy made for one destination (struct rtmsg, rtm_flags): never part of the table. */
export const RTM_F_CLONED = 0x200;
export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTA_TABLE = 15;
export const RTA_VIA = 18;
export const RTA_ENCAP = 22;
export const RTA_NH_ID = 30;
/** Within RTA_METRICS. */
export const RTAX_MTU = 2;
/** linux/ipv6_route.h, IP6_RT_PRIO_USER: the metric a v6 route gets when none is asked for. */
export const IPV6_DEFAULT_METRIC = 1024;

/** linux/if_addr.h. */
export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_FLAGS = 8;
export const IFA_F_TEMPORARY = 0x01;
export const IFA_F_NODAD = 0x02;
export const IFA_F_DEPRECATED = 0x20;
export const IFA_F_PERMANENT = 0x80;

/** linux/neighbour.h. */
export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NDA_IFINDEX = 8;
export const NUD_PERMANENT = 0x80;
export const NTF_SELF = 0x02;
export const NTF_PROXY = 0x08;

/** linux/if.h and linux/if_link.h: links. */
export const IFF_UP = 1;
export const IFF_LOOPBACK = 8;
export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_MASTER = 10;
export const IFLA_LINKINFO = 18;
export const IFLA_IFALIAS = 20;
export const IFLA_NET_NS_FD = 28;
export const IFLA_EXT_MASK = 29;
export const RTEXT_FILTER_SKIP_STATS = 8;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
/** linux/veth.h: IFLA_INFO_DATA of a pair, a whole message about the other end. */
export const VETH_INFO_PEER = 1;

/** linux/if_link.h: IFLA_INFO_DATA of a vxlan device. */
export const IFLA_VXLAN_ID = 1;
export const IFLA_VXLAN_GROUP = 2;
export const IFLA_VXLAN_LINK = 3;
export const IFLA_VXLAN_LOCAL = 4;
export const IFLA_VXLAN_TTL = 5;
export const IFLA_VXLAN_TOS = 6;
export const IFLA_VXLAN_LEARNING = 7;
export const IFLA_VXLAN_PROXY = 11;
export const IFLA_VXLAN_RSC = 12;
export const IFLA_VXLAN_L2MISS = 13;
export const IFLA_VXLAN_L3MISS = 14;
export const IFLA_VXLAN_PORT = 15;
export const IFLA_VXLAN_GROUP6 = 16;
export const IFLA_VXLAN_LOCAL6 = 17;
export const IFLA_VXLAN_UDP_ZERO_CSUM6_TX = 19;
export const IFLA_VXLAN_UDP_ZERO_CSUM6_RX = 20;
export const IFLA_VXLAN_GBP = 23;
export const IFLA_VXLAN_COLLECT_METADATA = 25;
