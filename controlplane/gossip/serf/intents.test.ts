import { describe, expect, it } from 'vitest';
import { Intents } from './intents.ts';

describe('Intents', () => {
  it('keeps the newest of each name, until it is taken', () => {
    const intents = new Intents(1_000);
    expect(intents.add('a', { kind: 'join', lTime: 2n }, 0)).toBe(true);
    expect(intents.add('a', { kind: 'leave', lTime: 2n }, 0)).toBe(false);
    expect(intents.add('a', { kind: 'leave', lTime: 3n }, 0)).toBe(true);
    expect(intents.take('a')).toMatchObject({ kind: 'leave', lTime: 3n });
    expect(intents.take('a')).toBeUndefined();
  });

  it('drops them when their time is over', () => {
    const intents = new Intents(1_000);
    intents.add('a', { kind: 'join', lTime: 1n }, 0);
    intents.add('b', { kind: 'join', lTime: 1n }, 0);
    intents.add('a', { kind: 'join', lTime: 2n }, 500);
    intents.expire(1_000);
    expect([intents.take('a')?.lTime, intents.take('b')]).toEqual([2n, undefined]);
  });

  it('drops the one that waits longest at its bound', () => {
    const intents = new Intents(1_000);
    for (let i = 0; i <= 4_096; i++) intents.add(`n${i}`, { kind: 'join', lTime: 1n }, i);
    expect(intents.size).toBe(4_096);
    expect([intents.take('n0'), intents.take('n1')?.kind]).toEqual([undefined, 'join']);
  });
});
