/** Writes answers: into the room given, never beyond it; what does not fit is left out and said (TC). */
import type { Address } from './name-index.ts';
import { nameBytes } from './name.ts';
import type { BadQuery, Query } from './query.ts';
import {
  CLASS,
  EDNS_LIMIT,
  FLAG,
  HEADER,
  OPCODE_MASK,
  POINTER,
  RCODE_MASK,
  setLong,
  setWord,
  TYPE,
  word,
} from './wire.ts';

/** A record of an answer. Its owner is the question's name unless `owner` says another. */
export interface ReplyRecord {
  readonly type: number;
  readonly ttl: number;
  readonly data: Uint8Array;
  readonly owner?: Uint8Array;
}

export interface Reply {
  readonly rcode: number;
  /** We own the name. */
  readonly aa: boolean;
  /** Records of the question's name, before `answers`: type A or AAAA by their length. */
  readonly addresses?: readonly Address[];
  /** So many of `addresses`, from the first. */
  readonly take?: number;
  readonly ttl?: number;
  readonly answers?: readonly ReplyRecord[];
  readonly authority?: readonly ReplyRecord[];
  readonly additional?: readonly ReplyRecord[];
}

/** Bytes of an OPT record without options. */
export const OPT_BYTES = 11;
/** Pointer to the question's name, type, class, TTL, length. */
const FIXED = 12;

/** Writes the answer to the query at `asked` to `out`; `limit` bytes at most. Returns its length. */
export function writeReply(
  out: Uint8Array,
  asked: Uint8Array,
  query: Query | BadQuery,
  reply: Reply,
  limit: number,
): number {
  const { end, edns } = query;
  const most = Math.min(limit, out.length) - (edns ? OPT_BYTES : 0);
  for (let i = 0; i < end; i++) out[i] = asked[i] ?? 0;
  const writer = new Writer(out, end, most);
  const answers = writeAnswers(writer, reply);
  const isWhole = !writer.isFull;
  const authority = isWhole ? writer.records(reply.authority) : 0;
  // These are only offered: what does not fit is left out silently (RFC 2181, section 9).
  const offered = isWhole && !writer.isFull ? writer.records(reply.additional) : 0;
  const length = edns ? writeOpt(out, writer.at, reply.rcode >> 4) : writer.at;
  setWord(out, 2, flagsOf(asked, reply, isWhole));
  setWord(out, 4, end > HEADER ? 1 : 0);
  setWord(out, 6, answers);
  setWord(out, 8, authority);
  setWord(out, 10, offered + (edns ? 1 : 0));
  return length;
}

function flagsOf(asked: Uint8Array, { rcode, aa }: Reply, isWhole: boolean): number {
  const kept = word(asked, 2) & (FLAG.RD | FLAG.CD | OPCODE_MASK);
  const said = FLAG.QR | FLAG.RA | (aa ? FLAG.AA : 0) | (isWhole ? 0 : FLAG.TC);
  return kept | said | (rcode & RCODE_MASK);
}

/** How many. */
function writeAnswers(writer: Writer, { addresses = [], take, ttl, answers }: Reply): number {
  const count = writer.addresses(addresses, take ?? addresses.length, ttl ?? 0);
  return writer.isFull ? count : count + writer.records(answers);
}

class Writer {
  readonly #out: Uint8Array;
  readonly #limit: number;
  at: number;
  isFull = false;

  constructor(out: Uint8Array, at: number, limit: number) {
    this.#out = out;
    this.at = at;
    this.#limit = limit;
  }

  addresses(list: readonly Address[], take: number, ttl: number): number {
    const out = this.#out;
    for (let n = 0; n < take; n++) {
      const { bytes, ttl: own } = list[n] as Address;
      const size = bytes.length;
      if (!this.#hasRoom(FIXED + size)) return n;
      const at = this.#head(undefined, size === 4 ? TYPE.A : TYPE.AAAA, own ?? ttl, size);
      for (let i = 0; i < size; i++) out[at + i] = bytes[i] as number;
    }
    return take;
  }

  records(list: readonly ReplyRecord[] = []): number {
    let count = 0;
    for (const { type, ttl, data, owner } of list) {
      const size = FIXED + data.length + (owner === undefined ? 0 : owner.length - 2);
      if (!this.#hasRoom(size)) return count;
      this.#out.set(data, this.#head(owner, type, ttl, data.length));
      count++;
    }
    return count;
  }

  #hasRoom(size: number): boolean {
    this.isFull = this.at + size > this.#limit;
    return !this.isFull;
  }

  /** Writes all before the data; returns where that begins, and counts it as written. */
  #head(owner: Uint8Array | undefined, type: number, ttl: number, size: number): number {
    const out = this.#out;
    let { at } = this;
    if (owner === undefined) {
      setWord(out, at, (POINTER << 8) | HEADER);
      at += 2;
    } else {
      out.set(owner, at);
      at += owner.length;
    }
    setWord(out, at, type);
    setWord(out, at + 2, CLASS.IN);
    setLong(out, at + 4, ttl);
    setWord(out, at + 8, size);
    this.at = at + 10 + size;
    return at + 10;
  }
}

/** RFC 6891, section 6.1. Returns where it ends. */
export function writeOpt(out: Uint8Array, at: number, upperRcode: number): number {
  out[at] = 0;
  setWord(out, at + 1, TYPE.OPT);
  setWord(out, at + 3, EDNS_LIMIT);
  out[at + 5] = upperRcode;
  out[at + 6] = 0;
  setLong(out, at + 7, 0);
  return at + OPT_BYTES;
}

/** Priority 0, weight 1 (RFC 2782); its target is not compressed. */
export function srvData(port: number, target: Uint8Array): Uint8Array {
  const data = new Uint8Array(6 + target.length);
  setWord(data, 2, 1);
  setWord(data, 4, port);
  data.set(target, 6);
  return data;
}

/** Of our domain; `ttl`: how long a negative answer may be kept (RFC 2308, section 4). */
export function soaRecord(domain: string, ttl: number): ReplyRecord {
  const owner = nameBytes(domain);
  const [server, mail] = [nameBytes(`ns.${domain}`), nameBytes(`hostmaster.${domain}`)];
  const numbers = new Uint8Array(20);
  // Serial, refresh, retry, expire: nobody copies this zone.
  for (const [i, value] of [1, 3600, 600, 86_400, ttl].entries()) setLong(numbers, 4 * i, value);
  return { type: TYPE.SOA, ttl, data: Buffer.concat([server, mail, numbers]), owner };
}

/** RFC 8482, section 4.2: what is said to who asks for ANY. */
export const MINIMAL_ANY: ReplyRecord = {
  type: TYPE.HINFO,
  ttl: 3600,
  data: Buffer.from('\x07RFC8482\x00', 'latin1'),
};
