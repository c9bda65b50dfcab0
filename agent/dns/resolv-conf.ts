/** The servers that this host itself asks: resolv.conf(5), as it changes. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { parseAddress } from '../ip/address.ts';
import { socketAddress, type SocketAddress } from '../ip/socket-address.ts';

/** As libc has it: more are not asked. */
const SERVERS = 3;
const PORT = 53;
/** Looked at so often, in ms: it is often a link to a file that is replaced, which no watch would follow. */
const LOOK = 2_000;
/** The most that is read, in characters. */
const SIZE_LIMIT = 64 * 1024;

/** Those with an address without a zone. None of them: the host's own, as libc has it. */
export function serversIn(text: string): readonly SocketAddress[] {
  const servers = text
    .slice(0, SIZE_LIMIT)
    .split('\n')
    .flatMap((line) => {
      const [, word] = /^nameserver[ \t]+(\S+)/.exec(line) ?? [];
      const address = word === undefined ? undefined : parseAddress(word);
      return address === undefined ? [] : [socketAddress(address, PORT)];
    });
  return servers.slice(0, SERVERS);
}

/** Calls back with the servers now and whenever the file has changed; the returned function ends that. */
export function followResolvConf(
  path: string,
  tell: (servers: readonly SocketAddress[]) => void,
): () => void {
  const look = (): void => tell(serversIn(read(path)));
  watchFile(path, { interval: LOOK, persistent: false }, look);
  look();
  return () => unwatchFile(path, look);
}

/** Empty if there is none. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
