import { expect, it } from 'vitest';
import { LAN, transmissions } from './settings.ts';

it.each([
  ['few members: the least', 9, 1, 12],
  ['many: as often as memberlist', 1_000, 1, 16],
  ['twice as often', 9, 2, 12],
  ['twice as often, many', 1_000, 2, 32],
])('sends each message among %s', (_, size, times, sends) => {
  expect(transmissions(LAN, size, times)).toBe(sends);
});

it('tells nothing when both settings are 0', () => {
  expect(transmissions({ ...LAN, retransmitMult: 0, transmissionsMin: 0 }, 1_000)).toBe(0);
});
