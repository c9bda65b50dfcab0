import { beforeEach, describe, expect, it } from 'vitest';
import { NIL_BYTES, type NodeRecord, type StreamMessage } from '../codec/index.ts';
import { endpoint, Net, SERF_VSN, textBytes, type Host } from './testing.ts';

let net: Net;
let self: Host;

function record(index: number, state: number, more: Partial<NodeRecord> = {}): NodeRecord {
  const claim = { name: `n${index}`, incarnation: 1, meta: NIL_BYTES, vsn: SERF_VSN };
  return { ...claim, state, ...endpoint(index), ...more };
}

function exchange(nodes: NodeRecord[], more: { join?: boolean; userState?: Uint8Array } = {}) {
  const message = { kind: 'pushPull', join: false, userState: NIL_BYTES, nodes, ...more } as const;
  return self.swim.request(endpoint(9), message) as Extract<StreamMessage, { kind: 'pushPull' }>;
}

const state = (name: string): string | undefined => self.swim.members.get(name)?.state;

beforeEach(() => {
  net = new Net();
  self = net.add(1);
});

describe('a push/pull', () => {
  it('is answered with what we knew before', () => {
    self.delegate.state = textBytes('ours');
    const answer = exchange([record(2, 0)], { join: true });
    expect(answer).toMatchObject({ join: true, userState: textBytes('ours') });
    expect(answer.nodes).toMatchObject([{ name: 'n1', state: 0, incarnation: 1, vsn: SERF_VSN }]);
    expect(state('n2')).toBe('alive');
    expect(exchange([]).nodes.map(({ name }) => name)).toEqual(['n1', 'n2']);
  });

  it('makes us suspect whom others suspect or take for dead, and believe who has left', () => {
    exchange([2, 3, 4, 5].map((index) => record(index, 0)));
    exchange([record(2, 1), record(3, 2), record(4, 3), record(5, 9), record(6, 2)]);
    expect(['n2', 'n3', 'n4', 'n5', 'n6'].map(state)).toEqual([
      'suspect',
      'suspect',
      'left',
      'alive',
      undefined,
    ]);
    expect(exchange([]).nodes.map((node) => node.state)).toEqual([0, 1, 1, 3, 0]);
  });

  it('brings the state of the application', () => {
    exchange([], { userState: textBytes('theirs'), join: true });
    exchange([], { userState: NIL_BYTES });
    expect(self.delegate.told).toEqual(['merge theirs true']);
  });

  it('is refused as a whole when versions do not agree', () => {
    const plain = record(3, 0, { vsn: Uint8Array.of(1, 5, 2, 0, 0, 0) });
    const answer = exchange([record(2, 0), plain], { userState: textBytes('theirs') });
    expect(answer.nodes).toHaveLength(1);
    expect(self.swim.members.size).toBe(1);
    expect(self.delegate.told).toEqual([]);
    expect(self.swim.counts.mergesRefused).toBe(1);
  });

  it('lets us refute what others believe of us', () => {
    exchange([record(1, 2, { incarnation: 4 })]);
    expect(self.swim.members.get('n1')).toMatchObject({ state: 'alive', incarnation: 5 });
  });

  it('with an error as its answer tells so', () => {
    const problems: (string | undefined)[] = [];
    self.swim.join(endpoint(2), (problem) => problems.push(problem));
    self.swim.join(endpoint(2), (problem) => problems.push(problem));
    self.swim.join(endpoint(2), (problem) => problems.push(problem));
    const [first, second, third] = net.dials;
    self.swim.answered(first?.id ?? 0, { kind: 'err', error: 'go away' });
    self.swim.answered(second?.id ?? 0, undefined);
    self.swim.failed(third?.id ?? 0, 'refused');
    self.swim.failed(third?.id ?? 0, 'told twice');
    expect(problems).toEqual([
      'it refused: go away',
      'it answered with something else than its state',
      'refused',
    ]);
  });

  it('fails at once when too many streams are under way', () => {
    let problems = 0;
    for (let count = 0; count < 300; count++) self.swim.join(endpoint(2), () => problems++);
    expect(problems).toBe(300 - 256);
  });

  it('comes once in 30 s, more seldom in a large cluster', () => {
    net.add(2).swim.join(endpoint(1), () => {});
    net.run(30_000);
    const count = (): number =>
      net.dials.filter(({ from, message }) => from === 1 && message.kind === 'pushPull').length;
    const before = count();
    net.run(300_000);
    expect(count() - before).toBe(10);
    exchange(Array.from({ length: 70 }, (_, index) => record(100 + index, 0)));
    net.run(90_000);
    const later = count();
    net.run(5_000);
    exchange([record(2, 0)]);
    expect(count() - later).toBeLessThanOrEqual(1);
  });
});
