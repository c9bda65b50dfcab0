/** What netlink tells about changes of nftables: which table was touched, by whatever program. */
import { Attributes, type Message } from '../netlink/message.ts';
import { openEventSocket, type EventSocket } from '../netlink/socket.ts';

/** linux/netlink.h. */
const NETLINK_NETFILTER = 12;
/** linux/netfilter/nfnetlink.h: the group, the subsystem (high byte of a message's type), size of struct nfgenmsg. */
const NFNLGRP_NFTABLES = 7;
const NFNL_SUBSYS_NFTABLES = 10;
const NFGENMSG_BYTES = 4;
/** linux/netfilter/nf_tables.h: this message closes a transaction and names no table. */
const NFT_MSG_NEWGEN = 15;
/** Attribute 1 is the table in every other message: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, … */
const NFTA_TABLE = 1;

/** linux/netfilter.h: NFPROTO_*, the first byte of struct nfgenmsg. */
const FAMILY_NAMES: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};

export interface TouchedTable {
  readonly family: string;
  readonly name: string;
}

/** The table a message is about, or undefined if it names none. */
export function touchedTable(message: Message): TouchedTable | undefined {
  if (message.type >> 8 !== NFNL_SUBSYS_NFTABLES || (message.type & 0xff) === NFT_MSG_NEWGEN)
    return;
  const name = Attributes.of(message, NFGENMSG_BYTES).text(NFTA_TABLE);
  if (name === undefined) return;
  const family = FAMILY_NAMES[message.view.getUint8(message.start)];
  return family === undefined ? undefined : { family, name };
}

/**
 * Calls `changed` whenever a table that `concerns` us may have changed (and when events were lost: then
 * any may have). Throws a KernelError when the kernel refuses the socket.
 */
export function openNftEvents(
  concerns: (table: TouchedTable) => boolean,
  changed: () => void,
): EventSocket {
  return openEventSocket(NETLINK_NETFILTER, [NFNLGRP_NFTABLES], {
    onMessage: (message) => {
      const table = touchedTable(message);
      if (table !== undefined && concerns(table)) changed();
    },
    onLost: changed,
  });
}
