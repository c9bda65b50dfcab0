import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dropSender } from './socket-options.ts';

/** Runs the four instructions of the filter as linux/filter.h defines them; returns the bytes kept. */
function keeps(program: Buffer, message: Buffer): number {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const constant = (at: number): number => view.getUint32(at * 8 + 4, true);
  // Load the word at a fixed offset, in network order.
  const loaded = message.readUInt32BE(constant(0));
  const jump = view.getUint8(8 + (loaded === constant(1) ? 2 : 3));
  return constant(2 + jump);
}

test('the filter drops what names the port and keeps the rest', () => {
  const port = fc.nat(0xffff_ffff);
  fc.assert(
    fc.property(port, port, (own, other) => {
      fc.pre(own !== other);
      const messageOf = (sender: number): Buffer => {
        const message = Buffer.alloc(16);
        new Uint32Array(message.buffer, message.byteOffset, 4)[3] = sender;
        return message;
      };
      expect(keeps(dropSender(own), messageOf(own))).toBe(0);
      expect(keeps(dropSender(own), messageOf(other))).toBe(0xffff_ffff);
    }),
  );
});
