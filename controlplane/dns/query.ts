/** The door of questions: bytes of anybody → a question, or what is to be answered instead. Throws never. */
import { readPlainName, skipName } from './name.ts';
import { FLAG, HEADER, OPCODE_MASK, PLAIN_LIMIT, RCODE, TYPE, word } from './wire.ts';

export interface Query {
  readonly kind: 'query';
  /** As text (name.ts). */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question ends, from the message's begin. */
  readonly end: number;
  /** Bytes that the asker takes by UDP. */
  readonly limit: number;
  /** The asker speaks EDNS. */
  readonly edns: boolean;
  /** It wants signatures, too (RFC 3225). */
  readonly dnssec: boolean;
}

/** To be answered by its header and question alone; `end` as in Query, at most. */
export interface BadQuery {
  readonly kind: 'bad';
  readonly rcode: number;
  readonly end: number;
  readonly edns: boolean;
}

/** Records after the question that we look at: an OPT, and a signature or two. */
const EXTRA_LIMIT = 8;

/** Of an OPT record's flags (RFC 3225). */
const DNSSEC_OK = 0x80;

/** Undefined for what gets no answer: no header, or an answer itself (RFC 5625, section 6). */
export function readQuery(bytes: Uint8Array, length: number): Query | BadQuery | undefined {
  if (length < HEADER) return undefined;
  const flags = word(bytes, 2);
  if ((flags & FLAG.QR) !== 0) return undefined;
  if ((flags & OPCODE_MASK) !== 0) return bad(RCODE.NOTIMP);
  // One question, as RFC 9619 has it, and nothing said beside it.
  if (word(bytes, 4) !== 1 || word(bytes, 6) !== 0 || word(bytes, 8) !== 0)
    return bad(RCODE.FORMERR);
  const question = readPlainName(bytes, HEADER, length);
  if (question === undefined || question.end + 4 > length) return bad(RCODE.FORMERR);
  const end = question.end + 4;
  const type = word(bytes, question.end);
  const extra = readExtra(bytes, end, length, word(bytes, 10));
  if (extra === undefined) return bad(RCODE.FORMERR);
  if (extra.version > 0) return { kind: 'bad', rcode: RCODE.BADVERS, end, edns: true };
  const { name } = question;
  const limit = Math.max(extra.size ?? 0, PLAIN_LIMIT);
  const { dnssec } = extra;
  const edns = extra.size !== undefined;
  return { kind: 'query', name, type, class: word(bytes, end - 2), end, limit, edns, dnssec };
}

function bad(rcode: number): BadQuery {
  return { kind: 'bad', rcode, end: HEADER, edns: false };
}

interface Extra {
  /** Of EDNS; undefined: without. */
  readonly size: number | undefined;
  readonly version: number;
  readonly dnssec: boolean;
}

const NONE: Extra = { size: undefined, version: 0, dnssec: false };

/** Undefined if anything is malformed: a second OPT, one that is not at the root, bytes behind the last record. */
function readExtra(
  bytes: Uint8Array,
  start: number,
  length: number,
  count: number,
): Extra | undefined {
  let at = start;
  let extra = NONE;
  if (count > EXTRA_LIMIT) return undefined;
  const message = bytes.length === length ? bytes : bytes.subarray(0, length);
  for (let i = 0; i < count; i++) {
    const fixed = skipName(message, at);
    if (fixed === undefined || fixed + 10 > length) return undefined;
    if (word(message, fixed) === TYPE.OPT) {
      if (extra !== NONE || fixed !== at + 1) return undefined;
      const dnssec = ((message[fixed + 6] ?? 0) & DNSSEC_OK) !== 0;
      extra = { size: word(message, fixed + 2), version: message[fixed + 5] ?? 0, dnssec };
    }
    at = fixed + 10 + word(message, fixed + 8);
    if (at > length) return undefined;
  }
  return at === length ? extra : undefined;
}
