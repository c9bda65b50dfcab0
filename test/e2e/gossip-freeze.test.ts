/** A member that stands still: for a short time nobody minds; after a long one it is back at once, and blames nobody. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { monotonicNow } from '../lab/child.ts';
import type { GossipMember } from '../lab/gossip.ts';
import type { Peer } from '../lab/gossip-peer.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { alive, Mixed, SOON, untilSeen } from './gossip-mixed.ts';

/** What is said about a member that woke, or by it, is said in this time, in ms. */
const AFTERMATH = 8_000;
/** Of a member that was called failed: generous, as the machine may be busy. In ms. */
const BACK = 5_000;

describe('one of ours, with two others and three Serf agents', () => {
  const NAMES = ['s1', 's2', 's3', 'w1', 'w2', 'w3'];
  let lab: Lab;
  let mixed: Mixed;
  let sleeper: GossipMember;
  let others: Peer[];

  beforeAll(async () => {
    lab = await createLab({ nodes: 6 });
    mixed = new Mixed(lab);
    const seeds = [lab.host(1).address];
    sleeper = await mixed.ours(4, { name: 'w1', seeds });
    others = await Promise.all([
      ...[1, 2, 3].map((i) => mixed.serf(i, { name: `s${i}` })),
      ...[2, 3].map((i) => mixed.ours(3 + i, { name: `w${i}`, seeds })),
    ]);
    for (const other of others.slice(1, 3)) await other.join(...seeds);
    await untilSeen([sleeper, ...others], alive(...NAMES));
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') mixed.print();
  });
  afterAll(() => lab?.close());

  /** Resolves with when it was woken. */
  async function freeze(ms: number): Promise<number> {
    sleeper.child.signal('SIGSTOP');
    await sleep(ms);
    sleeper.child.signal('SIGCONT');
    return monotonicNow();
  }

  /** Whom anybody accused since then, but for the sleeper. */
  async function wronged(since: number): Promise<string[]> {
    const seen = [sleeper, ...others].flatMap(({ name: by, sightings }) =>
      sightings
        .since(since, 'suspect', 'failed', 'leave')
        .filter(({ name }) => name !== sleeper.name)
        .map(({ what, name }) => `${by}: ${what} ${name}`),
    );
    const denied = others.flatMap(({ name, sightings }) =>
      sightings.since(since, 'refute').map(({ name: by }) => `${name} was accused by ${by}`),
    );
    return [...seen, ...denied];
  }

  test.each([1, 2, 3])('frozen for four seconds is never called failed; time %i', async () => {
    const since = monotonicNow();
    const { suspicions, confirmations } = await sleeper.counts();
    await freeze(4_000);
    await sleep(AFTERMATH);
    for (const { name, sightings } of others)
      expect(sightings.since(since, 'failed'), name).toEqual([]);
    await untilSeen([sleeper, ...others], alive(...NAMES));
    expect(await wronged(since)).toEqual([]);
    expect(await sleeper.counts()).toMatchObject({ suspicions, confirmations });
  });

  test('frozen for twenty seconds and woken is alive everywhere, and accuses nobody', async () => {
    const since = monotonicNow();
    const { suspicions, confirmations, stalls } = await sleeper.counts();
    const woken = await freeze(20_000);
    const believers = others.filter(({ sightings }) => sightings.find('failed', 'w1', since));
    const back = believers.map(({ sightings }) => sightings.seen('join', 'w1', woken, SOON));
    const times = (await Promise.all(back)).map((at) => at - woken);
    expect(believers, 'some call it failed').not.toEqual([]);
    expect(Math.max(0, ...times)).toBeLessThan(BACK);
    await untilSeen([sleeper, ...others], alive(...NAMES));
    await sleep(AFTERMATH);
    await untilSeen([sleeper, ...others], alive(...NAMES));
    expect(await wronged(since)).toEqual([]);
    expect(await sleeper.counts()).toMatchObject({ suspicions, confirmations, stalls: stalls + 1 });
  });
});
