import { expect, test } from 'vitest';
import { fuzz } from './fuzz.ts';

test('10,000 mutated packets and streams: nothing escapes, everything stays bounded', () => {
  const tally = fuzz(10_000, 1);
  // The mutations are of use: a good part of the input is taken, another is refused.
  expect(tally.messages).toBeGreaterThan(1500);
  expect(tally.streams).toBeGreaterThan(200);
  expect(tally.refusals).toBeGreaterThan(1000);
}, 60_000);
