import { beforeEach, describe, expect, it } from 'vitest';
import { encodeMessage, NIL_BYTES, PART_OVERHEAD, type Message } from '../codec/index.ts';
import { endpoint, Net, SERF_VSN, textBytes, type Host, type Sent } from './testing.ts';

let net: Net;
let self: Host;

function alive(index: number, meta: Uint8Array = NIL_BYTES): Message {
  const claim = { kind: 'alive', node: `n${index}`, incarnation: 1, vsn: SERF_VSN } as const;
  return { ...claim, meta, ...endpoint(index) };
}

function hear(message: Message): void {
  self.swim.packet(endpoint(250), message);
}

/** The packets of gossip that went to each address, when. */
function rounds(): Map<number, Sent[]> {
  const byTime = new Map<number, Sent[]>();
  for (const each of net.sent) {
    if (each.from !== self.index || !each.crc) continue;
    byTime.set(each.time, [...(byTime.get(each.time) ?? []), each]);
  }
  return byTime;
}

beforeEach(() => {
  net = new Net();
  self = net.add(1);
});

describe('gossip', () => {
  it('leaves at once, and then once an interval, to three others', () => {
    for (let index = 2; index <= 12; index++) hear(alive(index));
    net.run(5_000);
    net.sent = [];
    hear(alive(13));
    const start = net.now;
    net.run(250);
    const times = [...rounds().keys()].map((time) => time - start);
    expect(times).toEqual([0, 200]);
    for (const packets of rounds().values())
      expect(new Set(packets.map(({ to }) => to.addr[3])).size).toBe(3);
  });

  it('waits for the interval when the last round is not long ago', () => {
    for (let index = 2; index <= 4; index++) hear(alive(index));
    net.run(50);
    net.sent = [];
    hear(alive(8));
    const start = net.now;
    net.run(400);
    expect([...rounds().keys()][0]).toBe(start + 150);
  });

  it('tells each news 12 times in a small cluster, and then rests', () => {
    for (let index = 2; index <= 8; index++) hear(alive(index));
    net.run(900);
    const tellings = net.sent.filter(
      ({ from, message }) =>
        from === self.index && message.kind === 'alive' && message.node === 'n5',
    );
    expect(tellings).toHaveLength(12);
    expect(self.swim.queued).toBe(0);
  });

  it('goes to suspects and to the newly dead, and not to who has left', () => {
    for (const index of [2, 3, 4]) hear(alive(index));
    hear({ kind: 'suspect', node: 'n2', incarnation: 1, from: 'n9' });
    hear({ kind: 'dead', node: 'n3', incarnation: 1, from: 'n9' });
    hear({ kind: 'dead', node: 'n4', incarnation: 1, from: 'n4' });
    net.run(10);
    const told = [...rounds().values()].flat().map(({ to }) => to.addr[3]);
    expect(new Set(told)).toEqual(new Set([2, 3]));
  });

  it('keeps packets within their size, the delegate taking what is left', () => {
    const sizes = new Map<number, number>();
    const offered: number[] = [];
    self.delegate.broadcasts = (room) => {
      offered.push(room);
      return [encodeMessage({ kind: 'user', payload: new Uint8Array(room - PART_OVERHEAD - 1) })];
    };
    for (let index = 2; index <= 60; index++) hear(alive(index, textBytes('x'.repeat(index * 8))));
    net.run(3_000);
    for (const { packet, message } of net.sent)
      sizes.set(packet, (sizes.get(packet) ?? 2) + encodeMessage(message).length + PART_OVERHEAD);
    expect(offered.length).toBeGreaterThan(0);
    expect(Math.max(...sizes.values())).toBe(1_400);
  });

  it('rides on pings and acks', () => {
    net.add(2);
    hear(alive(2));
    net.run(3_000);
    net.sent = [];
    self.delegate.queued = [encodeMessage({ kind: 'user', payload: textBytes('news') })];
    net.runUntil(() => net.sentBy(self, 'user').length > 0, 3_000);
    const [news] = net.sentBy(self, 'user');
    const company = net.sent.filter(({ packet }) => packet === news?.packet);
    expect(['ping', 'ack']).toContain(company[0]?.message.kind);
  });

  it('does not keep what fits no packet', () => {
    const { queued } = self.swim;
    hear({ ...alive(2), node: 'x'.repeat(1_000), meta: new Uint8Array(500) } as Message);
    expect(self.swim.members.size).toBe(2);
    expect(self.swim.queued).toBe(queued);
  });

  it('has a CRC for those who understand it only', () => {
    hear({ ...alive(2), vsn: Uint8Array.of(1, 4, 2, 2, 5, 5) } as Message);
    net.run(10);
    expect(net.sent.map(({ crc }) => crc)).not.toContain(true);
  });

  it('leaves room in no round for what takes part in none', () => {
    net.run(60_000);
    expect(net.sent).toEqual([]);
    expect(self.timers.due - net.now).toBeGreaterThan(0);
  });
});

describe('user messages', () => {
  it('go alone, with a CRC to a member, without to an address', () => {
    hear(alive(2));
    net.run(5_000);
    net.sent = [];
    const member = self.swim.members.get('n2');
    if (member !== undefined) self.swim.sendUser(member, textBytes('a'));
    self.swim.sendUser(endpoint(2), textBytes('b'));
    expect(net.sentBy(self, 'user')).toMatchObject([{ crc: true }, { crc: false }]);
  });

  it('go by stream, and tell what became of them', () => {
    const other = net.add(2);
    const told: (string | undefined)[] = [];
    self.swim.sendUserStream(endpoint(2), textBytes('long'), (problem) => told.push(problem));
    self.swim.sendUserStream(endpoint(3), textBytes('lost'), (problem) => told.push(problem));
    net.run(20_000);
    expect(other.delegate.told).toContain('user long');
    expect(told).toEqual([undefined, 'no answer']);
  });
});
