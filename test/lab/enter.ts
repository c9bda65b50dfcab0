/** Moves this thread between network namespaces: sockets opened and programs started from then on belong there. */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

/** linux/sched.h. */
const CLONE_NEWNET = 0x4000_0000;
const setns = koffi.load(null).func('int setns(int, int)');

/** Enters /run/netns/NAME; the returned function goes back. Throws when there is no such namespace. */
export function enterNamespace(name: string): () => void {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  go(`/run/netns/${name}`);
  return () => {
    if (setns(home, CLONE_NEWNET) !== 0) throw new Error('cannot return to the first namespace');
    closeSync(home);
  };
}

function go(path: string): void {
  const fd = openSync(path, 'r');
  const status: unknown = setns(fd, CLONE_NEWNET);
  closeSync(fd);
  if (status !== 0) throw new Error(`cannot enter ${path}: errno ${koffi.errno()}`);
}
