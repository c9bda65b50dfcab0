import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointOf, parseRemembered, rememberedMember, type Remembered } from './snapshot.ts';

const SOUND: Remembered = {
  version: 1,
  left: false,
  clocks: { member: '7', event: '0', query: '12' },
  members: [{ name: 'a', addr: '0a4d0001', port: 7946 }],
};

describe('parseRemembered', () => {
  it('reads what was written', () => {
    expect(parseRemembered(JSON.parse(JSON.stringify(SOUND)))).toEqual({
      ok: true,
      remembered: SOUND,
    });
  });

  it.each([
    null,
    [],
    'text',
    { ...SOUND, version: 2 },
    { ...SOUND, left: 'no' },
    { ...SOUND, clocks: { ...SOUND.clocks, event: '-1' } },
    { ...SOUND, clocks: { ...SOUND.clocks, event: String(2n ** 63n) } },
    { ...SOUND, clocks: { member: '1', event: '1' } },
    { ...SOUND, members: [{ name: 'a', addr: '0a4d', port: 7946 }] },
    { ...SOUND, members: [{ name: 'a', addr: '0a4d0001', port: 0 }] },
    { ...SOUND, members: Array.from({ length: 4_097 }, () => SOUND.members[0]) },
  ])('refuses %j', (value) => {
    expect(parseRemembered(value)).toMatchObject({ ok: false });
  });

  it('takes anything', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parseRemembered(value).ok).toBe(false);
      }),
    );
  });
});

describe('rememberedMember', () => {
  it('keeps an address of either length', () => {
    for (const addr of [Uint8Array.of(10, 77, 0, 1), new Uint8Array(16).fill(7)]) {
      const member = { name: 'a', addr, port: 7946 };
      expect(endpointOf(rememberedMember(member))).toEqual(member);
    }
  });
});
