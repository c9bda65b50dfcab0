import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { createNotifier, socketAddress, watchdogPause } from './notify.ts';

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, uint8_t *, uint32_t)');
const recv = libc.func('int64_t recv(int, _Out_ uint8_t *, uint64_t, int)');
const close = libc.func('int close(int)');
const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000;

/** systemd's end of the socket. */
class Listener {
  readonly #fd = Number(socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0));

  constructor(path: string) {
    const address = socketAddress(path) ?? new Uint8Array();
    expect(bind(this.#fd, address, address.length)).toBe(0);
  }

  /** All that has come. */
  take(): string[] {
    const texts: string[] = [];
    const buffer = new Uint8Array(4096);
    for (;;) {
      const length = Number(recv(this.#fd, buffer, buffer.length, 0));
      if (length < 0) return texts;
      texts.push(Buffer.from(buffer.subarray(0, length)).toString());
    }
  }

  close(): void {
    close(this.#fd);
  }
}

let directory: string;
const complaints: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-notify-'));
  complaints.length = 0;
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const notifierFor = (env: Record<string, string>, clock = new ManualClock()) =>
  createNotifier(env, 1, clock, (sentence) => complaints.push(sentence));

describe('on a real socket', () => {
  test.each([
    ['by path', () => join(directory, 'notify')],
    ['by abstract name', () => `@weft-notify-test-${process.pid}`],
  ])('%s', async (_, pathOf) => {
    const listener = new Listener(pathOf());
    const notifier = await notifierFor({ NOTIFY_SOCKET: pathOf() });
    notifier.ready();
    notifier.status('3 peers\nREADY=1');
    notifier.status('3 peers\nREADY=1');
    notifier.stopping();
    expect(listener.take()).toEqual(['READY=1', 'STATUS=3 peers READY=1', 'STOPPING=1']);
    notifier.close();
    listener.close();
    expect(complaints).toEqual([]);
  });

  test('the watchdog is fed at half its time until closed', async () => {
    const path = join(directory, 'notify');
    const listener = new Listener(path);
    const clock = new ManualClock();
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '3000000', WATCHDOG_PID: '1' };
    const notifier = await notifierFor(env, clock);
    expect(listener.take()).toEqual(['WATCHDOG=1']);
    clock.advance(1499);
    expect(listener.take()).toEqual([]);
    clock.advance(1501);
    expect(listener.take()).toEqual(['WATCHDOG=1', 'WATCHDOG=1']);
    notifier.close();
    clock.advance(9000);
    expect(listener.take()).toEqual([]);
    listener.close();
  });

  test('a systemd that is gone is told of once', async () => {
    const notifier = await notifierFor({ NOTIFY_SOCKET: join(directory, 'nobody') });
    notifier.ready();
    notifier.stopping();
    notifier.close();
    expect(complaints).toEqual(['systemd could not be told "READY=1": ENOENT']);
  });
});

test('without systemd, nothing', async () => {
  const notifier = await notifierFor({ WATCHDOG_USEC: '1000' });
  notifier.ready();
  notifier.close();
  expect(complaints).toEqual([]);
});

test('a socket of another kind is refused in a sentence', async () => {
  await notifierFor({ NOTIFY_SOCKET: 'vsock:2:1234' });
  expect(complaints).toEqual([
    'NOTIFY_SOCKET is "vsock:2:1234", which is no unix socket; systemd is told nothing',
  ]);
});

test.each([[''], ['@'], ['/'], ['relative'], [`/${'x'.repeat(107)}`], ['/a\u0000b']])(
  'no address: %j',
  (path) => {
    expect(socketAddress(path)).toBeUndefined();
  },
);

test.each([
  [{ WATCHDOG_USEC: '20000000' }, 10_000],
  [{ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '7' }, 10_000],
  [{ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '8' }, undefined],
  [{ WATCHDOG_USEC: '0' }, undefined],
  [{ WATCHDOG_USEC: 'soon' }, undefined],
  [{}, undefined],
])('watchdog of %j', (env, pause) => {
  expect(watchdogPause(env, 7)).toBe(pause);
});
