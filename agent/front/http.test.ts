import { afterEach, beforeEach, expect, test } from 'vitest';
import { HealthServerError, startHealthServer, type HealthServer } from './http.ts';

let reason: string | undefined;
let server: HealthServer;
let breaks = false;

beforeEach(async () => {
  reason = 'waiting for etcd';
  breaks = false;
  server = await startHealthServer('127.0.0.1', 0, {
    notReady: () => reason,
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      text: () => (breaks ? Promise.reject(new Error('broken')) : Promise.resolve('weft_up 1\n')),
    },
  });
});
afterEach(() => server.close());

async function get(path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: await response.text(),
  };
}

const TEXT = 'text/plain; charset=utf-8';

test('/healthz answers while the process serves', async () => {
  expect(await get('/healthz')).toEqual({ status: 200, type: TEXT, body: 'weftd is running' });
  expect(await get('/healthz?x=1')).toMatchObject({ status: 200 });
  expect(await get('/healthz', 'HEAD')).toEqual({ status: 200, type: TEXT, body: '' });
});

test('/readyz tells the reason, and then that it is ready', async () => {
  const body = 'weftd is not ready yet: waiting for etcd';
  expect(await get('/readyz')).toEqual({ status: 503, type: TEXT, body });
  reason = undefined;
  expect(await get('/readyz')).toEqual({ status: 200, type: TEXT, body: 'weftd is ready' });
});

test('/metrics has the type that Prometheus wants', async () => {
  const type = 'text/plain; version=0.0.4';
  expect(await get('/metrics')).toEqual({ status: 200, type, body: 'weft_up 1\n' });
});

test('anything else is refused', async () => {
  expect((await get('/')).status).toBe(404);
  expect((await get('/healthz/x')).status).toBe(404);
  expect((await get('/healthz', 'POST')).status).toBe(405);
});

test('an answer that cannot be made is a 500, not the end', async () => {
  breaks = true;
  expect((await get('/metrics')).status).toBe(500);
  expect((await get('/healthz')).status).toBe(200);
});

test.each([
  ['127.0.0.1', () => server.port, 'EADDRINUSE', 'choose another --healthz-port'],
  ['192.0.2.1', () => 0, 'EADDRNOTAVAIL', 'correct --healthz-ip'],
])('what cannot be listened on is one sentence: %s', async (address, portOf, code, advice) => {
  const parts = { notReady: () => undefined, metrics: { contentType: '', text: async () => '' } };
  const failure = await startHealthServer(address, portOf(), parts).catch(
    (cause: unknown) => cause,
  );
  expect(failure).toBeInstanceOf(HealthServerError);
  expect(failure).toMatchObject({ code, message: expect.stringContaining(advice) as unknown });
});
