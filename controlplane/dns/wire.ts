/** Numbers of DNS messages (RFC 1035, section 4; IANA's registry of DNS parameters). */

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS = { IN: 1, ANY: 255 } as const;

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** RFC 6891, section 9: its upper bits stand in the OPT record. */
  BADVERS: 16,
} as const;

/** Bits of the header's second word. */
export const FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  CD: 0x0010,
} as const;
export const OPCODE_MASK = 0x7800;
export const RCODE_MASK = 0x000f;

export const HEADER = 12;
/** Of a message by UDP without EDNS (RFC 1035, section 4.2.1). */
export const PLAIN_LIMIT = 512;
/** What we send and take by UDP at most: no path needs to fragment it (DNS flag day 2020). */
export const EDNS_LIMIT = 1232;
/** Bytes of a name on the wire, and of a label. */
export const NAME_BYTES = 255;
export const LABEL_BYTES = 63;
/** The two upper bits of a length: a pointer (RFC 1035, section 4.1.4). */
export const POINTER = 0xc0;

export function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function long(bytes: Uint8Array, at: number): number {
  return word(bytes, at) * 65_536 + word(bytes, at + 2);
}

export function setWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function setLong(bytes: Uint8Array, at: number, value: number): void {
  setWord(bytes, at, Math.floor(value / 65_536));
  setWord(bytes, at + 2, value % 65_536);
}
