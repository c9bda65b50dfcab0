import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameOf, Unframing } from './rpc-frames.ts';

test('messages come whole, whatever pieces they come in', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }));
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 80 })), (sent, cuts) => {
      const unframing = new Unframing(300);
      const received: Buffer[] = [];
      let rest = Buffer.concat(sent.map(frameOf));
      for (const cut of cuts) {
        received.push(...unframing.push(rest.subarray(0, cut)));
        rest = rest.subarray(cut);
      }
      received.push(...unframing.push(rest));
      expect(received.map((bytes) => [...bytes])).toEqual(sent.map((bytes) => [...bytes]));
    }),
  );
});

test('a message that is too long is refused at its head, and a compressed one too', () => {
  expect(() => new Unframing(9).push(Buffer.from([0, 0, 0, 0, 10]))).toThrow(/has 10 bytes/);
  expect(() => new Unframing(9).push(Buffer.from([1, 0, 0, 0, 1]))).toThrow(/is compressed/);
});
