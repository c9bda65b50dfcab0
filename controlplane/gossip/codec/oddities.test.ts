import { describe, expect, test } from 'vitest';
import { decodePacket } from './packet.ts';
import { decodeStream } from './stream.ts';
import { fromHex, ODDITIES } from './vectors.ts';

const PLAIN = { label: new Uint8Array(0), keyring: [] };

describe.each(ODDITIES.filter(({ transport }) => transport === 'udp'))(
  'packet: $name',
  ({ hex, outcome }) => {
    test(outcome, () => {
      const { messages, refusals } = decodePacket(fromHex(hex), PLAIN);
      const words = [...messages.map(({ kind }) => kind), ...refusals.map(({ reason }) => reason)];
      expect(words.toSorted()).toEqual(outcome.split(' ').toSorted());
    });
  },
);

describe.each(ODDITIES.filter(({ transport }) => transport === 'tcp'))(
  'stream: $name',
  ({ hex, outcome }) => {
    test(outcome, () => {
      const progress = decodeStream(fromHex(hex), { ...PLAIN, sender: 'dialler' });
      if (progress.status === 'done') expect(progress.message.kind).toBe(outcome);
      else expect(progress).toMatchObject({ status: 'refused', reason: outcome });
    });
  },
);

test.each(
  ODDITIES.filter(({ name }) => /^(text|bytes|integer) as|^keys in|^map16|^struct as/.test(name)),
)('read as if written as usual: $name', ({ hex }) => {
  const [message] = decodePacket(fromHex(hex), PLAIN).messages;
  expect(message).toMatchObject({ kind: 'ping', node: 'n1', seqNo: 7 });
});
