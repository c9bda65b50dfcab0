import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePacket, encodePing } from './packet.ts';
import { NIL_BYTES } from './reader.ts';

const label = fc.constantFrom('', 'prod').map((text) => new Uint8Array(Buffer.from(text)));
const keyring = fc.constantFrom([], [new Uint8Array(32).fill(7)]);
const nonce = (): Uint8Array => new Uint8Array(12).fill(9);

test('a ping is as long as it shall be, and reads as a ping to whoever gets it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.integer({ min: 100, max: 65_507 }),
      label,
      keyring,
      (seqNo, length, name, keys) => {
        const packet = encodePing(seqNo, length, { label: name, keyring: keys, nonce });
        expect(packet?.length).toBe(length);
        const source = { sourceAddr: NIL_BYTES, sourcePort: 0, sourceNode: '' };
        expect(decodePacket(packet!, { label: name, keyring: keys })).toEqual({
          messages: [{ kind: 'ping', seqNo, node: '', ...source }],
          refusals: [],
        });
      },
    ),
  );
});

test('what does not fit is no ping', () => {
  const wrapping = { label: NIL_BYTES, keyring: [], nonce };
  expect(encodePing(1, 10, wrapping)).toBeUndefined();
  expect(encodePing(1, 70_000, wrapping)).toBeUndefined();
});
