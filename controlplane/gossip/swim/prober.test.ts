import { beforeEach, describe, expect, it } from 'vitest';
import { NIL_BYTES, type Message } from '../codec/index.ts';
import { endpoint, Net, SERF_VSN, textBytes, type Host } from './testing.ts';

type Ping = Extract<Message, { kind: 'ping' }>;

let net: Net;
let self: Host;

/** A member that is nowhere. */
function meet(index: number, vsn = SERF_VSN): void {
  const node = `n${index}`;
  const claim = { kind: 'alive', node, incarnation: 1, meta: NIL_BYTES, vsn } as const;
  self.swim.packet(endpoint(index), { ...claim, ...endpoint(index) });
}

function hear(index: number, message: Message): void {
  self.swim.packet(endpoint(index), message);
}

const streamPings = () => net.dials.filter(({ message }) => message.kind === 'ping');

/** Until our next ping; which one. */
function nextPing(): Ping {
  net.sent = [];
  net.runUntil(() => net.sentBy(self, 'ping').length > 0, 5_000);
  return net.sentBy(self, 'ping')[0]?.message as Ping;
}

beforeEach(() => {
  net = new Net();
  self = net.add(1);
});

describe('a probe', () => {
  it('is a ping that says who we are, and is over with its answer', () => {
    meet(2);
    const ping = nextPing();
    expect(ping).toMatchObject({ node: 'n2', sourceNode: 'n1', sourceAddr: endpoint(1).addr });
    expect(ping.sourcePort).toBe(7946);
    net.now += 20;
    self.timers.advance(net.now);
    hear(2, { kind: 'ack', seqNo: ping.seqNo, payload: textBytes('there') });
    hear(2, { kind: 'ack', seqNo: ping.seqNo, payload: textBytes('again') });
    expect(self.delegate.told).toContain('acked n2 20 there');
    expect(self.delegate.told).not.toContain('acked n2 20 again');
    net.run(900);
    expect(net.sentBy(self, 'indirectPing')).toEqual([]);
    expect(self.swim.counts).toMatchObject({ probes: 1, probeFailures: 0 });
  });

  it('pings again where no answer comes, which is no measure of distance then', () => {
    for (const index of [2, 3]) meet(index);
    const { node, seqNo } = nextPing();
    const start = net.now;
    net.sent = [];
    net.run(800);
    const again = net
      .sentBy(self, 'ping')
      .filter(({ message }) => message.seqNo === seqNo)
      .map(({ message, time }) => [message.node, time - start]);
    expect(again).toEqual([
      [node, 250],
      [node, 500],
      [node, 750],
    ]);
    hear(Number(node.slice(1)), { kind: 'ack', seqNo, payload: NIL_BYTES });
    expect(self.swim.members.get(node)?.state).toBe('alive');
    const early = nextPing();
    net.run(300);
    hear(Number(early.node.slice(1)), { kind: 'ack', seqNo: early.seqNo, payload: NIL_BYTES });
    expect(self.delegate.told.filter((text) => text.startsWith('acked'))).toEqual([]);
    net.sent = [];
    net.run(400);
    expect(net.sentBy(self, 'ping').filter(({ message }) => message.seqNo === early.seqNo)).toEqual(
      [],
    );
  });

  it('asks three others, and by stream, when there is no answer in time', () => {
    for (const index of [2, 3, 4, 5, 6]) meet(index);
    const { node, seqNo } = nextPing();
    const start = net.now;
    net.run(499);
    expect(net.sentBy(self, 'indirectPing')).toEqual([]);
    net.run(1);
    const asked = net.sentBy(self, 'indirectPing');
    expect(asked).toHaveLength(3);
    const target = endpoint(Number(node.slice(1))).addr;
    for (const { message, to, time } of asked) {
      expect(message).toMatchObject({ seqNo, node, target, port: 7946, nack: true });
      expect(message.sourceNode).toBe('n1');
      expect(to.addr).not.toEqual(target);
      expect(time).toBe(start + 500);
    }
    expect(streamPings()).toMatchObject([
      { to: { addr: target }, message: { kind: 'ping', node, seqNo }, answer: true, timeout: 500 },
    ]);
    net.run(500);
    expect(self.swim.members.get(node)?.state).toBe('suspect');
    expect(net.now - start).toBe(1_000);
  });

  it('asks no old member for a nack, and pings no old one by stream', () => {
    for (const index of [2, 3, 4]) meet(index, Uint8Array.of(1, 2, 2, 2, 5, 5));
    nextPing();
    net.run(501);
    expect(net.sentBy(self, 'indirectPing').map(({ message }) => message.nack)).toEqual([
      false,
      false,
    ]);
    expect(streamPings()).toEqual([]);
  });

  it('is over with an answer that comes over others, which is no measure of distance', () => {
    for (const index of [2, 3, 4]) meet(index);
    const { node, seqNo } = nextPing();
    net.run(600);
    hear(3, { kind: 'ack', seqNo, payload: NIL_BYTES });
    net.run(500);
    expect(self.swim.members.get(node)?.state).toBe('alive');
    expect(self.delegate.told.filter((text) => text.startsWith('acked'))).toEqual([]);
  });

  it('is over with an answer by stream', () => {
    meet(2);
    const { seqNo } = nextPing();
    net.run(501);
    const [dial] = streamPings();
    self.swim.answered(dial?.id ?? 0, { kind: 'ack', seqNo, payload: NIL_BYTES });
    net.run(300);
    expect(self.swim.members.get('n2')?.state).toBe('alive');
    expect(self.swim.counts.streamOnlyProbes).toBe(1);
  });

  it('that fails is our fault as far as nacks are missing', () => {
    for (const index of [2, 3, 4, 5]) meet(index);
    const { seqNo } = nextPing();
    net.run(600);
    hear(3, { kind: 'nack', seqNo });
    net.run(401);
    expect(self.swim.counts).toMatchObject({ probeFailures: 1, awareness: 2 });
  });

  it('that fails with all nacks is not our fault', () => {
    for (const index of [2, 3, 4, 5]) meet(index);
    const { seqNo } = nextPing();
    net.run(600);
    for (const index of [3, 4, 5]) hear(index, { kind: 'nack', seqNo });
    net.run(401);
    expect(self.swim.counts).toMatchObject({ probeFailures: 1, awareness: 0 });
  });

  it('that fails with nobody to ask is our fault', () => {
    meet(2);
    nextPing();
    net.run(1_001);
    expect(self.swim.counts.awareness).toBe(1);
  });

  it('has longer while we do badly, and better when it succeeds', () => {
    meet(2);
    nextPing();
    net.run(1_001);
    const again = nextPing();
    const start = net.now;
    net.run(1_900);
    expect(self.swim.counts).toMatchObject({ probeFailures: 1, awareness: 1 });
    hear(2, { kind: 'ack', seqNo: again.seqNo, payload: NIL_BYTES });
    expect(self.swim.counts).toMatchObject({ probeFailures: 1, awareness: 0 });
    expect(net.now - start).toBe(1_900);
  });

  it('of a suspect tells it so in the same packet, with nothing else', () => {
    meet(2);
    hear(9, { kind: 'suspect', node: 'n2', incarnation: 1, from: 'n9' });
    const { seqNo } = nextPing();
    const [ping] = net.sentBy(self, 'ping');
    const packet = net.sent.filter((each) => each.packet === ping?.packet);
    expect(packet).toMatchObject([
      { crc: true, message: { kind: 'ping', seqNo } },
      { crc: true, message: { kind: 'suspect', node: 'n2', incarnation: 1, from: 'n1' } },
    ]);
  });

  it('does not accuse whoever has refuted it meanwhile', () => {
    meet(2);
    nextPing();
    net.run(800);
    const claim = { kind: 'alive', node: 'n2', meta: NIL_BYTES, vsn: SERF_VSN } as const;
    hear(2, { ...claim, ...endpoint(2), incarnation: 2 });
    net.run(201);
    expect(self.swim.members.get('n2')).toMatchObject({ state: 'alive', incarnation: 2 });
  });
});

describe('who is probed', () => {
  it('is each of the others in as many seconds, at most one a second', () => {
    for (let index = 2; index <= 6; index++) net.add(index);
    for (const { swim, index } of net.hosts) if (index > 1) swim.join(endpoint(1), () => {});
    net.run(5_000);
    net.sent = [];
    net.run(5_000);
    const targets = net.sentBy(self, 'ping').map(({ message }) => message.node);
    expect(new Set(targets).size).toBe(5);
    expect(targets.length).toBe(5);
  });

  it('is each member by one other in each second', () => {
    const hosts = net.cluster(7);
    net.run(3_000 - (net.now % 1_000));
    net.sent = [];
    net.run(1_000);
    const targets = hosts.flatMap((host) =>
      net.sentBy(host, 'ping').map(({ message }) => message.node),
    );
    expect(targets.toSorted()).toEqual(hosts.map(({ name }) => name).toSorted());
  });

  it('is nobody that is dead or left', () => {
    meet(2);
    meet(3);
    hear(9, { kind: 'dead', node: 'n2', incarnation: 1, from: 'n9' });
    hear(9, { kind: 'dead', node: 'n3', incarnation: 1, from: 'n3' });
    net.run(5_000);
    expect(self.swim.counts.probes).toBe(0);
  });
});

describe('a suspicion of somebody else', () => {
  it('is looked into at once, and confirmed', () => {
    const hosts = net.cluster(5);
    const [first, victim, accuser] = hosts as [Host, Host, Host];
    self = first;
    const isProbed = (): boolean =>
      net.sentBy(self, 'ping').some(({ message }) => message.node === victim.name);
    net.run(2_000);
    net.sent = [];
    // Its next turn is far, then.
    net.runUntil(isProbed, 10_000);
    net.run(100);
    victim.dead = true;
    const { incarnation = 0 } = self.swim.members.get(victim.name) ?? {};
    const { confirmationProbes } = self.swim.counts;
    hear(accuser.index, { kind: 'suspect', node: victim.name, incarnation, from: accuser.name });
    net.run(310);
    expect(self.swim.counts.confirmationProbes).toBe(confirmationProbes + 1);
    net.run(1_100);
    const confirmed = net.sentBy(self, 'suspect').some(({ message }) => message.from === self.name);
    expect(confirmed).toBe(true);
  });

  it('is not confirmed by one who hears nobody', () => {
    net.cluster(6);
    net.run(2_000);
    const [first, victim] = net.hosts as [Host, Host];
    self = first;
    net.passes = (_from, to) => to !== self.index;
    const { incarnation = 0 } = self.swim.members.get(victim.name) ?? {};
    hear(99, { kind: 'suspect', node: victim.name, incarnation, from: 'somebody' });
    net.run(1_400);
    expect(self.swim.counts).toMatchObject({ confirmationProbes: 1, confirmations: 0 });
  });
});

describe('a ping for somebody else', () => {
  const asked = {
    kind: 'indirectPing',
    seqNo: 77,
    target: endpoint(3).addr,
    port: 0,
    node: 'n3',
    nack: true,
    sourceAddr: endpoint(2).addr,
    sourcePort: 7946,
    sourceNode: 'n2',
  } as const;

  it('is answered with an ack under its number', () => {
    net.add(3);
    hear(2, asked);
    const [ping] = net.sentBy(self, 'ping');
    expect(ping).toMatchObject({ to: endpoint(3), message: { node: 'n3', sourceNode: 'n1' } });
    expect(ping?.message.seqNo).not.toBe(77);
    net.run(10);
    expect(net.sentBy(self, 'ack')).toMatchObject([
      { to: endpoint(2), message: { seqNo: 77, payload: NIL_BYTES } },
    ]);
    net.run(1_000);
    expect(net.sentBy(self, 'nack')).toEqual([]);
  });

  it('is answered with a nack if that is wanted, in time for the verdict of whoever asks', () => {
    hear(2, asked);
    hear(4, { ...asked, seqNo: 78, nack: false });
    net.run(399);
    expect(net.sentBy(self, 'nack')).toEqual([]);
    net.run(2);
    expect(net.sentBy(self, 'nack')).toMatchObject([{ to: endpoint(2), message: { seqNo: 77 } }]);
  });

  it('is ignored beyond the bound', () => {
    for (let count = 0; count < 2_000; count++) hear(2, asked);
    expect(net.sentBy(self, 'ping')).toHaveLength(1_024);
    expect(self.swim.counts.ignored).toBe(2_000 - 1_024);
  });
});

describe('a ping', () => {
  const ping = {
    kind: 'ping',
    seqNo: 5,
    node: 'n1',
    sourceAddr: NIL_BYTES,
    sourcePort: 0,
    sourceNode: '',
  } as const;

  it('is answered to where it says, else to where it comes from', () => {
    hear(2, ping);
    hear(2, { ...ping, sourceAddr: endpoint(3).addr, sourcePort: 7 });
    const [first, second] = net.sentBy(self, 'ack');
    expect(first).toMatchObject({ to: endpoint(2), crc: false, message: { seqNo: 5 } });
    expect(first?.message.payload).toEqual(textBytes('ack'));
    expect(second?.to).toEqual({ addr: endpoint(3).addr, port: 7 });
  });

  it('for whoever gets it is answered, for somebody else not', () => {
    hear(2, { ...ping, node: '' });
    hear(2, { ...ping, node: 'n9' });
    expect(net.sentBy(self, 'ack')).toHaveLength(1);
    expect(self.swim.request(endpoint(2), { ...ping, node: 'n9' })).toBeUndefined();
    expect(self.swim.request(endpoint(2), ping)).toEqual({
      kind: 'ack',
      seqNo: 5,
      payload: NIL_BYTES,
    });
  });

  it('of a stranger has us ask whom it knows, once a second', () => {
    for (const node of ['a', 'b', 'c']) hear(2, { ...ping, sourceNode: node });
    expect(net.dials).toMatchObject([
      { to: endpoint(2), message: { kind: 'pushPull', join: true } },
    ]);
    net.run(1_000);
    hear(2, { ...ping, sourceNode: 'd' });
    expect(net.dials).toHaveLength(2);
  });

  it('of one whom we take for dead tells it so', () => {
    meet(2);
    hear(9, { kind: 'dead', node: 'n2', incarnation: 1, from: 'n9' });
    net.sent = [];
    hear(2, { ...ping, sourceNode: 'n2' });
    hear(2, { ...ping, sourceNode: 'n2' });
    const told = net.sentBy(self, 'dead').filter(({ to, crc }) => to.addr[3] === 2 && crc);
    expect(told).toHaveLength(1);
  });
});
