/**
 * Starts the program behind a device of the udp backend: this same program, by a word of its own. It is no child in the
 * usual sense, as wireguard-go is none (wireguard/userspace.ts).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { UdpLink } from '../../state/resource.ts';
import { KernelError, type Refusal } from '../errno.ts';
import { STARTED } from './forwarder.ts';

/** The first argument of weftd that makes it the forwarder; what follows are the device and where it listens. */
export const FORWARDER = 'udp-forwarder';

/** How long it has to make its device, in ms: it is Node that starts, and perhaps on a slow machine. */
const TIME_LIMIT = 20_000;
/** Of its complaints, in characters. */
const COMPLAINT_LIMIT = 1000;

/** Resolves when the device is there, or with why not. */
export function startForwarder({
  name,
  listen,
}: Pick<UdpLink, 'name' | 'listen'>): Promise<Refusal | undefined> {
  return new Promise((resolve) => {
    const own = [...process.execArgv, process.argv[1] ?? ''];
    const child: ChildProcess = spawn(process.execPath, [...own, FORWARDER, name, listen], {
      detached: true,
      cwd: '/',
      // Nothing of ours that would speak to systemd in our name.
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = (refusal: Refusal | undefined): void => {
      clearTimeout(late);
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      resolve(refusal);
    };
    const late = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT);
    let complaint = '';
    // There are neither where no file can be opened any more (EMFILE).
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, COMPLAINT_LIMIT);
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes(STARTED)) end(undefined);
    });
    child.once('error', (cause: NodeJS.ErrnoException) =>
      end(
        new KernelError(
          cause.code ?? 'EIO',
          `the udp forwarder of ${name} did not start: ${cause.message}`,
        ),
      ),
    );
    child.once('close', (code, signal) => {
      const why = /^weftd: (.*)/.exec(complaint)?.[1] ?? `it ended with ${signal ?? code}`;
      end(new KernelError('UDP_FORWARDER', `the udp forwarder of ${name} did not start: ${why}`));
    });
  });
}
