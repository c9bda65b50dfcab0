import { describe, expect, it } from 'vitest';
import { encodeSerf, NIL_BYTES } from '../codec/index.ts';
import { Cluster, type TestNode } from './cluster.ts';
import type { IncomingQuery, QueryOptions } from './face.ts';
import { TEST_TIMEOUT } from './testing.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function heard({ told }: TestNode): IncomingQuery[] {
  return told.filter((event) => event.kind === 'query');
}

/** Every member answers with its name. */
function answering(cluster: Cluster, count: number): TestNode[] {
  const nodes = cluster.grow(count);
  const answer = (): void => {
    for (const node of nodes) for (const query of heard(node)) query.respond(bytes(node.name));
    cluster.timers.after(5, answer);
  };
  answer();
  return nodes;
}

interface Outcome {
  acks: string[];
  answers: string[];
  took: number;
}

function ask(cluster: Cluster, { serf }: TestNode, options: QueryOptions): Outcome {
  const outcome: Outcome = { acks: [], answers: [], took: NaN };
  const start = cluster.timers.now;
  serf.query('uptime', options, {
    acked: (from) => outcome.acks.push(from),
    answered(from, payload) {
      expect(text(payload)).toBe(from);
      outcome.answers.push(from);
    },
    done: () => (outcome.took = cluster.timers.now - start),
  });
  cluster.until(() => !Number.isNaN(outcome.took));
  return { ...outcome, acks: outcome.acks.sort(), answers: outcome.answers.sort() };
}

describe('queries', { timeout: TEST_TIMEOUT }, () => {
  it('are acknowledged and answered by all, each once, and end at the default timeout', () => {
    const cluster = new Cluster(1);
    const nodes = answering(cluster, 5);
    const all = nodes.map(({ name }) => name);
    expect(ask(cluster, nodes[2] as TestNode, { ack: true })).toEqual({
      acks: all,
      answers: all,
      took: 3_200,
    });
    for (const node of nodes)
      expect(heard(node)).toMatchObject([{ name: 'uptime', from: 'n3', lTime: 1n }]);
  });

  it('go only to the members that are meant, and further all the same', () => {
    const cluster = new Cluster(2);
    const nodes = answering(cluster, 6);
    nodes[1]?.serf.setTags(new Map([['role', 'web-1']]));
    nodes[4]?.serf.setTags(new Map([['role', 'web-2']]));
    const asker = nodes[0] as TestNode;
    expect(ask(cluster, asker, { nodes: ['n2', 'n4'] }).answers).toEqual(['n2', 'n4']);
    expect(ask(cluster, asker, { tags: new Map([['role', '^web-']]) }).answers).toEqual([
      'n2',
      'n5',
    ]);
    expect(ask(cluster, asker, { nodes: ['n2'], tags: new Map([['role', '2$']]) }).answers).toEqual(
      [],
    );
    expect(nodes.map(({ serf }) => serf.counts.queries)).toEqual([3, 3, 3, 3, 3, 3]);
  });

  it('are answered over others where the direct way is cut, and counted once where it is not', () => {
    const cluster = new Cluster(3);
    const nodes = answering(cluster, 6);
    const all = nodes.map(({ name }) => name);
    cluster.twice = 0.5;
    const asker = nodes[0] as TestNode;
    cluster.reaches = (from, to) => !(from.name === 'n6' && to.name === 'n1');
    const { acks, answers } = ask(cluster, asker, { ack: true, relays: 3 });
    expect([acks, answers]).toEqual([all, all]);
  });

  it('reach all under loss', () => {
    const cluster = new Cluster(4);
    const nodes = answering(cluster, 10);
    cluster.loss = 0.2;
    ask(cluster, nodes[0] as TestNode, { relays: 5 });
    expect(nodes.map((node) => heard(node).length)).toEqual(nodes.map(() => 1));
  });

  it('are refused with a sentence when they are too long, have a bad filter, or are too many', () => {
    const cluster = new Cluster(5);
    const [node] = cluster.grow(1) as [TestNode];
    const query = (options: QueryOptions): unknown => node.serf.query('q', options);
    expect(() => query({ payload: new Uint8Array(1_000) })).toThrow(/takes \d+ bytes; 1024 may be/);
    expect(() => query({ tags: new Map([['a', '(']]) })).toThrow(/not understood/);
    for (let i = 0; i < 256; i++) query({});
    expect(() => query({})).toThrow(/256 queries are running/);
    cluster.pass(5_000);
    expect(() => query({})).not.toThrow();
  });

  it('take an answer that is short enough, in time, and the first one only', () => {
    const cluster = new Cluster(6);
    const [a, b] = cluster.grow(2) as [TestNode, TestNode];
    const answers: string[] = [];
    const { deadline } = a.serf.query(
      'q',
      { nodes: ['n2'], timeout: 1_000 },
      { answered: (_, payload) => answers.push(text(payload)) },
    );
    cluster.until(() => heard(b).length === 1);
    const [query] = heard(b) as [IncomingQuery];
    expect(() => query.respond(new Uint8Array(1_024))).toThrow(/1024 may be/);
    query.respond(bytes('one'));
    query.respond(bytes('two'));
    cluster.pass(100);
    expect(answers).toEqual(['one']);
    expect(deadline).toBeLessThanOrEqual(cluster.timers.now + 1_000);
  });

  it('end when they are closed, and hear nothing after that', () => {
    const cluster = new Cluster(7);
    const nodes = answering(cluster, 3);
    const said: string[] = [];
    const query = (nodes[0] as TestNode).serf.query(
      'q',
      {},
      {
        answered(from) {
          said.push(from);
          query.close();
        },
        done: () => said.push('done'),
      },
    );
    cluster.pass(10_000);
    expect(said).toHaveLength(2);
    expect(said[1]).toBe('done');
  });

  it('are not carried on to strangers', () => {
    const cluster = new Cluster(8);
    const [a, b] = cluster.grow(2) as [TestNode, TestNode];
    const stranger = cluster.add('x');
    const message = encodeSerf({
      kind: 'queryResponse',
      lTime: 1n,
      id: 1,
      from: 'n1',
      flags: 0,
      payload: NIL_BYTES,
    });
    const relay = (to: TestNode, destName: string): Uint8Array =>
      encodeSerf({
        kind: 'relay',
        destAddr: { ip: to.endpoint.addr, port: to.endpoint.port, zone: '' },
        destName,
        message,
      });
    a.serf.swim.sendUser(b.endpoint, relay(stranger, 'x'));
    a.serf.swim.sendUser(b.endpoint, relay(stranger, 'n1'));
    cluster.pass(10);
    expect(b.serf.counts.refused).toEqual({ malformed: 2 });
    a.serf.swim.sendUser(b.endpoint, relay(a, 'n1'));
    cluster.pass(10);
    expect(b.serf.counts.refused).toEqual({ malformed: 2 });
  });

  it('of Serf for itself are told to nobody', () => {
    const cluster = new Cluster(9);
    const nodes = cluster.grow(3);
    const acks: string[] = [];
    nodes[0]?.serf.query('_serf_ping', { ack: true }, { acked: (from) => acks.push(from) });
    nodes[0]?.serf.query('_serf_from-the-future');
    cluster.pass(3_300);
    expect(acks.sort()).toEqual(['n1', 'n2', 'n3']);
    expect(nodes.flatMap(heard)).toEqual([]);
  });
});
