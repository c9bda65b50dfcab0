import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClusterEvent, HostSummary } from '../api/cluster-model.ts';
import { eventNumber, leaseNumber, memberNumber, SINCE } from '../api/testing.ts';
import { Allowance } from './allowance.ts';
import { hostNews, LeaseNews, MemberNews, type HostFacts } from './changes.ts';
import { EVENT_LIMIT, EventLog } from './log.ts';
import { eventIn, eventPayload, summaryIn, summaryPayload } from './payload.ts';

test('members: who comes, fails, is back and leaves; not what stays', () => {
  const news = new MemberNews();
  const after = (status: 'alive' | 'leaving' | 'left' | 'failed') =>
    news.after({ type: 'present', member: { ...memberNumber(1), status } })?.text;
  expect(after('alive')).toBe('h1 is there');
  expect(after('alive')).toBeUndefined();
  expect(after('failed')).toBe('h1 does not answer');
  expect(after('alive')).toBe('h1 is back');
  expect(after('leaving')).toBeUndefined();
  expect(after('left')).toBe('h1 has left');
  expect(news.after({ type: 'removed', name: 'h1' })).toBeUndefined();
  expect(after('alive')).toBe('h1 is there');
});

test('leases: what comes and goes, with whose it is', () => {
  const news = new LeaseNews();
  const { key } = leaseNumber(1);
  const added = {
    kind: 'lease-added',
    subject: key,
    host: 'node-1',
    text: '10.0.1.0/24 is leased',
  };
  expect(news.after({ type: 'present', lease: leaseNumber(1) })).toEqual(added);
  expect(news.after({ type: 'present', lease: leaseNumber(1) })).toBeUndefined();
  expect(news.after({ type: 'removed', key })).toEqual({
    kind: 'lease-lost',
    subject: key,
    host: 'node-1',
    text: `the lease ${key} is gone`,
  });
  expect(news.after({ type: 'removed', key })).toBeUndefined();
  const refused = { type: 'present', lease: { ...leaseNumber(1), inForce: false } } as const;
  expect(news.after(refused)).toBeUndefined();
  expect(news.after({ type: 'present', lease: leaseNumber(1) })).toEqual(added);
  expect(news.after(refused)?.text).toBe(`the lease ${key} is no longer in force`);
});

test('a host: ready, another backend, problems begun and ended', () => {
  const bare: HostFacts = { ready: false, problems: [] };
  const problem = { code: 'ENODEV', message: 'no link', since: SINCE, subject: 'eth0' };
  const ill: HostFacts = { ready: true, backend: 'vxlan', problems: [problem] };
  expect(hostNews('h1', bare, ill).map(({ kind, text }) => [kind, text])).toEqual([
    ['host-ready', 'the mesh is complete'],
    ['backend-changed', 'the backend is vxlan'],
    ['problem-begun', 'eth0: no link'],
  ]);
  const other: HostFacts = { ready: true, backend: 'host-gw', problems: [] };
  expect(hostNews('h1', ill, other).map(({ kind, text }) => [kind, text])).toEqual([
    ['backend-changed', 'the backend is host-gw, and was vxlan'],
    ['problem-ended', 'no longer: eth0: no link'],
  ]);
  const reworded = { ...ill, problems: [{ ...problem, message: 'still no link' }] };
  expect(hostNews('h1', ill, reworded)).toEqual([]);
});

test('the log remembers the latest thousand, each once', () => {
  const log = new EventLog();
  const told: string[] = [];
  const end = log.watch(({ id }) => told.push(id));
  for (let n = 0; n < EVENT_LIMIT + 5; n++) log.add(eventNumber(n));
  log.add(eventNumber(EVENT_LIMIT));
  end();
  log.add(eventNumber(-1));
  const ids = [...log.list()].map(({ id }) => id);
  expect([ids.length, ids[0], ids.at(-1)]).toEqual([EVENT_LIMIT, 'h1/6', 'h1/-1']);
  expect(told).toHaveLength(EVENT_LIMIT + 5);
  expect([...log.list(eventNumber(EVENT_LIMIT).at)]).toHaveLength(5);
});

const SUMMARY: HostSummary = {
  version: '0.1.0',
  runningSince: SINCE,
  ready: true,
  problemCount: 0,
  subnets: ['10.5.1.0/24'],
  peers: 2,
  etcdConnected: true,
};

test('events and summaries survive gossip, cut to what fits', () => {
  expect(eventIn(eventPayload(eventNumber(1)))).toEqual(eventNumber(1));
  expect(summaryIn(summaryPayload(SUMMARY))).toEqual(SUMMARY);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
      const event = eventPayload({ ...eventNumber(1), text });
      expect(event.length).toBeLessThanOrEqual(400);
      expect(eventIn(event)?.id).toBe('h1/1');
      const summary = summaryPayload({ ...SUMMARY, problem: text });
      expect(summary.length).toBeLessThanOrEqual(900);
      expect(summaryIn(summary)?.peers).toBe(2);
    }),
  );
});

test('what is no event is none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      const event: ClusterEvent | undefined = eventIn(bytes);
      expect(event === undefined || event.at instanceof Date).toBe(true);
      summaryIn(bytes);
    }),
  );
  expect(eventIn(new Uint8Array())).toBeUndefined();
});

test('an allowance: bursts, and no more than one in three seconds in the long run', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000 })), (pauses) => {
      const allowance = new Allowance(0);
      let [now, taken] = [0, 0];
      for (const pause of pauses) {
        now += pause;
        if (allowance.take(now)) taken++;
        expect(taken).toBeLessThanOrEqual(20 + now / 3000);
      }
    }),
  );
  const allowance = new Allowance(0);
  for (let n = 0; n < 20; n++) expect(allowance.take(0)).toBe(true);
  expect([allowance.take(2999), allowance.take(3000), allowance.take(3001)]).toEqual([
    false,
    true,
    false,
  ]);
});
