import { expect, test } from 'vitest';
import { groupId } from './socket.ts';

test.each([
  ['root:x:0:\nweft:x:997:alice,bob\n', 997],
  ['root:x:0:', undefined],
  ['weft:x::', undefined],
  ['weft:x:abc:', undefined],
  ['weft', undefined],
  ['', undefined],
])('the id of the group weft in %j', (text, id) => {
  expect(groupId(text, 'weft')).toBe(id);
});
