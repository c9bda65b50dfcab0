import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERROR_CODES, isErrorCode, isWeftError, messageOf, WeftError } from './errors.ts';
import { endOf, failureOf } from './rpc-end.ts';
import { toRpcStatus } from './rpc-error.ts';

test('every code is documented', () => {
  const page = readFileSync(new URL('../../docs/control-api.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `(WEFT_\w+)`/gm)].map(([, code]) => code);
  expect(documented).toHaveLength(Object.keys(ERROR_CODES).length);
  expect(new Set(documented)).toEqual(new Set(Object.keys(ERROR_CODES)));
});

test('an error says what is wrong, and what to do where that is known', () => {
  expect(new WeftError('WEFT_BUSY', 'too many').sentence).toBe('too many');
  const cause = new Error('below');
  const error = new WeftError('WEFT_BUSY', 'too many', { fix: 'wait', cause });
  expect([error.sentence, error.cause, error.code]).toEqual(['too many: wait', cause, 'WEFT_BUSY']);
});

test('what is ours is told from what is not', () => {
  expect([new WeftError('WEFT_BUSY', 'x'), new Error('x'), 'x'].map(isWeftError)).toEqual([
    true,
    false,
    false,
  ]);
  expect([isErrorCode('WEFT_BUSY'), isErrorCode('toString'), isErrorCode('')]).toEqual([
    true,
    false,
    false,
  ]);
  expect([messageOf(new Error('x')), messageOf(7)]).toEqual(['x', '7']);
});

test.each(Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[])('%s survives gRPC', (code) => {
  const sent = toRpcStatus(new WeftError(code, 'ein Übel', { fix: 'mach’s gut, 100 %' }));
  const trailers = { 'grpc-status': String(sent.code), 'grpc-message': encodeURI(sent.details) };
  const end = endOf({ ...trailers, ...sent.metadata.toHttp2Headers() } as Parameters<
    typeof endOf
  >[0]);
  if (end === undefined) throw new Error('no end');
  const received = failureOf(end, '/s');
  expect([received.code, received.message, received.fix]).toEqual([
    code,
    'ein Übel',
    'mach’s gut, 100 %',
  ]);
});
