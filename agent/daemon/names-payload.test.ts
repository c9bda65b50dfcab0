import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_ANSWER } from '../../controlplane/dns/check-model.ts';
import { answerIn, answerPayload, questionIn, questionPayload } from './names-payload.ts';

const hash = fc.nat({ max: 0xffff_ffff });
const name = fc.string({ unit: fc.constantFrom('a', 'b', '-', '.'), minLength: 1, maxLength: 190 });

test('questions come back as they were', () => {
  const question = fc.record({
    check: fc.string({ unit: 'grapheme-ascii' }),
    domain: name,
    part: fc.array(fc.nat({ max: 63 }), { maxLength: 5 }),
    list: fc.boolean(),
    names: fc.array(name, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(question, (asked) => {
      expect(questionIn(questionPayload(asked))).toEqual(asked);
    }),
  );
});

test('an answer is never too long: names that have no room are left out', () => {
  const said = fc.record({
    name,
    status: fc.constant('NOERROR'),
    addresses: fc.array(fc.ipV6(), { maxLength: 4 }),
    count: fc.nat({ max: 2_000 }),
    digest: hash,
    claimed: fc.array(fc.ipV6(), { maxLength: 4 }),
  });
  const answer = fc.record({
    pending: fc.nat(),
    count: fc.nat(),
    digests: fc.array(hash, { minLength: 64, maxLength: 64 }),
    names: fc.array(name, { maxLength: 10 }),
    amiss: fc.array(name, { maxLength: 4 }),
    said: fc.array(said, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(answer, (told) => {
      const bytes = answerPayload(told);
      expect(bytes.length).toBeLessThanOrEqual(900);
      const read = answerIn(bytes);
      expect(read?.digests).toEqual(told.digests);
      expect(told.said.slice(0, read?.said.length)).toEqual(read?.said);
    }),
  );
  expect(answerIn(answerPayload({ ...NO_ANSWER, refusal: 'no' }))).toEqual({
    ...NO_ANSWER,
    refusal: 'no',
  });
});

test('what is no question is none', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void questionIn(bytes)));
  const question = { check: 'a', domain: 'weft', list: false, names: [] };
  expect(questionIn(questionPayload({ ...question, part: [64] }))).toBeUndefined();
  expect(questionIn(questionPayload({ ...question, part: [1, 2, 3, 4, 5, 6] }))).toBeUndefined();
});
