import { describe, expect, it } from 'vitest';
import { decodeSerf } from '../codec/index.ts';
import { Cluster, type TestNode } from './cluster.ts';
import type { Extension, JoinResult, MemberStatus } from './face.ts';
import { SERF } from './settings.ts';
import { parseRemembered } from './snapshot.ts';
import { TEST_TIMEOUT } from './testing.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

function status({ serf }: TestNode, name: string): MemberStatus | undefined {
  return serf.member(name)?.status;
}

function changes({ told }: TestNode, name: string): string[] {
  return told.flatMap((event) =>
    event.kind === 'member' && event.member.name === name ? [event.change] : [],
  );
}

describe('Serf', { timeout: TEST_TIMEOUT }, () => {
  it('knows itself at once', () => {
    const cluster = new Cluster(1);
    const { serf } = cluster.add('a', { tags: new Map([['role', 'web']]) });
    expect(serf.members()).toMatchObject([{ name: 'a', status: 'alive', rtt: undefined }]);
    expect(serf.member('a')?.tags.get('role')).toBe('web');
  });

  it('tells of members, their tags and their round trips', () => {
    const cluster = new Cluster(2);
    const nodes = cluster.grow(5);
    const [a, b] = nodes as [TestNode, TestNode];
    b.serf.setTags(new Map([['role', 'db']]));
    cluster.until(() => nodes.every(({ serf }) => serf.member('n2')?.tags.get('role') === 'db'));
    expect(changes(a, 'n2')).toEqual(['join', 'update']);
    expect(() => b.serf.setTags(new Map([['long', 'x'.repeat(600)]]))).toThrow(RangeError);
    expect(b.serf.tags.get('role')).toBe('db');
    cluster.pass(30_000);
    expect(a.serf.member('n2')?.rtt).toBeGreaterThan(0);
    expect(a.serf.member('n2')?.rtt).toBeLessThan(50);
  });

  it('says what became of each endpoint of a join', () => {
    const cluster = new Cluster(3);
    const [a, b] = [cluster.add('a'), cluster.add('b')];
    const nowhere = { addr: Uint8Array.of(10, 9, 9, 9), port: 7946 };
    let result: JoinResult | undefined;
    a.serf.join([nowhere, b.endpoint], (given) => (result = given));
    cluster.until(() => result !== undefined);
    expect(result).toMatchObject({ joined: 1, problems: [{ to: nowhere }] });
  });

  it('leaves: known as left by all, never as failed, sooner than a second', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const cluster = new Cluster(seed);
      const nodes = cluster.grow(10);
      cluster.pass(10_000);
      const [leaver, ...others] = nodes as [TestNode, ...TestNode[]];
      let done = false;
      leaver.serf.leave(() => (done = true));
      const took = cluster.until(() => others.every((node) => status(node, 'n1') === 'left'));
      expect(took).toBeLessThan(1_000);
      cluster.until(() => done);
      for (const node of others) expect(changes(node, 'n1')).not.toContain('failed');
      expect(leaver.serf.snapshot().left).toBe(true);
      leaver.stopped = true;
      cluster.pass(60_000);
      for (const node of others) expect(status(node, 'n1')).toBe('left');
    }
  });

  it('leaves at once when it is alone, and tells everybody who asks', () => {
    const cluster = new Cluster(4);
    const { serf } = cluster.add('a');
    let done = 0;
    serf.leave(() => done++);
    serf.leave(() => done++);
    expect(done).toBe(2);
  });

  it('takes who vanishes for failed, and for left when it is forced', () => {
    const cluster = new Cluster(5);
    const nodes = cluster.grow(5);
    const [gone, ...others] = nodes as [TestNode, TestNode];
    gone.stopped = true;
    cluster.until(() => others.every((node) => status(node, 'n1') === 'failed'));
    others[0]?.serf.forceLeave('n1');
    cluster.until(() => others.every((node) => status(node, 'n1') === 'left'), 2_000);
    expect(() => others[0]?.serf.forceLeave('n2')).toThrow(/itself/);
    expect(() => others[0]?.serf.forceLeave('nobody')).toThrow(/no member/);
  });

  it('contradicts who forces it to leave while it is alive', () => {
    const cluster = new Cluster(6);
    const nodes = cluster.grow(4);
    nodes[0]?.serf.forceLeave('n3');
    cluster.pass(2_000);
    for (const node of nodes) expect(status(node, 'n3')).toBe('alive');
  });

  it('is back under its name after it has left', () => {
    const cluster = new Cluster(7);
    const nodes = cluster.grow(4);
    const [first, ...others] = nodes as [TestNode, TestNode];
    let done = false;
    first.serf.leave(() => (done = true));
    cluster.until(() => done);
    first.stopped = true;
    const again = cluster.add('n1', { at: 1 });
    again.serf.join([others[0].endpoint], () => {});
    cluster.until(() => others.every((node) => status(node, 'n1') === 'alive'), 5_000);
    cluster.pass(120_000);
    for (const node of [again, ...others]) expect(status(node, 'n1')).toBe('alive');
  });

  it('tells every member of each event once, under loss and with packets that come twice', () => {
    const cluster = new Cluster(8);
    const nodes = cluster.grow(8);
    cluster.loss = 0.2;
    cluster.twice = 0.3;
    for (let i = 0; i < 30; i++) {
      nodes[i % 8]?.serf.userEvent(`event-${i}`, bytes('payload'));
      cluster.pass(50);
    }
    cluster.pass(90_000);
    const all = Array.from({ length: 30 }, (_, i) => `event-${i}`).sort();
    for (const { told } of nodes) {
      const heard = told.flatMap((event) => (event.kind === 'event' ? [event.name] : []));
      expect(heard.sort()).toEqual(all);
    }
  });

  it('ignores what was before it joined, unless it wants to hear it', () => {
    const cluster = new Cluster(9);
    const [a] = cluster.grow(2) as [TestNode];
    a.serf.userEvent('old', bytes(''));
    cluster.pass(1_000);
    const [deaf, curious] = [cluster.add('deaf'), cluster.add('curious')];
    deaf.serf.join([a.endpoint], () => {});
    curious.serf.join([a.endpoint], () => {}, { replay: true });
    cluster.pass(2_000);
    a.serf.userEvent('new', bytes(''));
    cluster.pass(2_000);
    const events = ({ told }: TestNode): string[] =>
      told.flatMap((event) => (event.kind === 'event' ? [event.name] : []));
    expect([events(deaf), events(curious)]).toEqual([['new'], ['old', 'new']]);
  });

  it('sends in a push/pull what Serf reads', () => {
    const cluster = new Cluster(10);
    const [a] = cluster.grow(3) as [TestNode];
    a.serf.userEvent('deploy', bytes('x'));
    const answer = a.serf.swim.request(a.endpoint, {
      kind: 'pushPull',
      join: false,
      nodes: [],
      userState: new Uint8Array(0),
    });
    if (answer?.kind !== 'pushPull') throw new Error('no push/pull');
    const state = decodeSerf(answer.userState);
    if (!state.ok || state.value.kind !== 'pushPull') throw new Error('no Serf push/pull');
    expect([...state.value.statusLTimes.keys()].sort()).toEqual(['n1', 'n2', 'n3']);
    expect(state.value.events).toMatchObject([{ lTime: 1n, events: [{ name: 'deploy' }] }]);
    expect(state.value.eventLTime).toBe(2n);
  });

  it('finds its cluster again after a cut that is longer than anybody remembers it', () => {
    const serf = { ...SERF, failedTimeout: 60_000 };
    for (const size of [2, 5, 12]) {
      const cluster = new Cluster(size);
      const nodes = cluster.grow(size, { serf });
      const here = new Set(nodes.slice(0, Math.ceil(size / 3)));
      cluster.reaches = (from, to) => here.has(from) === here.has(to);
      const forgotten = (node: TestNode): boolean =>
        nodes.every(
          (other) => here.has(node) === here.has(other) || status(node, other.name) === undefined,
        );
      cluster.until(() => nodes.every(forgotten), 600_000);
      cluster.pass(60_000);
      cluster.reaches = () => true;
      cluster.until(
        () =>
          nodes.every(({ serf }) =>
            nodes.every(({ name }) => serf.member(name)?.status === 'alive'),
          ),
        60_000,
      );
    }
  });

  it('finds its cluster again by its snapshot, and hears nothing twice', () => {
    const cluster = new Cluster(11);
    const nodes = cluster.grow(4);
    const [a, b] = nodes as [TestNode, TestNode];
    a.serf.userEvent('before', bytes(''));
    cluster.pass(2_000);
    const snapshot = parseRemembered(JSON.parse(JSON.stringify(b.serf.snapshot())));
    if (!snapshot.ok) throw new Error(snapshot.problem);
    expect(snapshot.remembered.members.map(({ name }) => name).sort()).toEqual(['n1', 'n3', 'n4']);
    b.stopped = true;
    a.serf.userEvent('meanwhile', bytes(''));
    cluster.pass(2_000);
    const again = cluster.add('n2', { at: 2, remembered: snapshot.remembered });
    cluster.until(() => nodes.every((node) => node === b || status(node, 'n2') === 'alive'), 5_000);
    cluster.until(() => again.serf.members().length === 4, 5_000);
    cluster.pass(2_000);
    const heard = again.told.flatMap((event) => (event.kind === 'event' ? [event.name] : []));
    expect(heard).toEqual(['meanwhile']);
  });

  it('does not go back after it has left on purpose', () => {
    const cluster = new Cluster(12);
    const [a, b] = cluster.grow(2) as [TestNode, TestNode];
    let done = false;
    b.serf.leave(() => (done = true));
    cluster.until(() => done);
    b.stopped = true;
    const again = cluster.add('n2', { at: 2, remembered: b.serf.snapshot() });
    cluster.pass(120_000);
    expect(again.serf.members()).toHaveLength(1);
    expect(status(a, 'n2')).toBe('left');
  });

  it('finds seeds that come up later', () => {
    const cluster = new Cluster(13);
    const at = { addr: Uint8Array.of(10, 0, 0, 2), port: 7946 };
    const a = cluster.add('a', { seeds: () => [at] });
    cluster.pass(30_000);
    cluster.add('b', { at: 2 });
    cluster.until(() => a.serf.members().length === 2, 60_000);
  });

  it('reports who uses its name elsewhere, and whether the others take that one for it', () => {
    const cluster = new Cluster(14);
    const nodes = cluster.grow(4);
    const twin = cluster.add('n2', { at: 99 });
    twin.serf.join(
      nodes.map(({ endpoint }) => endpoint),
      () => {},
    );
    const conflict = (node: TestNode): unknown => node.told.find(({ kind }) => kind === 'conflict');
    cluster.until(
      () => conflict(twin) !== undefined && conflict(nodes[1] as TestNode) !== undefined,
    );
    expect(conflict(twin)).toMatchObject({ name: 'n2', vote: { ours: 0, lost: true } });
    expect(conflict(nodes[1] as TestNode)).toMatchObject({ name: 'n2', vote: { lost: false } });
    expect(conflict(nodes[0] as TestNode)).toMatchObject({ name: 'n2', vote: undefined });
    cluster.pass(30_000);
    const reports = nodes[1]?.told.filter(({ kind }) => kind === 'conflict');
    expect(reports).toHaveLength(1);
  });

  it('lets weft members say more to each other, and nobody else', () => {
    const cluster = new Cluster(15);
    const extension = (): Extension & { heard: Set<string>; changed: string[] } => {
      const heard = new Set<string>();
      const changed: string[] = [];
      return {
        type: 0x77,
        heard,
        changed,
        user: (payload) => heard.add(Buffer.from(payload.subarray(1)).toString()),
        broadcasts: (room, to) =>
          room < 20 ? [] : [Uint8Array.of(8, 0x77, ...bytes(`for ${to.name}`))],
        memberChanged: ({ name }, change) => changed.push(`${name} ${change}`),
      };
    };
    const [one, two, three] = [extension(), extension(), extension()];
    const weft = new Map([['weft', '1']]);
    const a = cluster.add('a', { tags: weft, extension: one });
    const b = cluster.add('b', { tags: weft, extension: two });
    const c = cluster.add('c', { extension: three });
    for (const { serf } of [b, c]) serf.join([a.endpoint], () => {});
    cluster.pass(20_000);
    a.serf.swim.sendUser(b.endpoint, Uint8Array.of(0x77, ...bytes('direct')));
    cluster.pass(100);
    expect([...one.heard]).toEqual(['for a']);
    expect([...two.heard].sort()).toEqual(['direct', 'for b']);
    expect([...three.heard]).toEqual([]);
    expect(one.changed).toEqual(['a join', 'b join', 'c join']);
    expect(c.serf.counts.refused).toEqual({});
  });
});
