import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  giveAnswer,
  giveIn,
  givenIn,
  giveQuestion,
  prefixesIn,
  routesAnswer,
  routesIn,
  routesQuestion,
} from './network-questions.ts';

test('what is asked and answered is read again', () => {
  expect(prefixesIn(routesQuestion(['10.0.0.0/8']))).toEqual(['10.0.0.0/8']);
  const give = { id: '0123456789abcdef', address: '10.1.0.9', host: 'f'.repeat(16) };
  expect(giveIn(giveQuestion(give))).toEqual(give);
  const given = { given: false, endpoint: 'web' };
  expect(givenIn(giveAnswer(given))).toEqual(given);
});

test('of many routes those are told that fit, and that there are more', () => {
  const routes = Array.from({ length: 200 }, (_, i) => ({
    prefix: `10.0.${i}.0/24`,
    link: 'eth1',
  }));
  const few = routesIn(routesAnswer(routes.slice(0, 3)));
  expect(few).toEqual({ routes: routes.slice(0, 3), cut: false });
  const bytes = routesAnswer(routes);
  expect(bytes.length).toBeLessThanOrEqual(900);
  expect(routesIn(bytes)).toMatchObject({ cut: true });
  expect(routesIn(bytes)?.routes.length).toBeGreaterThan(10);
});

test('whatever comes, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const read of [prefixesIn, routesIn, giveIn, givenIn]) read(bytes);
    }),
  );
});
