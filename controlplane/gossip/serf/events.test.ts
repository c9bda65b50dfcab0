import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, decodeSerf } from '../codec/index.ts';
import { Broadcasts } from './broadcasts.ts';
import { UserEvents } from './events.ts';
import type { UserEvent } from './face.ts';

interface Node {
  readonly events: UserEvents;
  readonly broadcasts: Broadcasts;
  readonly told: UserEvent[];
}

function node(): Node {
  const told: UserEvent[] = [];
  const broadcasts = new Broadcasts({ transmissions: () => 4, room: () => 1_400, soon: () => {} });
  const events = new UserEvents({
    sizeLimit: 512,
    broadcasts,
    notify: (event) => told.push(event),
  });
  return { events, broadcasts, told };
}

function deliver(message: Uint8Array, { events }: Node): void {
  const user = decodeMessage(message);
  if (!user.ok || user.value.kind !== 'user') throw new Error('no user message');
  const serf = decodeSerf(user.value.payload);
  if (!serf.ok || serf.value.kind !== 'userEvent') throw new Error('no event');
  events.heard(serf.value, user.value.payload);
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

type Step =
  | { kind: 'send'; at: number }
  | { kind: 'gossip'; at: number; to: number }
  | { kind: 'deliver'; which: number; again: boolean }
  | { kind: 'exchange'; at: number; to: number };

const index = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), at: index }),
  fc.record({ kind: fc.constant('gossip' as const), at: index, to: index }),
  fc.record({ kind: fc.constant('deliver' as const), which: fc.nat(), again: fc.boolean() }),
  fc.record({ kind: fc.constant('exchange' as const), at: index, to: index }),
);

describe('UserEvents', () => {
  it('tells each member of each event once, however often and in whatever order messages come', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const nodes = [node(), node(), node(), node()];
        const flying: { message: Uint8Array; to: number }[] = [];
        let sent = 0;
        const at = (index: number): Node => nodes[index] as Node;
        for (const step of steps) {
          if (step.kind === 'send') {
            at(step.at).events.send('deploy', bytes(String(sent++)), false);
          } else if (step.kind === 'gossip') {
            for (const message of at(step.at).broadcasts.take(1_400))
              flying.push({ message, to: step.to });
          } else if (step.kind === 'exchange') {
            at(step.to).events.replay(at(step.at).events.slots());
          } else if (flying.length > 0) {
            const which = step.which % flying.length;
            const [{ message, to }] = flying.slice(which, which + 1) as [(typeof flying)[number]];
            if (!step.again) flying.splice(which, 1);
            deliver(message, at(to));
          }
        }
        for (const { events } of nodes)
          for (const other of nodes) other.events.replay(events.slots());
        const all = Array.from({ length: sent }, (_, i) => String(i)).sort();
        for (const { told } of nodes)
          expect(told.map(({ payload }) => text(payload)).sort()).toEqual(all);
      }),
    );
  });

  it('passes on the bytes that came', () => {
    const { events, broadcasts } = node();
    const raw = Uint8Array.of(3, 0x81, 0xa5, ...bytes('LTime'), 7, 99);
    events.heard({ kind: 'userEvent', lTime: 7n, name: 'a', payload: bytes('b'), cc: true }, raw);
    expect(broadcasts.take(1_400)).toEqual([Uint8Array.of(8, ...raw)]);
  });

  it('stamps each event with a time of its own, after all that it has heard', () => {
    const { events, told } = node();
    events.heard(
      { kind: 'userEvent', lTime: 41n, name: 'a', payload: bytes(''), cc: false },
      Uint8Array.of(3),
    );
    events.send('b', bytes(''), true);
    events.send('b', bytes(''), true);
    expect(told.map(({ lTime, coalesce }) => [lTime, coalesce])).toEqual([
      [41n, false],
      [42n, true],
      [43n, true],
    ]);
  });

  it('does not tell of what was before', () => {
    const { events, told } = node();
    events.ignoreBelow(10n);
    events.replay([{ lTime: 9n, events: [{ name: 'a', payload: bytes('') }] }]);
    events.replay([undefined, { lTime: 10n, events: [{ name: 'b', payload: bytes('') }] }]);
    expect(told.map(({ name }) => name)).toEqual(['b']);
  });

  it('refuses one that is too long, and a time that cannot be', () => {
    const { events, told, broadcasts } = node();
    expect(() => events.send('a', new Uint8Array(512), false)).toThrow(
      /takes 513 bytes; 512 may be/,
    );
    expect(() => events.send('a', new Uint8Array(500), false)).toThrow(RangeError);
    events.heard(
      { kind: 'userEvent', lTime: 2n ** 63n, name: 'a', payload: bytes(''), cc: false },
      Uint8Array.of(3),
    );
    expect([told.length, broadcasts.size, events.clock.time]).toEqual([0, 0, 1n]);
  });
});
