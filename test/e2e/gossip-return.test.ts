/** Members that come back without being asked to: after a restart that forgot everything, and after a long cut. */
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { GossipMember } from '../lab/gossip.ts';
import type { Peer } from '../lab/gossip-peer.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { alive, FAILURE, Mixed, SOON, untilSeen } from './gossip-mixed.ts';

/** In ms, of what the settings allow: generous, as the machine may be busy. */
const AT_ONCE = 10_000;
/** In which those who lost each other find each other, in ms. */
const HEALED = 60_000;

let mixed: Mixed;
afterEach(({ task }) => {
  if (task.result?.state === 'fail') mixed.print();
});

/** A lab that is gone with the test. */
async function newLab(options: Parameters<typeof createLab>[0]): Promise<Lab> {
  const lab = await createLab(options);
  onTestFinished(() => lab.close());
  mixed = new Mixed(lab);
  return lab;
}

describe('a member that was restarted, and does not know where to join', () => {
  /** All see the tag of the new one, and it sees all. */
  async function untilBack(restarted: GossipMember, others: readonly Peer[], within: number) {
    const check = async () => {
      for (const other of others) {
        const seen = (await other.members()).get(restarted.name);
        expect(seen, other.name).toMatchObject({ status: 'alive', tags: { life: 'second' } });
      }
      return true;
    };
    await eventually(check, { within, what: 'all see the restarted one' });
    await untilSeen([restarted], alive('s1', 's2', 'w1', 'w2', 'w3'));
  }

  async function startFive(): Promise<{ first: GossipMember; others: Peer[] }> {
    const lab = await newLab({ nodes: 5 });
    const seeds = [lab.host(1).address];
    const serfs = await Promise.all([1, 2].map((i) => mixed.serf(i, { name: `s${i}` })));
    const [first, ...ours] = await Promise.all(
      [1, 2, 3].map((i) => mixed.ours(2 + i, { name: `w${i}`, seeds })),
    );
    await serfs[1]!.join(...seeds);
    const others = [...serfs, ...ours];
    await untilSeen([first!, ...others], alive('s1', 's2', 'w1', 'w2', 'w3'));
    // Each change counts its incarnation up.
    for (const turn of [1, 2, 3, 4, 5]) await first!.setTag('turn', `${turn}`);
    const check = async () => {
      for (const other of others)
        expect((await other.members()).get('w1')?.tags).toMatchObject({ turn: '5' });
      return true;
    };
    await eventually(check, { within: SOON, what: 'all see its last change' });
    return { first: first!, others };
  }

  const restart = () => mixed.ours(3, { name: 'w1', tags: { life: 'second' } });

  test('before anybody missed it, is alive everywhere at once', async () => {
    const { first, others } = await startFive();
    await first.kill();
    const restarted = await restart();
    await untilBack(restarted, others, AT_ONCE);
    for (const { name, sightings } of others)
      expect(sightings.since(0, 'failed'), name).toEqual([]);
  });

  test('after all called it failed, is alive everywhere', async () => {
    const { first, others } = await startFive();
    await first.kill();
    await Promise.all(others.map((other) => other.sightings.seen('failed', 'w1', 0, FAILURE)));
    const restarted = await restart();
    await untilBack(restarted, others, HEALED);
  });
});

describe('two halves that were cut from each other until they forgot each other', () => {
  /** Forgotten after seconds instead of a day, in ms. */
  const FORGET = 2_000;
  const shrunk = {
    settings: { gossipToTheDead: FORGET },
    serf: { failedTimeout: FORGET, leftTimeout: FORGET, reapInterval: 500 },
  };

  test('find each other again', async () => {
    const lab = await newLab({ nodes: 5, segments: [0, 0, 0, 1, 1] });
    const s1 = await mixed.serf(1, { name: 's1', forget: FORGET });
    const s2 = await mixed.serf(2, { name: 's2', forget: FORGET });
    const ours = await Promise.all(
      [3, 4, 5].map((host) => mixed.ours(host, { name: `w${host}`, ...shrunk })),
    );
    const here: Peer[] = [s1, s2, ours[0]!];
    const there: Peer[] = [ours[1]!, ours[2]!];
    for (const peer of [...here.slice(1), ...there]) await peer.join(s1.place.address);
    const all = alive('s1', 's2', 'w3', 'w4', 'w5');
    await untilSeen([...here, ...there], all);

    await lab.outside.setSysctls({ 'net.ipv4.ip_forward': 0 });
    await untilSeen(here, alive('s1', 's2', 'w3'), 2 * FAILURE);
    await untilSeen(there, alive('w4', 'w5'), FAILURE);

    await lab.outside.setSysctls({ 'net.ipv4.ip_forward': 1 });
    await untilSeen([...here, ...there], all, HEALED);
  });
});
