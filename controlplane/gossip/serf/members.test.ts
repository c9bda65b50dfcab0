import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeTags } from '../codec/index.ts';
import type { Member, MemberState } from '../swim/index.ts';
import { Timers } from '../timers.ts';
import { SerfMembers } from './members.ts';
import { SERF } from './settings.ts';

function node(
  name: string,
  state: MemberState = 'alive',
  tags = new Map<string, string>(),
): Member {
  return {
    name,
    addr: Uint8Array.of(10, 0, 0, 1),
    port: 7946,
    meta: encodeTags(tags),
    vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
    incarnation: 1,
    state,
    since: 0,
  };
}

function table(): { timers: Timers; members: SerfMembers; told: string[] } {
  const timers = new Timers(0);
  const told: string[] = [];
  const members = new SerfMembers({
    timers,
    settings: SERF,
    changed: ({ name, status }, change) => told.push(`${name} ${change} ${status}`),
  });
  return { timers, members, told };
}

describe('SerfMembers', () => {
  it('tells a meant disappearance from one that was not', () => {
    const { members, told } = table();
    members.joined(node('a'));
    members.joined(node('b'));
    members.leaveIntent('a', 1n, false);
    members.left(node('a', 'dead'));
    members.left(node('b', 'dead'));
    expect(told).toEqual([
      'a join alive',
      'b join alive',
      'a leaving leaving',
      'a leave left',
      'b failed failed',
    ]);
    expect(members.alive).toBe(0);
  });

  it('believes who says itself that it leaves, before and without its intent', () => {
    const { members, told } = table();
    members.joined(node('a'));
    members.left(node('a', 'left'));
    members.leaveIntent('a', 1n, false);
    expect(told).toEqual(['a join alive', 'a leave left']);
  });

  it('takes a failed member for left when the intent comes later, as by force', () => {
    const { members, told } = table();
    members.joined(node('a'));
    members.left(node('a', 'dead'));
    members.leaveIntent('a', 1n, true);
    expect(told.slice(2)).toEqual(['a leave left', 'a reap left']);
    expect(members.size).toBe(0);
  });

  it('comes to the same status in whatever order intents arrive, before or after the member', () => {
    const intents = fc.uniqueArray(
      fc.record({
        lTime: fc.bigInt({ min: 1n, max: 20n }),
        kind: fc.constantFrom('join' as const, 'leave' as const),
      }),
      { selector: ({ lTime }) => lTime, minLength: 1, maxLength: 8 },
    );
    const order = intents.chain((list) =>
      fc.record({
        list: fc.shuffledSubarray(list, { minLength: list.length }),
        joinAt: fc.nat({ max: list.length }),
        repeat: fc.subarray(list),
      }),
    );
    fc.assert(
      fc.property(order, ({ list, joinAt, repeat }) => {
        const { members } = table();
        for (const [index, { kind, lTime }] of [...list, ...repeat].entries()) {
          if (index === joinAt) members.joined(node('a'));
          if (kind === 'join') members.joinIntent('a', lTime);
          else members.leaveIntent('a', lTime, false);
        }
        members.joined(node('a'));
        const newest = list.reduce((a, b) => (a.lTime > b.lTime ? a : b));
        expect(members.get('a')?.status).toBe(newest.kind === 'leave' ? 'leaving' : 'alive');
        expect(members.get('a')?.statusLTime).toBe(newest.lTime);
      }),
    );
  });

  it('passes an intent on exactly when it is news', () => {
    const { members } = table();
    expect(members.joinIntent('a', 2n)).toBe(true);
    expect(members.leaveIntent('a', 2n, false)).toBe(false);
    members.joined(node('a'));
    expect(members.leaveIntent('a', 2n, false)).toBe(false);
    expect(members.leaveIntent('a', 3n, false)).toBe(true);
    expect(members.leaveIntent('a', 3n, false)).toBe(false);
  });

  it('is alive again when it is reached again, whatever it had meant', () => {
    const { members, told } = table();
    members.joined(node('a'));
    members.leaveIntent('a', 4n, false);
    members.left(node('a', 'left'));
    members.joined(node('a'));
    expect(members.get('a')).toMatchObject({ status: 'alive', statusLTime: 4n });
    expect(told.at(-1)).toBe('a join alive');
    expect(members.alive).toBe(1);
  });

  it('tells of other tags, and only then', () => {
    const { members, told } = table();
    members.joined(node('a'));
    members.updated(node('a'));
    members.updated(node('a', 'alive', new Map([['role', 'web']])));
    expect(told.slice(1)).toEqual(['a update alive']);
    expect(members.get('a')?.tags.get('role')).toBe('web');
  });

  it('forgets who has been gone for a day, and nobody who is here', () => {
    const { timers, members, told } = table();
    for (const name of ['a', 'b', 'c']) members.joined(node(name));
    members.left(node('a', 'dead'));
    timers.after(3_600_000, () => members.left(node('b', 'left')));
    timers.advance(timers.due);
    told.length = 0;
    timers.after(SERF.failedTimeout - 3_600_000, () => members.reap());
    timers.advance(timers.due);
    expect(told).toEqual(['a reap failed']);
    timers.after(3_600_000, () => members.reap());
    timers.advance(timers.due);
    expect(told).toEqual(['a reap failed', 'b reap left']);
    expect([...members].map(({ name }) => name)).toEqual(['c']);
  });

  it('takes one who said long ago that it leaves, and is here, for alive', () => {
    const { timers, members, told } = table();
    members.joined(node('a'));
    members.leaveIntent('a', 1n, false);
    const reapAfter = (time: number): void => {
      timers.after(time, () => members.reap());
      timers.advance(timers.due);
    };
    reapAfter(SERF.leavingTimeout - 1);
    expect(told).toEqual(['a join alive', 'a leaving leaving']);
    reapAfter(1);
    expect(told.slice(2)).toEqual(['a update alive']);
    members.left(node('a', 'dead'));
    expect(told.slice(3)).toEqual(['a failed failed']);
  });
});
