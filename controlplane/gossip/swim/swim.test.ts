import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { META_LIMIT, NIL_BYTES, type Message, type NodeRecord } from '../codec/index.ts';
import { endpoint, Net, SERF_VSN, textBytes, type Host } from './testing.ts';

function othersOf(net: Net, host: Host): Host[] {
  return net.hosts.filter((other) => other !== host);
}

/** What the others believe of it, each state once. */
function views(net: Net, host: Host): (string | undefined)[] {
  return [...new Set(othersOf(net, host).map((other) => net.state(other, host)))];
}

function deathsTold(net: Net): string[] {
  return net.hosts.flatMap(({ delegate }) =>
    delegate.told.filter((text) => text.startsWith('dead')),
  );
}

describe('a cluster', () => {
  it('knows who joins within a second, everywhere', () => {
    const net = new Net();
    net.cluster(10);
    const late = net.add(99);
    late.swim.join(endpoint(3), () => {});
    const isKnown = (): boolean => net.hosts.every(({ swim }) => swim.members.size === 11);
    expect(net.runUntil(isKnown, 10_000)).toBeLessThan(1_000);
  });

  it.each([1, 2, 3, 4, 5])('knows who dies, soon and at about the same time (seed %i)', (seed) => {
    const net = new Net({ seed });
    const [victim, ...others] = net.cluster(10) as [Host, ...Host[]];
    net.run(5_000 + seed * 137);
    victim.dead = true;
    const isKnown = (): boolean => views(net, victim).join() === 'dead';
    const time = net.runUntil(isKnown, 60_000);
    // The least of a suspicion, a probe of a second, its turn within one more, and gossip.
    expect(time).toBeGreaterThan(5_000);
    expect(time).toBeLessThan(7_000);
    net.run(10_000);
    for (const host of others) expect(host.swim.members.alive).toBe(9);
  });

  it('forgets who is dead, and would take him anew', () => {
    const net = new Net();
    const [victim, ...others] = net.cluster(3) as [Host, ...Host[]];
    victim.dead = true;
    net.run(60_000);
    for (const { swim, delegate } of others) {
      expect(swim.members.get(victim.name)).toBeUndefined();
      expect(delegate.told).toContain(`reaped ${victim.name}`);
    }
    net.add(victim.index).swim.join(endpoint(1), () => {});
    net.run(2_000);
    expect(views(net, net.hosts[0] as Host)).toEqual(['alive']);
  });

  it('knows who leaves as left, within a second', () => {
    const net = new Net();
    const [first] = net.cluster(10) as [Host];
    net.run(3_000);
    let done = Infinity;
    const start = net.now;
    first.swim.leave(() => (done = net.now - start));
    expect(net.runUntil(() => views(net, first).join() === 'left', 10_000)).toBeLessThan(1_000);
    net.runUntil(() => done < Infinity, 10_000);
    expect(done).toBeLessThan(1_000);
    net.sent = [];
    first.swim.packet(endpoint(2), {
      kind: 'ping',
      seqNo: 1,
      node: first.name,
      sourceAddr: NIL_BYTES,
      sourcePort: 0,
      sourceNode: '',
    });
    expect(net.sentBy(first, 'ack')).toHaveLength(1);
    net.run(20_000);
    expect(views(net, first)).toEqual(['left']);
    expect(net.sentBy(first, 'ping')).toEqual([]);
  });

  it('of one is left at once; of the deaf after a while', () => {
    const net = new Net();
    const alone = net.add(1);
    let left = 0;
    alone.swim.leave(() => left++);
    alone.swim.leave(() => left++);
    expect(left).toBe(2);
    const [, second] = [net.add(2), net.add(3)];
    second.swim.join(endpoint(2), () => {});
    net.run(1_000);
    net.passes = () => false;
    second.swim.leave(() => left++);
    net.run(5_100);
    expect(left).toBe(3);
  });

  it('hears of new meta', () => {
    const net = new Net();
    const [first, second] = net.cluster(5) as [Host, Host];
    first.delegate.metaNow = textBytes('new');
    first.swim.updateMeta();
    net.run(1_000);
    expect(first.delegate.told).toContain(`updated ${first.name}`);
    expect(second.delegate.told).toContain(`updated ${first.name}`);
    expect(second.swim.members.get(first.name)?.meta).toEqual(textBytes('new'));
  });

  it('does not mind that two of its members do not hear each other', () => {
    const net = new Net();
    const hosts = net.cluster(6);
    const [a, b] = hosts as [Host, Host];
    const isCut = (from: number, to: number): boolean =>
      from + to === a.index + b.index && (from === a.index || from === b.index);
    net.passes = (from, to) => !isCut(from, to);
    net.run(120_000);
    expect(deathsTold(net)).toEqual([]);
    expect(a.swim.counts.suspicions + b.swim.counts.suspicions).toBe(0);
  });

  it('loses nobody although every third packet is lost', () => {
    const net = new Net();
    net.cluster(12);
    net.passes = (_from, _to, kind) => kind === 'dial' || net.random() > 0.3;
    net.run(120_000);
    expect(deathsTold(net)).toEqual([]);
  });
});

describe('a host that stood still', () => {
  it('for four seconds was never dead', () => {
    const net = new Net();
    const [first] = net.cluster(10) as [Host];
    net.run(5_000);
    first.frozenUntil = net.now + 4_000;
    net.run(15_000);
    expect(deathsTold(net)).toEqual([]);
    expect(views(net, first)).toEqual(['alive']);
  });

  it('tells each of the others that it lives', () => {
    const net = new Net();
    const [first, ...others] = net.cluster(20) as [Host, ...Host[]];
    net.run(5_000);
    first.frozenUntil = net.now + 3_000;
    net.run(2_999);
    net.sent = [];
    net.run(1);
    const told = new Set(net.sentBy(first, 'alive').map(({ to }) => net.at(to)));
    expect(told).toEqual(new Set(others));
  });

  it('for 20 s is alive everywhere within a second, and accuses nobody', () => {
    const net = new Net();
    const [first] = net.cluster(10) as [Host];
    net.run(5_000);
    const { suspicions } = first.swim.counts;
    first.frozenUntil = net.now + 20_000;
    net.run(20_000);
    expect(views(net, first)).toEqual(['dead']);
    expect(net.runUntil(() => views(net, first).join() === 'alive', 10_000)).toBeLessThan(1_000);
    net.run(30_000);
    expect(views(net, first)).toEqual(['alive']);
    expect(first.swim.counts).toMatchObject({ suspicions, stalls: 1 });
    expect(first.delegate.told.filter((text) => text.startsWith('dead'))).toEqual([]);
  });

  it('hears what happened meanwhile', () => {
    const net = new Net();
    const [first] = net.cluster(5) as [Host];
    net.run(2_000);
    first.frozenUntil = net.now + 10_000;
    net.run(5_000);
    net.add(77).swim.join(endpoint(2), () => {});
    net.passes = (_from, to) => to !== first.index;
    net.run(5_000);
    net.passes = () => true;
    expect(net.runUntil(() => first.swim.members.get('n77') !== undefined, 5_000)).toBeLessThan(
      500,
    );
  });
});

describe('a host that starts anew under its name', () => {
  const restarted = (net: Net): Host => {
    const [first] = net.cluster(8) as [Host];
    for (let count = 0; count < 4; count++) first.swim.updateMeta();
    net.run(3_000);
    return net.add(first.index, { name: first.name });
  };

  it('is alive everywhere within two seconds, without joining anywhere', () => {
    const net = new Net();
    const again = restarted(net);
    const isBack = (): boolean => {
      const { incarnation = 0, state } = again.swim.members.get(again.name) ?? {};
      const isSeen = othersOf(net, again).every(({ swim }) => {
        const seen = swim.members.get(again.name);
        return seen?.state === 'alive' && seen.incarnation === incarnation;
      });
      return state === 'alive' && incarnation > 5 && isSeen && again.swim.members.alive === 8;
    };
    expect(net.runUntil(isBack, 10_000)).toBeLessThan(2_000);
    expect(deathsTold(net)).toEqual([]);
  });

  it('is told by whomever it tells', () => {
    const net = new Net();
    const again = restarted(net);
    const other = net.hosts[3] as Host;
    const { addr, port } = endpoint(again.index);
    const claim = { incarnation: 1, meta: NIL_BYTES, vsn: SERF_VSN, addr, port };
    other.swim.packet(endpoint(again.index), { kind: 'alive', node: again.name, ...claim });
    net.run(10);
    expect(again.swim.members.get(again.name)?.incarnation).toBeGreaterThan(5);
  });
});

describe('whatever others send', () => {
  const name = fc.oneof(
    fc.constantFrom('n0', 'n1', 'n2', '', 'stranger'),
    fc.string({ maxLength: 300 }),
  );
  const u32 = fc.oneof(fc.constantFrom(0, 1, 2, 2 ** 32 - 2, 2 ** 32 - 1), fc.nat());
  const port = fc.oneof(fc.constantFrom(0, 7946), fc.nat(65_535));
  const address = fc.oneof(
    fc.constantFrom(...[0, 1, 2].map((index) => endpoint(index).addr)),
    fc.uint8Array({ maxLength: 16 }),
  );
  const vsn = fc.oneof(fc.constant(SERF_VSN), fc.uint8Array({ maxLength: 8 }));
  const meta = fc.uint8Array({ maxLength: META_LIMIT });
  const payload = fc.uint8Array({ minLength: 1, maxLength: 50 });
  const source = { sourceAddr: address, sourcePort: port, sourceNode: name };
  const of = <K extends Message['kind'], T>(kind: K, fields: fc.Arbitrary<T>) =>
    fields.map((values) => ({ kind, ...values }));
  const accused = fc.record({ node: name, from: name, incarnation: u32 });
  const claimed = { addr: address, port, meta, vsn, incarnation: u32 };
  const message: fc.Arbitrary<Message> = fc.oneof(
    of('ping', fc.record({ seqNo: u32, node: name, ...source })),
    of(
      'indirectPing',
      fc.record({ seqNo: u32, node: name, target: address, port, nack: fc.boolean(), ...source }),
    ),
    of('ack', fc.record({ seqNo: u32, payload })),
    of('nack', fc.record({ seqNo: u32 })),
    of('suspect', accused),
    of('dead', accused),
    of('alive', fc.record({ node: name, ...claimed })),
    of('user', fc.record({ payload })),
  );
  const node: fc.Arbitrary<NodeRecord> = fc.record({ name, state: fc.nat(5), ...claimed });

  it('breaks nothing, and does not make us drop ourselves', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(message, fc.array(node, { maxLength: 4 })), { maxLength: 40 }),
        fc.nat(),
        (inputs, seed) => {
          const net = new Net({ seed });
          const [first] = net.cluster(3) as [Host];
          for (const input of inputs) {
            if (!Array.isArray(input)) first.swim.packet(endpoint(1), input);
            else {
              const exchange = { join: true, userState: NIL_BYTES, nodes: input };
              first.swim.request(endpoint(1), { kind: 'pushPull', ...exchange });
            }
            net.run(100);
          }
          expect(net.state(first, first)).toBe('alive');
          expect(first.swim.members.size).toBeLessThanOrEqual(3 + inputs.length * 4);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('about the three of them, they agree in the end', () => {
    const rumour = fc.record({
      to: fc.nat(2),
      about: fc.nat(2),
      kind: fc.constantFrom('suspect', 'dead'),
      incarnation: fc.integer({ min: 0, max: 6 }),
      pause: fc.nat(3_000),
    });
    fc.assert(
      fc.property(fc.array(rumour, { maxLength: 12 }), fc.nat(), (rumours, seed) => {
        const net = new Net({ seed });
        const hosts = net.cluster(3);
        for (const { to, about, kind, incarnation, pause } of rumours) {
          const accusation = { node: `n${about}`, from: 'somebody', incarnation };
          hosts[to]?.swim.packet(endpoint(50), { kind, ...accusation });
          net.run(pause);
        }
        net.run(20_000);
        for (const host of hosts)
          for (const other of hosts) {
            const { incarnation } = other.swim.members.get(other.name) ?? {};
            expect(host.swim.members.get(other.name)).toMatchObject({
              state: 'alive',
              incarnation,
            });
          }
      }),
      { numRuns: 40 },
    );
  });
});
