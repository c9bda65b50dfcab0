/** Real Serf agents and members of ours in one cluster: neither sees a difference. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicNow } from '../lab/child.ts';
import { eventually } from '../lab/eventually.ts';
import type { GossipMember } from '../lab/gossip.ts';
import { WHERE, type Peer } from '../lab/gossip-peer.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { SerfAgent } from '../lab/serf.ts';
import { alive, FAILURE, Mixed, SOON, untilSeen } from './gossip-mixed.ts';

/** How long nobody may suspect anybody, in minutes. */
const SOAK_MINUTES = Number(process.env['WEFT_GOSSIP_SOAK_MINUTES'] ?? 1 / 3);

const newKey = (): string => randomBytes(32).toString('base64');

/** Resolves when each of them saw it. */
async function untilAll(
  by: readonly Peer[],
  ...[what, name, since = 0]: [
    what: Parameters<Peer['sightings']['seen']>[0],
    name: string,
    since?: number,
  ]
): Promise<void> {
  await Promise.all(by.map((peer) => peer.sightings.seen(what, name, since, SOON)));
}

/** Of others by it, and of it by others. */
async function accusationsOf(member: GossipMember): Promise<object> {
  const { suspicions, confirmations, refutations, deathsDeclared } = await member.counts();
  return { suspicions, confirmations, refutations, deathsDeclared };
}

describe.each([
  { how: 'in plain text', underlay: { v4: '192.168.77.0/24' } },
  { how: 'encrypted and over IPv6', underlay: { v6: 'fd77::/64' }, key: newKey() },
])('three Serf agents and three of ours, $how', ({ underlay, key: firstKey }) => {
  let key = firstKey;
  let lab: Lab;
  let mixed: Mixed;
  let [s1, s2, s3]: SerfAgent[] = [];
  let [w1, w2, w3]: GossipMember[] = [];
  let everybody: Peer[];
  const ALL = ['s1', 's2', 's3', 'w1', 'w2', 'w3'];

  const options = (i: number, name: string) => ({
    name,
    tags: { place: `${i}`, letter: name[0] as string },
    ...(key === undefined ? {} : { key }),
  });
  /** Counted from 0: on the first three hosts, and on the others. */
  const startSerf = (i: number, name = `s${i + 1}`) => mixed.serf(i + 1, options(i, name));
  const startOurs = (i: number) => mixed.ours(i + 4, options(i, `w${i + 1}`));

  beforeAll(async () => {
    lab = await createLab({ nodes: 6, underlay });
    mixed = new Mixed(lab);
    [s1, s2, s3] = await Promise.all([0, 1, 2].map((i) => startSerf(i)));
    [w1, w2, w3] = await Promise.all([0, 1, 2].map((i) => startOurs(i)));
    everybody = [s1, s2, s3, w1, w2, w3] as Peer[];
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') mixed.print();
  });
  afterAll(async () => {
    await lab?.close();
  });

  test('join each other both ways', async () => {
    await w1!.join(s1!.place.address);
    await s2!.join(w1!.place.address);
    await w2!.join(s2!.place.address);
    await s3!.join(w2!.place.address);
    await w3!.join(w1!.place.address);
    await untilSeen(everybody, alive(...ALL));
  });

  test('see each other’s tags, and see them change', async () => {
    for (const [by, of] of [
      [s3!, w1!],
      [w3!, s1!],
    ] as const) {
      const tags = async () => (await by.members()).get(of.name)?.tags;
      const before = await tags();
      expect(before).toMatchObject({ place: '0', letter: of.name[0] });
      await of.setTag('place', 'another');
      await of.setTag('letter', undefined);
      const check = async () => {
        const { letter, ...rest } = before ?? {};
        expect(letter).toBe(of.name[0]);
        expect(await tags()).toEqual({ ...rest, place: 'another' });
        return true;
      };
      await eventually(check, { within: SOON, what: `${by.name} sees the new tags of ${of.name}` });
    }
  });

  test('hear each other’s events, once', async () => {
    for (const from of [s1!, w1!]) {
      await from.event(`from-${from.name}`, 'how do you do');
      await untilAll(everybody, 'payload', `from-${from.name} how do you do`);
    }
    const heard = everybody.map(({ sightings }) =>
      sightings.since(0, 'event').map(({ name }) => name),
    );
    expect(heard).toEqual(everybody.map(() => ['from-s1', 'from-w1']));
  });

  test('ask each other', async () => {
    const named = (...names: string[]) => ({
      acks: names,
      answers: Object.fromEntries(names.map((name) => [name, name])),
    });
    const ask = async (asker: Peer) => {
      expect(await asker.query({ name: WHERE })).toEqual(named(...ALL));
      expect(await asker.query({ name: WHERE, relayFactor: 3 })).toEqual(named(...ALL));
      expect(await asker.query({ name: WHERE, nodes: ['s3', 'w3'] })).toEqual(named('s3', 'w3'));
      const tags = { letter: '^[sw]$', place: '1|another' };
      expect(await asker.query({ name: WHERE, tags })).toEqual(named('s2', 'w2'));
      const none = { name: WHERE, nodes: ['s1', 'w1'], tags: { letter: 'x' } };
      expect(await asker.query(none)).toEqual(named());
    };
    await Promise.all([s2!, w2!].map(ask));
  });

  test('reach each other, and know how far away they are', async () => {
    const reach = async (serf: SerfAgent) => {
      expect(await serf.output('reachability')).toContain('Successfully contacted all live nodes');
      for (const { name } of everybody.filter((peer) => peer !== serf))
        expect(await serf.output('rtt', name)).toMatch(/ rtt: [\d.]+ ms/);
    };
    await Promise.all([s1!, s2!, s3!].map(reach));
    const check = async () => {
      const rtts = await Promise.all([w1!, w2!, w3!].map((member) => member.roundTrips()));
      // In one machine; two clocks that disagree, or wrong units, would show.
      for (const each of rtts) {
        expect(each).toHaveLength(5);
        for (const rtt of each) expect(rtt).toBeLessThan(50);
      }
      return true;
    };
    await eventually(check, { within: SOON, what: 'ours know how far away the others are' });
  });

  // In plain text there is no key to change.
  const keyTest = firstKey === undefined ? undefined : test;
  keyTest?.('change the keys from either side', async () => {
    for (const by of [s1!, w1!]) {
      const [old, next] = [key ?? '', newKey()];
      await by.changeKey('install', next);
      expect(await by.keys()).toEqual(new Map([old, next].map((each) => [each, 6])));
      await by.changeKey('use', next);
      await by.changeKey('remove', old);
      for (const peer of [s2!, w2!]) expect(await peer.keys()).toEqual(new Map([[next, 6]]));
      key = next;
    }
    await w3!.event('after-keys', 'x');
    await untilAll(everybody, 'event', 'after-keys');
  });

  test(
    'suspect nobody while all live',
    async () => {
      const since = monotonicNow();
      const accusations = () => Promise.all([w1!, w2!, w3!].map(accusationsOf));
      const before = await accusations();
      await sleep(SOAK_MINUTES * 60_000);
      expect(await accusations()).toEqual(before);
      const bad = ['suspect', 'refute', 'failed', 'leave', 'join', 'reap'] as const;
      const seen = everybody.map(({ sightings }) => sightings.since(since, ...bad));
      expect(seen).toEqual(everybody.map(() => []));
      await untilSeen(everybody, alive(...ALL));
    },
    SOAK_MINUTES * 60_000 + 60_000,
  );

  test('see each other leave', async () => {
    await w3!.leave();
    await s3!.leave();
    const left = { s3: 'left', w3: 'left' } as const;
    await untilSeen([s1!, s2!, w1!, w2!], { ...alive('s1', 's2', 'w1', 'w2'), ...left });
    expect([s1!, s2!, w1!, w2!].flatMap((peer) => peer.sightings.since(0, 'failed'))).toEqual([]);
  });

  test('see each other fail', async () => {
    await w2!.kill();
    await s2!.kill();
    const gone = { s3: 'left', w3: 'left', s2: 'failed', w2: 'failed' } as const;
    await untilSeen([s1!, w1!], { ...alive('s1', 'w1'), ...gone }, FAILURE);
  });

  test('take away who failed', async () => {
    await w1!.forceLeave('s2');
    await s1!.forceLeave('w2');
    const left = { s2: 'left', s3: 'left', w2: 'left', w3: 'left' } as const;
    await untilSeen([s1!, w1!], { ...alive('s1', 'w1'), ...left });
  });

  async function untilAllBack(): Promise<void> {
    const four = alive('s1', 's2', 'w1', 'w2');
    await untilSeen([s1!, w1!], { ...four, s3: 'left', w3: 'left' });
    // Who comes later is not told of those who left before.
    await untilSeen([s2!, w2!], four);
  }

  test('come back under their names', async () => {
    s2 = await startSerf(1);
    w2 = await startOurs(1);
    await w2.join(s1!.place.address);
    await s2.join(w1!.place.address);
    await untilAllBack();
  });

  test('have nothing to complain of', () => {
    const agents = mixed.started.filter((peer) => peer instanceof SerfAgent);
    // Who exchanges states just with one that was killed finds nobody there.
    const inevitable = /ERR\] memberlist: Push\/Pull with [sw]2 failed: .* connection refused$/;
    // Who comes back under its name is told that it was taken for dead.
    const onReturn = /WARN\] memberlist: Refuting a (suspect|dead) message \(from: [sw]\d\)$/;
    const complaints = agents.flatMap((agent, at) => {
      const isBack = agents.slice(0, at).some(({ name }) => name === agent.name);
      return agent.complaints().filter((line) => !(isBack && onReturn.test(line)));
    });
    expect(complaints.filter((line) => !inevitable.test(line))).toEqual([]);
  });

  test('agree whose a name is', async () => {
    const second = await startSerf(2, 'w1');
    await second.join(s1!.place.address);
    // It asks everybody, and finds that most know another one.
    await second.child.ended;
    expect(second.child.text).toContain('minority in name conflict resolution');
    await untilAllBack();
  });
});
