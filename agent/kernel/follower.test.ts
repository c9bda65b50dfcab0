import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { KernelEvent, Operation } from '../state/kernel.ts';
import { keyOf, type IptablesRule, type Resource } from '../state/resource.ts';
import { Follower } from './follower.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function rule(name: string, position: IptablesRule['position'] = 'last'): IptablesRule {
  return { kind: 'iptables', family: 'ip', chain: 'FORWARD', rule: name, position };
}

function setUp(): {
  there: Map<string, Resource>;
  follower: Follower;
  events: KernelEvent[];
  reads: () => number;
} {
  const there = new Map<string, Resource>();
  const events: KernelEvent[] = [];
  let reads = 0;
  const follower = new Follower(async () => {
    reads++;
    return Promise.resolve([...there.values()]);
  });
  follower.listen((event) => events.push(event));
  return { there, follower, events, reads: () => reads };
}

test('tells what came, changed and went, once', async () => {
  const { there, follower, events } = setUp();
  there.set('a', rule('a')).set('b', rule('b'));
  await follower.dump();
  there.delete('a');
  there.set('b', rule('b', 'first')).set('c', rule('c'));
  follower.touch();
  await vi.advanceTimersByTimeAsync(20);
  expect(events).toEqual([
    { type: 'absent', key: keyOf(rule('a')) },
    { type: 'present', resource: rule('b', 'first') },
    { type: 'present', resource: rule('c') },
  ]);
  follower.touch();
  await vi.advanceTimersByTimeAsync(1000);
  expect(events).toHaveLength(3);
});

test('does not tell what we did ourselves, but what failed to happen', async () => {
  const { there, follower, events } = setUp();
  there.set('old', rule('old'));
  await follower.dump();
  const operations: Operation[] = [
    { action: 'create', desired: rule('new') },
    { action: 'remove', actual: rule('old') },
    { action: 'create', desired: rule('refused') },
  ];
  await follower.apply(operations, async () => {
    there.set('new', rule('new')).delete('old');
    return Promise.resolve([
      { status: 'done' },
      { status: 'done' },
      { status: 'failed', code: 'X', message: 'no' },
    ]);
  });
  await follower.refresh();
  expect(events).toEqual([]);
  there.delete('new');
  await follower.refresh();
  expect(events).toEqual([{ type: 'absent', key: keyOf(rule('new')) }]);
});

test('events during an operation are looked at after it', async () => {
  const { there, follower, events } = setUp();
  let finish: () => void = () => {};
  const done = follower.apply([{ action: 'create', desired: rule('a') }], async () => {
    there.set('a', rule('a'));
    await new Promise<void>((resolve) => (finish = resolve));
    return [{ status: 'done' }];
  });
  follower.touch();
  await vi.advanceTimersByTimeAsync(500);
  finish();
  await done;
  await vi.advanceTimersByTimeAsync(500);
  expect(events).toEqual([]);
});

test('a storm of events costs five readings a second', async () => {
  const { follower, reads } = setUp();
  for (let ms = 0; ms < 1000; ms++) {
    follower.touch();
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(reads()).toBeLessThanOrEqual(6);
  expect(reads()).toBeGreaterThanOrEqual(4);
});

test('what cannot be read is told as unknown', async () => {
  const events: KernelEvent[] = [];
  const follower = new Follower(() => Promise.reject(new Error('nft was stopped')));
  follower.listen((event) => events.push(event));
  await follower.refresh();
  expect(events).toEqual([{ type: 'unknown', reason: 'nft was stopped' }]);
  await expect(follower.dump()).rejects.toThrow('nft was stopped');
});

test('is silent after it was closed', async () => {
  const { there, follower, events, reads } = setUp();
  follower.touch();
  there.set('a', rule('a'));
  await follower.close();
  follower.touch();
  await vi.advanceTimersByTimeAsync(1000);
  expect(events).toEqual([]);
  expect(reads()).toBe(0);
});
