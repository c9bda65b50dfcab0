import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../codec/index.ts';
import type { Member } from './member.ts';
import { LAN } from './settings.ts';
import { suspicionTimes } from './suspicion.ts';
import { endpoint, Net, SERF_VSN, textBytes, type Host } from './testing.ts';

type Alive = Extract<Message, { kind: 'alive' }>;

const FAR = endpoint(200);

function alive(node: string, incarnation: number, more: Partial<Alive> = {}): Alive {
  const { addr, port } = endpoint(7);
  const meta = textBytes('m');
  return { kind: 'alive', node, incarnation, addr, port, meta, vsn: SERF_VSN, ...more };
}

function accusation(
  kind: 'suspect' | 'dead',
  node: string,
  incarnation: number,
  from = 'z',
): Message {
  return { kind, node, incarnation, from };
}

let net: Net;
let self: Host;

const hear = (...messages: Message[]): void => {
  for (const message of messages) self.swim.packet(FAR, message);
};
const member = (name: string): Member | undefined => self.swim.members.get(name);
const told = (): string[] => self.delegate.told.splice(0);
/** What is to be told to others, by kind and incarnation. */
function spread(): string[] {
  net.sent = [];
  net.add(199, { name: 'listener' });
  hear(alive('listener', 1, { addr: endpoint(199).addr }));
  net.run(50);
  const seen = net.sent.flatMap(({ from, message }) =>
    from === self.index && 'incarnation' in message && message.node !== 'listener'
      ? [`${message.kind} ${message.node} ${message.incarnation}`]
      : [],
  );
  return [...new Set(seen)];
}

beforeEach(() => {
  net = new Net();
  self = net.add(1, { name: 'self' });
});

describe('an accusation that is out of date', () => {
  it.each(['suspect', 'dead'] as const)('has who says %s told what is so, now and then', (kind) => {
    hear(alive('x', 3));
    net.sent = [];
    hear(accusation(kind, 'x', 2), accusation(kind, 'x', 2));
    expect(net.sentBy(self, 'alive')).toMatchObject([
      { to: FAR, message: { node: 'x', incarnation: 3 } },
    ]);
    net.run(1_000);
    hear(accusation(kind, 'x', 2));
    expect(net.sentBy(self, 'alive').filter(({ to }) => to.addr[3] === FAR.addr[3])).toHaveLength(
      2,
    );
  });

  it('is said once more before its time is over, so that who knows better says so', () => {
    hear(alive('x', 1));
    for (let n = 2; n < 9; n++) hear(alive(`other-${n}`, 1, endpoint(n)));
    hear(accusation('suspect', 'x', 1));
    net.passes = (_from, _to, kind) => kind !== 'packet';
    const { confirmations, min } = suspicionTimes(LAN, 9);
    const said = (): number =>
      net.sentBy(self, 'suspect').filter(({ message: { node, from } }) => node + from === 'xz')
        .length;
    net.run(10_000);
    expect(said()).toBe(LAN.transmissionsMin);
    for (let n = 0; n < confirmations; n++) hear(accusation('suspect', 'x', 1, `y${n}`));
    net.sent = [];
    net.run(min);
    expect(said()).toBeGreaterThan(0);
    expect(member('x')?.state).toBe('dead');
  });
});

describe('alive', () => {
  it('of an unknown name adds it, and goes on', () => {
    hear(alive('x', 3));
    expect(member('x')).toMatchObject({ state: 'alive', incarnation: 3, port: 7946, since: 0 });
    expect(told()).toEqual(['joined x']);
    expect(spread()).toContain('alive x 3');
  });

  it('goes on with its address as it came, and our port if it has none', () => {
    const addr = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 7);
    hear(alive('x', 1, { addr, port: 0 }));
    expect(member('x')).toMatchObject({ addr, port: 7946 });
  });

  it.each([
    ['of incarnation 0', alive('x', 0)],
    ['without a name', alive('', 1)],
    ['without an address', alive('x', 1, { addr: new Uint8Array(0) })],
    ['with protocol 0', alive('x', 1, { vsn: Uint8Array.of(0, 5, 2, 2, 5, 5) })],
    [
      'with a protocol range the wrong way round',
      alive('x', 1, { vsn: Uint8Array.of(5, 1, 2, 2, 5, 5) }),
    ],
    ['with too few versions', alive('x', 1, { vsn: Uint8Array.of(1, 5, 2) })],
  ])('is ignored %s', (_, message) => {
    hear(message);
    expect(self.swim.members.size).toBe(1);
  });

  it('of no higher incarnation is ignored', () => {
    hear(alive('x', 3), alive('x', 3, { meta: textBytes('other') }), alive('x', 2));
    expect(member('x')).toMatchObject({ incarnation: 3, meta: textBytes('m') });
    expect(told()).toEqual(['joined x']);
  });

  it('of a higher incarnation brings new meta', () => {
    hear(alive('x', 1), alive('x', 2), alive('x', 3, { meta: textBytes('new') }));
    expect(told()).toEqual(['joined x', 'updated x']);
    expect(member('x')).toMatchObject({ incarnation: 3, meta: textBytes('new') });
  });

  it('ends a suspicion, if its incarnation is higher', () => {
    hear(alive('x', 1), accusation('suspect', 'x', 1), alive('x', 1));
    expect(member('x')?.state).toBe('suspect');
    hear(alive('x', 2));
    expect(member('x')?.state).toBe('alive');
    // Our own suspicion, of one who is nowhere, begins after a probe of a second.
    net.run(4_500);
    expect(told()).toEqual(['joined x']);
  });

  it('brings back the dead, if its incarnation is higher', () => {
    hear(alive('x', 1), accusation('dead', 'x', 1), alive('x', 1));
    expect(member('x')?.state).toBe('dead');
    hear(alive('x', 2));
    expect(told()).toEqual(['joined x', 'dead x', 'joined x']);
  });

  describe('from another address', () => {
    const moved = (incarnation: number): Alive =>
      alive('x', incarnation, { addr: endpoint(8).addr });

    it('is a conflict while the member is alive', () => {
      hear(alive('x', 1), moved(9));
      expect(told()).toEqual(['joined x', 'conflict x 10.0.0.8']);
      expect(member('x')).toMatchObject({ incarnation: 1, addr: endpoint(7).addr });
    });

    it('is a conflict if only the length of the address differs', () => {
      const addr = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 7);
      hear(alive('x', 1), alive('x', 2, { addr }));
      expect(member('x')?.addr).toHaveLength(4);
    });

    it('is taken at once when the member has left, of whatever incarnation', () => {
      hear(alive('x', 5), accusation('dead', 'x', 5, 'x'), moved(1));
      expect(member('x')).toMatchObject({ state: 'alive', incarnation: 1, addr: endpoint(8).addr });
    });

    it('is taken a while after the member has died', () => {
      net = new Net({ settings: { deadNodeReclaim: 5_000 } });
      self = net.add(1, { name: 'self' });
      hear(alive('x', 5), accusation('dead', 'x', 5));
      net.run(4_900);
      hear(moved(6));
      expect(member('x')?.state).toBe('dead');
      net.run(1_200);
      hear(moved(1));
      expect(member('x')).toMatchObject({ state: 'alive', incarnation: 1, addr: endpoint(8).addr });
    });
  });
});

describe('suspect', () => {
  it('of an unknown name, or of a lower incarnation, is ignored', () => {
    hear(accusation('suspect', 'x', 1), alive('x', 2), accusation('suspect', 'x', 1));
    expect(member('x')?.state).toBe('alive');
  });

  it('makes it suspect, goes on, and ends in death', () => {
    hear(alive('x', 1), accusation('suspect', 'x', 4));
    expect(member('x')).toMatchObject({ state: 'suspect', incarnation: 4 });
    expect(spread()).toContain('suspect x 4');
    net.run(60_000);
    expect(told()).toContain('dead x');
    expect(self.swim.counts.deathsDeclared).toBe(1);
  });

  it('goes on as a confirmation while it counts', () => {
    for (const name of ['a', 'b', 'c', 'd']) hear(alive(name, 1, { addr: endpoint(9).addr }));
    hear(alive('x', 1), accusation('suspect', 'x', 1, 'a'));
    const queuedFrom = (from: string): boolean => {
      hear(accusation('suspect', 'x', 1, from));
      net.sent = [];
      net.run(250);
      return net.sentBy(self, 'suspect').some(({ message }) => message.from === from);
    };
    expect(['b', 'c', 'd', 'b'].map(queuedFrom)).toEqual([true, true, false, false]);
  });

  it('of the dead is ignored', () => {
    hear(alive('x', 1), accusation('dead', 'x', 1), accusation('suspect', 'x', 1));
    expect(member('x')?.state).toBe('dead');
  });
});

describe('dead', () => {
  it('of an unknown name, or of a lower incarnation, is ignored', () => {
    hear(accusation('dead', 'x', 1), alive('x', 2), accusation('dead', 'x', 1));
    expect(member('x')?.state).toBe('alive');
  });

  it('is told and goes on, once', () => {
    hear(alive('x', 1), accusation('dead', 'x', 1), accusation('dead', 'x', 2));
    expect(told()).toEqual(['joined x', 'dead x']);
    expect(member('x')?.incarnation).toBe(1);
    expect(spread()).toContain('dead x 1');
  });

  it('from itself means that it has left', () => {
    hear(alive('x', 1), accusation('dead', 'x', 1, 'x'));
    expect(told()).toEqual(['joined x', 'left x']);
  });

  it('ends a suspicion', () => {
    hear(alive('x', 1), accusation('suspect', 'x', 1), accusation('dead', 'x', 1));
    net.run(100_000);
    expect(self.swim.counts.deathsDeclared).toBe(0);
  });
});

describe('what is said of us', () => {
  it.each([
    ['suspect', accusation('suspect', 'self', 1), 2],
    ['suspect of a later incarnation', accusation('suspect', 'self', 7), 8],
    ['dead', accusation('dead', 'self', 4), 5],
    ['left', accusation('dead', 'self', 1, 'self'), 2],
    ['alive of a later incarnation', alive('self', 6, endpoint(1)), 7],
    ['alive with other meta', alive('self', 1, { ...endpoint(1), meta: textBytes('?') }), 2],
  ])('is refuted: %s', (_, message, incarnation) => {
    hear(message);
    expect(member('self')).toMatchObject({ state: 'alive', incarnation, meta: new Uint8Array(0) });
    expect(self.swim.counts).toMatchObject({ refutations: 1, awareness: 1 });
    expect(spread()).toContain(`alive self ${incarnation}`);
  });

  it('is ignored when it is out of date, or true', () => {
    hear(accusation('suspect', 'self', 5));
    hear(accusation('suspect', 'self', 5), accusation('dead', 'self', 4));
    hear(
      alive('self', 3, endpoint(1)),
      alive('self', 6, { ...endpoint(1), meta: new Uint8Array(0) }),
    );
    expect(member('self')?.incarnation).toBe(6);
  });

  it('is refuted to the accuser itself, if we know it', () => {
    const accuser = net.add(2, { name: 'accuser' });
    hear(alive('accuser', 1, endpoint(2)));
    net.sent = [];
    hear(accusation('suspect', 'self', 1, 'accuser'));
    expect(net.sentBy(self, 'alive')).toMatchObject([
      { to: endpoint(2), message: { incarnation: 2 } },
    ]);
    net.run(10);
    expect(accuser.swim.members.get('self')?.incarnation).toBe(2);
  });

  it('is refuted again to an accuser that has not heard of it', () => {
    net.add(2, { name: 'accuser' });
    hear(alive('accuser', 1, endpoint(2)), accusation('suspect', 'self', 1, 'other'));
    net.sent = [];
    hear(accusation('suspect', 'self', 1, 'accuser'), accusation('suspect', 'self', 1, 'accuser'));
    expect(net.sentBy(self, 'alive')).toMatchObject([
      { to: endpoint(2), message: { incarnation: 2 } },
      { to: FAR, message: { incarnation: 2 } },
    ]);
    expect(self.swim.counts.refutations).toBe(1);
  });

  it('is a conflict when it is of another address', () => {
    hear(alive('self', 9));
    expect(told()).toEqual(['conflict self 10.0.0.7']);
    expect(member('self')?.incarnation).toBe(1);
  });

  it('has missed what was said meanwhile if it was taken for dead, and asks some, seldom', () => {
    for (let n = 2; n < 7; n++) hear(alive(`other-${n}`, 1, endpoint(n)));
    const { pushPulls } = self.swim.counts;
    const asked = (): number => self.swim.counts.pushPulls - pushPulls;
    hear(accusation('suspect', 'self', 1));
    expect(asked()).toBe(0);
    // What comes first is the suspicion, and its refutation outdates what comes then.
    hear(accusation('dead', 'self', 1), accusation('dead', 'self', 2));
    expect(asked()).toBe(3);
  });

  it.each([0, 10, 20, 30, 40, 50])(
    'is our leave, however much there is to tell of others, each with %i bytes of meta',
    (length) => {
      const meta = textBytes('m'.repeat(length));
      for (let n = 0; n < 2_000; n++) hear(alive(`other-${n}`, 1, { ...endpoint(n), meta }));
      net.run(1_000);
      net.sent = [];
      self.swim.leave(() => {});
      net.run(1_000);
      expect(net.sentBy(self, 'dead').length).toBeGreaterThan(0);
    },
  );

  it('cannot be beyond the last incarnation', () => {
    hear(accusation('dead', 'self', 2 ** 32 - 1));
    hear(accusation('dead', 'self', 2 ** 32 - 1));
    expect(member('self')).toMatchObject({ state: 'alive', incarnation: 2 ** 32 - 1 });
  });

  it('is not refuted after we have left', () => {
    self.swim.leave(() => {});
    hear(
      accusation('dead', 'self', 9),
      accusation('suspect', 'self', 9),
      alive('self', 9, endpoint(1)),
    );
    expect(member('self')).toMatchObject({ state: 'left', incarnation: 1 });
  });
});

describe('a member that comes back with what is out of date', () => {
  const opinions = (): Message[] =>
    net.sent
      .filter(({ from, to }) => from === self.index && to.addr[3] === 7)
      .map(({ message }) => message);
  const say = (incarnation: number): void => self.swim.packet(endpoint(7), alive('x', incarnation));

  it.each([
    ['alive', [], { kind: 'alive', node: 'x', incarnation: 5 }],
    ['suspect', [accusation('suspect', 'x', 5)], { kind: 'suspect', incarnation: 5, from: 'self' }],
    ['dead', [accusation('dead', 'x', 5)], { kind: 'dead', incarnation: 5, from: 'self' }],
    ['left', [accusation('dead', 'x', 5, 'x')], { kind: 'dead', incarnation: 5, from: 'x' }],
  ])('is told that it is %s, once a second', (_, messages, opinion) => {
    hear(alive('x', 5), ...messages);
    net.sent = [];
    say(1);
    say(2);
    expect(opinions()).toMatchObject([opinion]);
    self.timers.advance(self.timers.due);
    net.run(1_500);
    net.sent = [];
    say(1);
    expect(opinions()).toHaveLength(1);
  });

  it('is not told what it knows', () => {
    hear(alive('x', 5));
    net.sent = [];
    say(5);
    expect(opinions()).toEqual([]);
  });
});

describe('the order of rumours', () => {
  /** Whoever accuses has known what it accuses: alive(i) comes before what follows from it. */
  const history = fc
    .array(fc.constantFrom('nothing', 'suspect', 'dead', 'both'), { minLength: 1, maxLength: 5 })
    .map((ends) =>
      ends.map((end, at): Message[] => {
        const incarnation = at + 1;
        const suspect = accusation('suspect', 'x', incarnation);
        const dead = accusation('dead', 'x', incarnation);
        const accusations = {
          nothing: [],
          suspect: [suspect],
          dead: [dead],
          both: [suspect, dead],
        };
        return [alive('x', incarnation), ...accusations[end]];
      }),
    );

  it('does not matter, as long as nobody is accused before he is known', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (incarnations, choices) => {
        const known = [1, 2].map((index) => {
          const host = new Net().add(index);
          const left = incarnations.map((messages) => [...messages]);
          while (left.some(({ length }) => length > 0)) {
            const open = left.filter(({ length }) => length > 0);
            const next = open[(choices.next().value ?? 0) % open.length]?.shift();
            if (next !== undefined) host.swim.packet(FAR, next);
          }
          const { state, incarnation } = host.swim.members.get('x') ?? {};
          return { state, incarnation };
        });
        expect(known[0]).toEqual(known[1]);
      }),
    );
  });
});
