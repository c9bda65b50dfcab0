/** What who asks says and hears (RFC 1035). It throws for what is malformed. */
import { nameBytes } from './name.ts';

export interface Asked {
  readonly id?: number;
  readonly type?: number;
  readonly class?: number;
  /** Bytes by UDP that EDNS offers; undefined: no EDNS. */
  readonly edns?: number;
  readonly version?: number;
}

/** As a client sends it, the name's case as it is. */
export function question(name: string, asked: Asked = {}): Buffer {
  const { id = 0x1234, type = 1, class: klass = 1, edns, version = 0 } = asked;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns === undefined ? 0 : 1, 10);
  const rest = Buffer.alloc(4);
  rest.writeUInt16BE(type, 0);
  rest.writeUInt16BE(klass, 2);
  const opt = Buffer.from([0, 0, 41, (edns ?? 0) >> 8, (edns ?? 0) & 255, 0, version, 0, 0, 0, 0]);
  return Buffer.concat([header, nameBytes(name), rest, ...(edns === undefined ? [] : [opt])]);
}

export interface ReadRecord {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  /** An address, a name, `PRIORITY WEIGHT PORT TARGET`, or hexadecimal. */
  readonly data: string;
}

export interface ReadAnswer {
  readonly id: number;
  readonly rcode: number;
  readonly flags: ReadonlySet<string>;
  readonly questions: readonly string[];
  readonly answers: readonly ReadRecord[];
  readonly authority: readonly ReadRecord[];
  readonly additional: readonly ReadRecord[];
}

const FLAGS: readonly (readonly [string, number])[] = [
  ['qr', 0x8000],
  ['aa', 0x0400],
  ['tc', 0x0200],
  ['rd', 0x0100],
  ['ra', 0x0080],
];

/** Throws an Error unless the message is whole, and nothing stands behind it. */
export function readAnswer(message: Uint8Array): ReadAnswer {
  const bytes = Buffer.from(message);
  const flags = bytes.readUInt16BE(2);
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  let at = 12;
  const questions = Array.from({ length: counts[0] ?? 0 }, () => {
    const [name, end] = readName(bytes, at);
    at = end + 4;
    return name;
  });
  const section = (count = 0): ReadRecord[] =>
    Array.from({ length: count }, () => {
      const [name, fixed] = readName(bytes, at);
      const [type, ttl] = [bytes.readUInt16BE(fixed), bytes.readUInt32BE(fixed + 4)];
      const size = bytes.readUInt16BE(fixed + 8);
      at = fixed + 10 + size;
      if (at > bytes.length) throw new Error('a record goes beyond the end');
      return { name, type, ttl, data: dataOf(bytes, type, fixed + 10, size) };
    });
  const [answers, authority, additional] = [
    section(counts[1]),
    section(counts[2]),
    section(counts[3]),
  ];
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes behind the end`);
  return {
    id: bytes.readUInt16BE(0),
    rcode: flags & 15,
    flags: new Set(FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name)),
    questions,
    answers,
    authority,
    additional,
  };
}

/** Pointers are followed. */
function readName(bytes: Buffer, start: number): readonly [name: string, end: number] {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  for (let jumps = 0; ;) {
    const size = bytes.readUInt8(at);
    if (size >= 0xc0) {
      end ??= at + 2;
      at = bytes.readUInt16BE(at) & 0x3fff;
      if (++jumps > 10) throw new Error('a loop');
      continue;
    }
    if (size === 0) return [labels.join('.'), end ?? at + 1];
    labels.push(bytes.toString('latin1', at + 1, at + 1 + size));
    at += 1 + size;
  }
}

function dataOf(bytes: Buffer, type: number, at: number, size: number): string {
  const data = bytes.subarray(at, at + size);
  if (type === 1) return data.join('.');
  if (type === 12) return readName(bytes, at)[0];
  if (type !== 33) return data.toString('hex');
  const [priority, weight, port] = [0, 2, 4].map((offset) => data.readUInt16BE(offset));
  return `${priority} ${weight} ${port} ${readName(bytes, at + 6)[0]}`;
}
