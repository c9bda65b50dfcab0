/**
 * A wireguard-go that hangs without dying: its device stays and carries nothing. It is taken for dead when it does not
 * answer, and killed; its device goes with it, and the reconciler has both made anew.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { basename } from 'node:path';
import { PROGRAM, socketOf } from './program.ts';

/** Time for an answer, in ms; it takes less than one, and a machine may be busy. */
const ANSWER_LIMIT = 5000;
/** The cross-platform interface's request for everything (https://www.wireguard.com/xplatform/). */
const REQUEST = 'get=1\n\n';

/** Kills those of these devices that do not answer; returns their names. */
export async function endHung(links: readonly string[]): Promise<string[]> {
  const served = links.filter((link) => existsSync(socketOf(link)));
  const states = await Promise.all(served.map((link) => stateOf(socketOf(link), ANSWER_LIMIT)));
  const hung = served.filter((_, i) => states[i] === 'silent');
  return hung.filter((link) => kill(link));
}

/** `gone`: nobody listens. `limit` in ms. */
export function stateOf(socket: string, limit: number): Promise<'answers' | 'silent' | 'gone'> {
  return new Promise((resolve) => {
    const connection = connect(socket, () => connection.write(REQUEST));
    const end = (state: 'answers' | 'silent' | 'gone'): void => {
      clearTimeout(timer);
      connection.destroy();
      resolve(state);
    };
    const timer = setTimeout(() => end('silent'), limit);
    connection.once('data', () => end('answers'));
    connection.once('error', () => end('gone'));
    connection.once('close', () => end('gone'));
  });
}

/** Whether there was one. */
function kill(link: string): boolean {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isProgramOf(name, link));
  return pids.filter((pid) => end(Number(pid))).length > 0;
}

/** False if it has just ended by itself. */
function end(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Devices of one name may be in several network namespaces, while processes are told apart by their ids alone. */
function isProgramOf(pid: string, link: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const place = (whose: string): string => readlinkSync(`/proc/${whose}/ns/net`);
    return isCommandFor(words, link) && place(pid) === place('self');
  } catch {
    // It has just ended.
    return false;
  }
}

/** `words`: the command line, an empty word after each. */
export function isCommandFor(words: readonly string[], link: string): boolean {
  const [program = '', ...rest] = words.filter((word) => word !== '');
  return basename(program) === PROGRAM && rest.at(-1) === link;
}
