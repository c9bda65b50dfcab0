import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameBytes, readPlainName } from './name.ts';
import { readQuery } from './query.ts';
import { writeReply } from './reply.ts';
import { question, readAnswer } from './client.ts';
import { isBad } from './testing.ts';
import { EDNS_LIMIT, RCODE } from './wire.ts';

const label = fc
  .uint8Array({ minLength: 1, maxLength: 63 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const labels = fc
  .array(label, { maxLength: 6 })
  .filter((list) => list.join('').length + list.length < 255);

function read(bytes: Uint8Array) {
  return readQuery(bytes, bytes.length);
}

function rcodeOf(bytes: Uint8Array): number | undefined {
  const query = read(bytes);
  return isBad(query) ? query.rcode : undefined;
}

function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

const PLAIN = question('web.default.weft', { edns: 4096 });

describe('a question', () => {
  it('is read in lower case, with what EDNS offers', () => {
    expect(read(question('WeB.default.weft', { type: 28, edns: 4096 }))).toMatchObject({
      kind: 'query',
      name: 'web.default.weft',
      type: 28,
      class: 1,
      limit: 4096,
      edns: true,
    });
    expect(read(question('web'))).toMatchObject({ limit: 512, edns: false, end: 12 + 9 });
    expect(read(question('web', { edns: 100 }))).toMatchObject({ limit: 512, edns: true });
    expect(read(question(''))).toMatchObject({ name: '' });
  });

  it('has a text of its own for every name, and that leads back to it', () => {
    fc.assert(
      fc.property(labels, (list) => {
        const wire = Buffer.concat([
          ...list.map((text) =>
            Buffer.from(`${String.fromCharCode(text.length)}${text}`, 'latin1'),
          ),
          Buffer.of(0),
        ]);
        const read = readPlainName(wire, 0, wire.length);
        expect(read?.end).toBe(wire.length);
        const lower = wire
          .toString('latin1')
          .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
        const back = Buffer.from(nameBytes(read?.name ?? '?')).toString('latin1');
        // Lengths up to 63 never look like an upper-case letter's change.
        expect(back.toLowerCase()).toBe(lower.toLowerCase());
      }),
    );
  });

  it('is never anything but a question, something to refuse or nothing, whatever bytes come', () => {
    const out = new Uint8Array(600);
    const mutated = fc
      .array(fc.tuple(fc.nat(PLAIN.length - 1), fc.nat(255)), { maxLength: 5 })
      .map((changes) =>
        changed(PLAIN, (copy) => changes.forEach(([at, byte]) => (copy[at] = byte))),
      );
    const junk = fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated);
    fc.assert(
      fc.property(junk, fc.nat(100), (bytes, cut) => {
        const length = Math.min(bytes.length, cut);
        const query = readQuery(bytes, length);
        if (query === undefined) return;
        const rcode = isBad(query) ? query.rcode : RCODE.SERVFAIL;
        expect(query.end).toBeLessThanOrEqual(length);
        const size = writeReply(out, bytes, query, { rcode, aa: false }, 512);
        const answer = readAnswer(out.subarray(0, size));
        expect(answer.flags).toContain('qr');
        expect(answer.rcode).toBe(rcode & 15);
      }),
      { numRuns: Number(process.env['WEFT_RUNS'] ?? 5_000) },
    );
  });

  it.each<[string, Buffer, number]>([
    [
      'a pointer in its name',
      Buffer.concat([PLAIN.subarray(0, 12), Buffer.of(0xc0, 12, 0, 1, 0, 1)]),
      1,
    ],
    ['a pointer to itself after a label', changed(PLAIN, (b) => b.writeUInt16BE(0xc00c, 16)), 1],
    ['two questions', changed(PLAIN, (b) => b.writeUInt16BE(2, 4)), 1],
    ['no question', changed(PLAIN, (b) => b.writeUInt16BE(0, 4)), 1],
    ['65,535 questions', changed(PLAIN, (b) => b.writeUInt16BE(65_535, 4)), 1],
    ['an answer in it', changed(PLAIN, (b) => b.writeUInt16BE(1, 6)), 1],
    ['65,535 additional records', changed(PLAIN, (b) => b.writeUInt16BE(65_535, 10)), 1],
    ['a label of 64 bytes', changed(PLAIN, (b) => (b[12] = 64)), 1],
    ['bytes behind its end', Buffer.concat([PLAIN, Buffer.of(0)]), 1],
    ['its end cut off', PLAIN.subarray(0, -1), 1],
    [
      'two OPT records',
      changed(Buffer.concat([PLAIN, PLAIN.subarray(-11)]), (b) => (b[11] = 2)),
      1,
    ],
    ['another opcode', changed(PLAIN, (b) => (b[2] = 0x29)), RCODE.NOTIMP],
    ['EDNS of version 1', question('web', { edns: 1232, version: 1 }), RCODE.BADVERS],
  ])('is refused with %s', (_what, bytes, rcode) => {
    expect(rcodeOf(bytes)).toBe(rcode);
  });

  it('of a name longer than 255 bytes is refused', () => {
    const long = Buffer.concat([
      PLAIN.subarray(0, 12),
      Buffer.alloc(64 * 4 + 1).map((_, i) => (i === 256 ? 0 : i % 64 === 0 ? 63 : 0x61)),
      Buffer.of(0, 1, 0, 1),
    ]);
    expect(rcodeOf(changed(long, (b) => (b[11] = 0)))).toBe(RCODE.FORMERR);
  });

  it('that is an answer, or has no header, is not answered at all', () => {
    expect(read(changed(PLAIN, (b) => (b[2] = 0x81)))).toBeUndefined();
    expect(read(PLAIN.subarray(0, 11))).toBeUndefined();
    expect(read(new Uint8Array())).toBeUndefined();
  });
});

describe('an answer', () => {
  const addresses = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      bytes: Uint8Array.of(10, 0, 0, i),
      ttl: undefined,
    }));
  const write = (asked: Buffer, count: number, limit: number) => {
    const query = read(asked);
    if (query === undefined) throw new Error('no query');
    const out = new Uint8Array(65_535);
    const reply = { rcode: 0, aa: true, addresses: addresses(count), ttl: 7 };
    const size = writeReply(out, asked, query, reply, limit);
    return { size, answer: readAnswer(out.subarray(0, size)) };
  };

  it('has all records where there is room, each of the name that was asked, in its case', () => {
    const { answer } = write(question('WEB.default'), 3, 512);
    expect(answer.questions).toEqual(['WEB.default']);
    expect(answer.answers.map(({ name, data, ttl }) => `${name} ${ttl} ${data}`)).toEqual([
      'WEB.default 7 10.0.0.0',
      'WEB.default 7 10.0.0.1',
      'WEB.default 7 10.0.0.2',
    ]);
    expect([...answer.flags]).toEqual(['qr', 'aa', 'rd', 'ra']);
  });

  it('never takes more than its limit, and says when something was left out', () => {
    fc.assert(
      fc.property(
        fc.nat(120),
        fc.integer({ min: 512, max: 4096 }),
        fc.boolean(),
        (n, limit, edns) => {
          const asked = question('web', edns ? { edns: limit } : {});
          const { size, answer } = write(asked, n, limit);
          expect(size).toBeLessThanOrEqual(limit);
          expect(answer.flags.has('tc')).toBe(answer.answers.length < n);
          expect(answer.additional.map(({ type }) => type)).toEqual(edns ? [41] : []);
        },
      ),
    );
  });

  it('speaks EDNS to who does', () => {
    const { answer } = write(question('web', { edns: 4096 }), 1, 4096);
    expect(answer.additional).toHaveLength(1);
    expect(EDNS_LIMIT).toBe(1232);
  });
});
