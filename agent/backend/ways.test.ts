import { expect, test } from 'vitest';
import { SESSION_S } from '../state/wireguard.ts';
import { Ways, type Aim } from './ways.ts';

const START = 1_700_000_000;
const OUT: Aim = {
  way: 'detour',
  when: 'sends',
  since: 0,
  tunnels: { main: ['main'], detour: ['detour'] },
};

function stage(aim: Aim = OUT) {
  let now = START;
  const ways = new Ways(() => now);
  const tell = (at: number, handshake: number, receivedBytes: number, name = 'detour') => {
    now = at;
    ways.look(new Map([[name, { handshake, receivedBytes }]]));
    return ways.of('b');
  };
  expect(ways.to('b', aim)).toBe(aim.way === 'main' ? 'detour' : 'main');
  return { ways, tell };
}

test('a host follows a peer that sends twice in one session', () => {
  const { tell, ways } = stage();
  expect(tell(START + 2, START, 180)).toBe('main');
  expect(tell(START + 3, START, 212)).toBe('main');
  expect(tell(START + 3.5, START, 212)).toBe('main');
  expect(tell(START + 4, START, 244)).toBe('detour');
  expect(tell(START + 9, START + 8, 244)).toBe('detour');
  expect([...ways.behind()]).toEqual([]);
});

test('handshakes are no sending: a second one at once, one without a session, and new ones', () => {
  const { tell, ways } = stage();
  expect(tell(START + 0.2, START, 92)).toBe('main');
  expect(tell(START + 0.7, START, 240)).toBe('main');
  expect(tell(START + 0.9, START, 272)).toBe('main');
  expect(tell(START + 1.4, START, 272)).toBe('main');
  expect(tell(START + 5, START, 420)).toBe('main');
  expect(tell(START + 6, START, 420)).toBe('main');
  expect(tell(START + 120, START + 118, 600)).toBe('main');
  expect([...ways.behind()]).toEqual([{ id: 'b', inSession: true }]);
});

test('a peer takes a way on which there is a session, and keeps it', () => {
  const { tell, ways } = stage({ ...OUT, when: 'session' });
  expect(tell(START, 0, 0)).toBe('main');
  expect(tell(START, START, 180)).toBe('detour');
  expect(tell(START + 2 * SESSION_S, START, 180)).toBe('detour');
  expect(ways.to('b', undefined)).toBe('main');
  expect(ways.size).toBe(0);
});

test('a session of a former key, and one that is over, do not count', () => {
  const back: Aim = { ...OUT, way: 'main', when: 'session', since: START };
  const { tell } = stage(back);
  expect(tell(START + 1, START - 1, 999, 'main')).toBe('detour');
  expect(tell(START + SESSION_S, START, 999, 'main')).toBe('detour');
  expect(tell(START + SESSION_S, START + 1, 999, 'main')).toBe('main');
});

test('with two tunnels, both count', () => {
  const tunnels = { main: ['a', 'b'], detour: ['c', 'd'] };
  const { ways, tell } = stage({ ...OUT, when: 'session', tunnels });
  expect(tell(START, START, 180, 'c')).toBe('main');
  const session = { handshake: START, receivedBytes: 180 };
  expect(
    ways.look(
      new Map([
        ['c', session],
        ['d', session],
      ]),
    ),
  ).toEqual(['b']);
});
