import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, decodeSerf, type SerfMessage } from '../codec/index.ts';
import type { Member } from '../swim/index.ts';
import { Timers } from '../timers.ts';
import { Broadcasts } from './broadcasts.ts';
import { SerfMembers } from './members.ts';
import { Membership } from './membership.ts';
import { SERF } from './settings.ts';

function node(name: string): Member {
  return {
    name,
    addr: Uint8Array.of(10, 0, 0, 1),
    port: 7946,
    meta: new Uint8Array(0),
    vsn: new Uint8Array(6),
    incarnation: 1,
    state: 'alive',
    since: 0,
  };
}

function subject(): { membership: Membership; members: SerfMembers; spread: () => SerfMessage[] } {
  const members = new SerfMembers({ timers: new Timers(0), settings: SERF, changed: () => {} });
  const broadcasts = new Broadcasts({ transmissions: () => 1, room: () => 1_400, soon: () => {} });
  const membership = new Membership({ name: 'me', members, broadcasts });
  members.joined(node('me'));
  members.joined(node('a'));
  /** What is to be told, each once. */
  const spread = (): SerfMessage[] => {
    const messages = broadcasts.take(1_400);
    while (broadcasts.size > 0) broadcasts.take(1_400);
    return messages.map((message) => {
      const user = decodeMessage(message);
      const serf = user.ok && user.value.kind === 'user' ? decodeSerf(user.value.payload) : user;
      if (!serf.ok) throw new Error('not a Serf message');
      return serf.value as SerfMessage;
    });
  };
  return { membership, members, spread };
}

const raw = Uint8Array.of(0, 0x80);
const leave = (node: string, lTime: bigint): Extract<SerfMessage, { kind: 'leave' }> => ({
  kind: 'leave',
  lTime,
  node,
  prune: false,
});

describe('Membership', () => {
  it('contradicts who says that we leave, with a later time, and does not pass it on', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 62n }), (lTime) => {
        const { membership, members, spread } = subject();
        membership.heardLeave(leave('me', lTime), raw);
        expect(members.get('me')?.status).toBe('alive');
        const said = spread();
        expect(said).toMatchObject([{ kind: 'join', node: 'me' }]);
        expect(said[0]?.kind === 'join' && said[0].lTime > lTime).toBe(true);
        membership.heardLeave(leave('me', lTime), raw);
        expect(spread()).toEqual([]);
      }),
    );
  });

  it('contradicts a leave of the same time as our join', () => {
    const { membership, spread } = subject();
    membership.announce();
    const [joined] = spread();
    if (joined?.kind !== 'join') throw new Error('no join');
    membership.heardLeave(leave('me', joined.lTime), raw);
    expect(spread()).toEqual([{ kind: 'join', lTime: joined.lTime + 1n, node: 'me' }]);
  });

  it('says that we leave, and does not contradict that', () => {
    const { membership, members, spread } = subject();
    membership.announceLeave(() => {});
    expect(spread()).toEqual([leave('me', 1n)]);
    membership.heardLeave(leave('me', 9n), raw);
    expect(members.get('me')).toMatchObject({ status: 'leaving', statusLTime: 9n });
  });

  it('passes on what is news, as it came, and counts its time', () => {
    const { membership, members, spread } = subject();
    const message = { ...leave('a', 7n), prune: true };
    membership.heardLeave(message, Uint8Array.of(0, 0x81, 0xa4, ...Buffer.from('Node'), 0xa1, 97));
    expect(spread()).toEqual([{ ...leave('a', 0n) }]);
    expect(membership.clock.time).toBe(8n);
    membership.heardLeave(message, raw);
    expect(spread()).toEqual([]);
    expect(members.get('a')?.status).toBe('leaving');
  });

  it('takes no notice of a time that cannot be', () => {
    const { membership, members, spread } = subject();
    membership.heardLeave(leave('a', 2n ** 63n), raw);
    membership.heardJoin({ kind: 'join', node: 'a', lTime: 2n ** 64n - 1n }, raw);
    expect(members.get('a')).toMatchObject({ status: 'alive', statusLTime: 0n });
    expect([spread(), membership.clock.time]).toEqual([[], 1n]);
  });
});
