import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../codec/index.ts';
import { Broadcasts } from './broadcasts.ts';

function broadcasts(): { broadcasts: Broadcasts; soon: () => number } {
  let soon = 0;
  const options = {
    transmissions: (times: number) => 8 * times,
    room: () => 1_400,
    soon: () => void soon++,
  };
  return { broadcasts: new Broadcasts(options), soon: () => soon };
}

const message = (payload: Uint8Array): Uint8Array => encodeMessage({ kind: 'user', payload });

describe('Broadcasts', () => {
  it('sends intents before queries, and queries before events', () => {
    const { broadcasts: queues, soon } = broadcasts();
    const [event, query, intent] = [Uint8Array.of(3, 3, 3), Uint8Array.of(4), Uint8Array.of(1)];
    queues.spread('event', event);
    queues.spread('query', query);
    queues.spread('intent', intent);
    expect(soon()).toBe(3);
    expect(queues.take(1_400)).toEqual([intent, query, event].map(message));
    expect(queues.take(2 + 2 + 2 + 2)).toEqual([intent, query].map(message));
  });

  it('sends queries twice as often as the others', () => {
    const { broadcasts: queues } = broadcasts();
    queues.spread('event', Uint8Array.of(3));
    queues.spread('query', Uint8Array.of(4));
    queues.spread('intent', Uint8Array.of(1));
    const sent = Array.from({ length: 20 }, () => queues.take(1_400).map((part) => part[1]));
    for (const [type, times] of [
      [3, 8],
      [4, 16],
      [1, 8],
    ])
      expect(sent.flat().filter((other) => other === type)).toHaveLength(times as number);
    expect(queues.size).toBe(0);
  });

  it('tells when a message has been sent often enough', () => {
    const { broadcasts: queues } = broadcasts();
    let done = 0;
    queues.spread('intent', Uint8Array.of(1), () => done++);
    for (let i = 0; i < 7; i++) queues.take(1_400);
    expect(done).toBe(0);
    queues.take(1_400);
    expect(done).toBe(1);
  });

  it('does not keep what fits no packet', () => {
    const { broadcasts: queues } = broadcasts();
    let done = 0;
    queues.spread('event', new Uint8Array(1_398), () => done++);
    expect([queues.size, done]).toEqual([0, 1]);
    queues.spread('event', new Uint8Array(1_397));
    expect(queues.size).toBe(1);
  });

  it('keeps 4,096 of a kind', () => {
    const { broadcasts: queues } = broadcasts();
    for (let i = 0; i < 5_000; i++) queues.spread('event', Uint8Array.of(3));
    queues.spread('intent', Uint8Array.of(1));
    expect(queues.size).toBe(4_097);
  });
});
