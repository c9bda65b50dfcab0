/**
 * Bounds on what we take and give. Beyond one of them input is refused as `too-large` or `too-deep`, and output
 * throws a RangeError: we write nothing that we would not read.
 */
const MIB = 2 ** 20;

// What the protocol fixes (memberlist's and Serf's own limits).

/** Bytes of a node's meta. */
export const META_LIMIT = 512;
/** Bytes of a label; its length travels in one byte. */
export const LABEL_LIMIT = 255;
/** Messages of one compound; their number travels in one byte. */
export const COMPOUND_LIMIT = 255;
/** Bytes of one message of a compound; its length travels in two. */
export const PART_LIMIT = 65_535;
/** Bytes of a user message, of the user state of a push/pull, and of an encrypted frame, on TCP. */
export const STREAM_PART_LIMIT = 20 * MIB;
/** Bytes that all compressed data of one stream together may expand to, and bytes of a stream as a whole. */
export const EXPANDED_LIMIT = 40 * MIB;

// What we chose.

/** Bytes of a datagram: the most that UDP can carry. */
export const PACKET_LIMIT = 65_535;
/**
 * Bytes that all compressed data of one packet together may expand to. memberlist takes 40 MiB, which holds us up for
 * 80 ms without knowing a key; what it sends was a packet before it was compressed.
 */
export const PACKET_EXPANDED_LIMIT = 256 * 1024;
/** Compounds and compressed data within each other. Nobody sends more than 2. */
export const DEPTH_LIMIT = 8;
/** Messages and refusals of one packet, however nested: a few compounds' worth. */
export const MESSAGES_LIMIT = 1024;
/** Node records of a push/pull. memberlist takes 1,048,576; weft is for a few thousand hosts. */
export const NODES_LIMIT = 65_536;
/** Entries of all arrays and maps of one MessagePack value: two of every node (a status time, a departure). */
export const ENTRIES_LIMIT = 2 * NODES_LIMIT;
/** The same for values with no list in them (headers, node records): room for fields that newer versions may add. */
export const FIELDS_LIMIT = 1024;
/** Bytes of an address: v6, or v4 in either length. */
export const ADDRESS_LIMIT = 16;
/** Bytes of the versions of a node: six today. */
export const VERSIONS_LIMIT = 16;
/** Bytes of a name (of a node, an event, a query, a tag's value): hardly more fits a packet. */
export const NAME_LIMIT = 1024;
/** Bytes of text for a person. */
export const TEXT_LIMIT = 65_535;
/** Filters of a query, nodes of a filter, tags of a member, keys of a ring: more do not fit their 1,024 bytes. */
export const SMALL_LIST_LIMIT = 512;
/** Bytes of a key that somebody asks us to install: 32 is the longest that works. */
export const KEY_LIMIT = 64;
/** Slots of Serf's ring of recent events, 512 there. */
export const EVENT_SLOTS_LIMIT = 4096;
