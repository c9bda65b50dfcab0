import { pino } from 'pino';
import { expect, test } from 'vitest';
import { prefix } from '../ip/prefix.ts';
import type { Operation, Outcome } from '../state/kernel.ts';
import { ROUTE_PROTOCOL, type Route } from '../state/resource.ts';
import { LoggingReporter } from './reporter.ts';

const DONE: Outcome = { status: 'done' };

function stage() {
  const lines: Record<string, unknown>[] = [];
  const counted: string[] = [];
  const log = pino(
    { base: null, timestamp: false },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const count = {
    operation: (...words: string[]) => void counted.push(words.join(' ')),
    repair: (kind: string) => void counted.push(`repair ${kind}`),
  };
  return { reporter: new LoggingReporter(log, count, () => {}), lines, counted };
}

function create(host: number): Operation {
  const desired: Route = {
    kind: 'route',
    prefix: prefix(`10.5.${host}.0/24`),
    metric: 0,
    type: 'blackhole',
    onlink: false,
    protocol: ROUTE_PROTOCOL,
  };
  return { action: 'create', desired };
}

test('a few are told each, and nothing twice', () => {
  const { reporter, lines, counted } = stage();
  reporter.applied(create(1), DONE, undefined);
  reporter.applied(create(2), DONE, 'removed');
  reporter.applied(create(3), { status: 'conflict', found: 'another' }, undefined);
  reporter.settled();
  reporter.settled();
  expect(lines).toEqual([
    { level: 30, entry: 'route blackhole 10.5.1.0/24', msg: 'added' },
    { level: 30, drift: 'removed', entry: 'route blackhole 10.5.2.0/24', msg: 'repaired' },
  ]);
  expect(counted).toEqual([
    'route create done',
    'route create done',
    'repair route',
    'route create conflict',
  ]);
  expect(reporter.repairs).toBe(1);
});

test('many are told as a number, and the first of them', () => {
  const { reporter, lines } = stage();
  for (let host = 1; host <= 6; host++) reporter.applied(create(host), DONE, 'removed');
  reporter.settled();
  expect(lines).toEqual([
    {
      level: 30,
      operations: { 'create route': 6 },
      first: 'route blackhole 10.5.1.0/24',
      msg: 'repaired',
    },
  ]);
});
