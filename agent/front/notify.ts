/** Tells systemd how the daemon is (sd_notify(3)): ready, what it does, stopping, and that it still lives. */
import { endianness } from 'node:os';
import type { Clock } from '../state/clock.ts';

/** What systemd hands over in the environment. */
export interface NotifyEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

export interface Notifier {
  ready(): void;
  /** One line, for `systemctl status`; sent only if it is another than before. */
  status(text: string): void;
  stopping(): void;
  /** Ends the watchdog's timer and closes the socket. */
  close(): void;
}

/** The socket as the notifier uses it; datagram.ts. */
interface Socket {
  send(data: Uint8Array, address: Uint8Array): string | undefined;
  close(): void;
}

const NOBODY: Notifier = {
  ready: () => undefined,
  status: () => undefined,
  stopping: () => undefined,
  close: () => undefined,
};

/** Starts the watchdog if systemd wants one. Without systemd every call does nothing. `complain` gets one sentence, once. */
export async function createNotifier(
  env: NotifyEnvironment,
  pid: number,
  clock: Clock,
  complain: (sentence: string) => void,
): Promise<Notifier> {
  const path = env.NOTIFY_SOCKET ?? '';
  if (path === '') return NOBODY;
  const address = socketAddress(path);
  if (address === undefined) {
    complain(
      `NOTIFY_SOCKET is ${JSON.stringify(path)}, which is no unix socket; systemd is told nothing`,
    );
    return NOBODY;
  }
  const { DatagramSocket } = await import('./datagram.ts');
  return notifierOn(new DatagramSocket(), address, watchdogPause(env, pid), clock, complain);
}

function notifierOn(
  socket: Socket,
  address: Uint8Array,
  pause: number | undefined,
  clock: Clock,
  complain: (sentence: string) => void,
): Notifier {
  let complained = false;
  const send = (text: string): void => {
    const failure = socket.send(Buffer.from(text), address);
    if (failure === undefined || complained) return;
    complained = true;
    complain(`systemd could not be told ${JSON.stringify(text)}: ${failure}`);
  };
  let told: string | undefined;
  let cancel: (() => void) | undefined;
  const beat = (ms: number): void => {
    send('WATCHDOG=1');
    cancel = clock.after(ms, () => {
      beat(ms);
    });
  };
  if (pause !== undefined) beat(pause);
  return {
    ready: () => {
      send('READY=1');
    },
    status: (text) => {
      if (text !== told) send(`STATUS=${text.replaceAll('\n', ' ')}`);
      told = text;
    },
    stopping: () => {
      send('STOPPING=1');
    },
    close: () => {
      cancel?.();
      socket.close();
    },
  };
}

/** sun_path of sockaddr_un, in bytes (linux/un.h). */
const PATH_BYTES = 108;
/** AF_UNIX, a 16-bit number in the machine's own order. */
const FAMILY_BYTES = endianness() === 'LE' ? [1, 0] : [0, 1];

/** The sockaddr_un of a path, or of an abstract name (`@name`); undefined for anything else, as `vsock:…`. */
export function socketAddress(path: string): Uint8Array | undefined {
  const name = Buffer.from(path);
  const isAbstract = path.startsWith('@');
  if (!isAbstract && !path.startsWith('/')) return undefined;
  if (name.length < 2 || name.length >= PATH_BYTES || name.includes(0)) return undefined;
  if (isAbstract) name[0] = 0;
  // A path ends with a zero byte; of an abstract name every byte counts, so it has none.
  return Uint8Array.from([...FAMILY_BYTES, ...name, ...(isAbstract ? [] : [0])]);
}

/** Half of the time, in ms, after which systemd kills a silent daemon; undefined if it watches nobody, or another process. */
export function watchdogPause(env: NotifyEnvironment, pid: number): number | undefined {
  const { WATCHDOG_USEC: usec = '', WATCHDOG_PID: watched } = env;
  if (watched !== undefined && watched !== '' && watched !== String(pid)) return undefined;
  return /^[1-9]\d{0,15}$/.test(usec) ? Math.max(1, Number(usec) / 2000) : undefined;
}
