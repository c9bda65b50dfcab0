import { expect, test } from 'vitest';
import { joinParts } from './compound.ts';
import { wrapCompressed } from './compressed.ts';
import { EXPANDED_LIMIT, MESSAGES_LIMIT, PACKET_EXPANDED_LIMIT } from './limits.ts';
import { compress, decompress } from './lzw.ts';
import { encodeMessage } from './messages.ts';
import { decodePacket, encodePacket, type Wrapping } from './packet.ts';
import { decodeStream, encodeStream, StreamReader } from './stream.ts';
import { encodeTags } from './tags.ts';

const PLAIN: Wrapping = {
  label: new Uint8Array(0),
  keyring: [],
  nonce: () => new Uint8Array(12),
  compress: false,
  crc: false,
};

test('compressed data of a packet gives 256 KiB at most, however it is spread', () => {
  const bomb = wrapCompressed(user(PACKET_EXPANDED_LIMIT - 1));
  expect(bomb.length).toBeLessThan(2 ** 12);
  const { messages } = decodePacket(bomb, PLAIN);
  expect(messages).toHaveLength(1);
  const two = decodePacket(joinParts([bomb, bomb]), PLAIN);
  expect(two.messages).toHaveLength(1);
  expect(two.refusals).toMatchObject([{ reason: 'too-large' }]);
});

test('one byte more is refused: than 256 KiB in a packet, than 40 MiB in a stream', () => {
  const inPacket = wrapCompressed(user(PACKET_EXPANDED_LIMIT));
  expect(decodePacket(inPacket, PLAIN).refusals).toMatchObject([{ reason: 'too-large' }]);
  const inStream = wrapCompressed(user(EXPANDED_LIMIT));
  expect(decodeStream(inStream, { ...PLAIN, sender: 'dialler' })).toMatchObject({
    status: 'refused',
    reason: 'too-large',
  });
});

test('a packet has 1024 messages at most, however they are nested', () => {
  const nack = encodeMessage({ kind: 'nack', seqNo: 1 });
  const many = joinParts(Array<Uint8Array>(255).fill(nack));
  const { messages, refusals } = decodePacket(joinParts(Array<Uint8Array>(20).fill(many)), PLAIN);
  expect(messages).toHaveLength(MESSAGES_LIMIT);
  expect(refusals.length).toBeLessThan(4);
  expect(refusals).toMatchObject(refusals.map(() => ({ reason: 'too-large' })));
});

test('a stream that never ends is refused at 40 MiB', () => {
  const reader = new StreamReader({ ...PLAIN, sender: 'dialler' });
  // Announces a field of 4 GiB that we do not know.
  reader.push(Uint8Array.of(6, 0x81, 0xa1, 0x41, 0xdb, 0xff, 0xff, 0xff, 0xff));
  const chunk = new Uint8Array(2 ** 20);
  let pushed = 0;
  while (reader.push(chunk).status === 'more') pushed++;
  expect(pushed).toBe(39);
  expect(reader.end()).toMatchObject({ status: 'refused', reason: 'too-large' });
});

test('what a stream holds does not depend on how it is cut, nor on what follows it', () => {
  const follows = new Uint8Array(EXPANDED_LIMIT);
  const nack = Uint8Array.of(11, 0x80);
  const user = encodeStream({ kind: 'user', payload: nack }, { ...PLAIN, sender: 'dialler' });
  const read = (start: Uint8Array): unknown =>
    decodeStream(Buffer.concat([start, follows]), { ...PLAIN, sender: 'dialler' });
  expect(read(user)).toMatchObject({ status: 'done', message: { kind: 'user' } });
  expect(read(nack)).toMatchObject({ status: 'refused', reason: 'unknown-type' });
});

test('nothing empty is sent, nor what we would not take', () => {
  const sender = 'dialler';
  const empty = new Uint8Array(0);
  expect(() => encodeMessage({ kind: 'user', payload: empty })).toThrow(RangeError);
  expect(() => encodeStream({ kind: 'user', payload: empty }, { ...PLAIN, sender })).toThrow(
    RangeError,
  );
  expect(() => encodePacket([], PLAIN)).toThrow(RangeError);
  expect(() => encodePacket([Uint8Array.of(8, 1), empty], PLAIN)).toThrow(RangeError);
  expect(() => joinParts(Array<Uint8Array>(256).fill(Uint8Array.of(8, 1)))).toThrow(RangeError);
  expect(() => joinParts([user(65_535), Uint8Array.of(8, 1)])).toThrow(RangeError);
  expect(() => encodeMessage({ kind: 'nack', seqNo: -1 })).toThrow(RangeError);
  expect(() => encodeMessage({ kind: 'nack', seqNo: 0.5 })).toThrow(RangeError);
  expect(() =>
    encodeMessage({ kind: 'suspect', incarnation: 1, node: 'a'.repeat(1025), from: '' }),
  ).toThrow(RangeError);
  expect(() => encodeTags(new Map([['a', 'b'.repeat(512)]]))).toThrow(RangeError);
});

test('LZW gives back what it got, through full tables and back to narrow codes', () => {
  for (const step of [1, 7, 255, 257]) {
    const input = Uint8Array.from({ length: 40_000 }, (_, i) => (i * step + (i >> 7)) & 0xff);
    for (const length of [0, 1, 2, 255, 256, 3836, 3837, 3838, 3839, 3840, 7680, 40_000]) {
      const data = input.subarray(0, length);
      expect(Buffer.compare(decompress(compress(data), length), data)).toBe(0);
    }
  }
});

/** `bytes` of user data, after the byte that says so. */
function user(bytes: number): Uint8Array {
  return new Uint8Array(bytes + 1).fill(8, 0, 1);
}
