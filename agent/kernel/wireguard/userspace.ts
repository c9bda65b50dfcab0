/**
 * WireGuard where the kernel has none: wireguard-go, a process for each device. It is no child in the usual sense: it
 * outlives weftd, so that a restart loses no packet, and the next weftd finds it by its device and its socket. When
 * it dies its device goes with it; the reconciler sees that, and has it made anew like any other link.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelError, type Refusal } from '../errno.ts';
import { PROGRAM, socketOf } from './program.ts';

/** How long it has to make its device, and a former one to go, in ms. */
const TIME_LIMIT = 5000;
const LOOK_PERIOD = 10;
/** Of its complaints, in characters. */
const COMPLAINT_LIMIT = 1000;

const NOTICE =
  'this kernel has no WireGuard: wireguard-go runs it in user space, which costs throughput and processor time';

/**
 * Starts wireguard-go for devices of the kernel's lack; resolves when its device is there. `notice` is told once what
 * that means.
 */
export function userspaceWireguard(
  notice: (sentence: string) => void,
): (name: string) => Promise<Refusal | undefined> {
  let isTold = false;
  return async (name) => {
    await untilGone(name);
    const refusal = await start(name);
    if (refusal === undefined && !isTold) {
      isTold = true;
      notice(NOTICE);
    }
    return refusal;
  };
}

/** It puts itself into the background once its device and socket are there, in a session of its own. */
function start(name: string): Promise<Refusal | undefined> {
  return new Promise((resolve) => {
    const child: ChildProcess = spawn(PROGRAM, [name], {
      detached: true,
      cwd: '/',
      // Nothing of ours that would make it talkative, or speak to systemd in our name.
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: TIME_LIMIT,
      killSignal: 'SIGKILL',
    });
    let complaint = '';
    // There is none where no file can be opened any more (EMFILE).
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-COMPLAINT_LIMIT);
    });
    child.once('error', (cause: NodeJS.ErrnoException) => resolve(refusalOf(cause)));
    child.once('exit', (code) => {
      child.stderr?.destroy();
      if (code === 0) resolve(undefined);
      else resolve({ code: 'WIREGUARD_GO', message: `${PROGRAM} failed: ${lastLine(complaint)}` });
    });
  });
}

function refusalOf(cause: NodeJS.ErrnoException): Refusal {
  if (cause.code !== 'ENOENT') return new KernelError(cause.code ?? 'EIO', cause.message);
  const message =
    'this kernel has no WireGuard, and wireguard-go is not installed: install the Debian package wireguard-go';
  return new KernelError('ENOTSUP', message);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** A former one whose device was taken away ends soon, and removes its socket, which must not be the new one's. */
async function untilGone(name: string): Promise<void> {
  const socket = socketOf(name);
  for (let waited = 0; waited < TIME_LIMIT; waited += LOOK_PERIOD) {
    if (!existsSync(socket) || !(await answers(socket))) return;
    await sleep(LOOK_PERIOD);
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const end = (isLive: boolean): void => {
      connection.destroy();
      resolve(isLive);
    };
    connection.once('connect', () => end(true));
    connection.once('error', () => end(false));
  });
}
