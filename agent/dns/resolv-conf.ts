/** The servers that this host itself asks: resolv.conf(5), as it changes. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { address, parseAddress } from '../ip/address.ts';
import { socketAddress, type SocketAddress } from '../ip/socket-address.ts';

const PORT = 53;
/** Looked at so often, in ms: it is often a link to a file that is replaced, which no watch would follow. */
const LOOK = 2_000;
/** The most that is read, in characters. */
const SIZE_LIMIT = 64 * 1024;
/** systemd-resolved's own addresses (systemd-resolved.service(8)), and where it writes whom it asks itself. */
const STUBS: readonly SocketAddress[] = ['127.0.0.53', '127.0.0.54'].map((text) =>
  socketAddress(address(text), PORT),
);
const RESOLVED_UPLINKS = '/run/systemd/resolve/resolv.conf';

/** Those with an address without a zone. None of them: the host's own, as libc has it. */
export function serversIn(text: string): readonly SocketAddress[] {
  return text
    .slice(0, SIZE_LIMIT)
    .split('\n')
    .flatMap((line) => {
      const [, word] = /^nameserver[ \t]+(\S+)/.exec(line) ?? [];
      const found = word === undefined ? undefined : parseAddress(word);
      return found === undefined ? [] : [socketAddress(found, PORT)];
    });
}

/**
 * Whom to ask by these texts. Where systemd-resolved is asked, those that it asks: it may ask us for everything
 * (weft dns enable-host), so that asking it would go round.
 */
export function upstreamsIn(resolvConf: string, uplinks: string): readonly SocketAddress[] {
  const servers = serversIn(resolvConf);
  const isStub = servers.some((server) => STUBS.includes(server));
  return isStub && uplinks !== '' ? serversIn(uplinks) : servers;
}

/** Calls back with whom to ask now and whenever the file has changed; the returned function ends that. */
export function followResolvConf(
  path: string,
  tell: (servers: readonly SocketAddress[]) => void,
): () => void {
  const look = (): void => tell(upstreamsIn(read(path), read(RESOLVED_UPLINKS)));
  const paths = [path, RESOLVED_UPLINKS];
  for (const each of paths) watchFile(each, { interval: LOOK, persistent: false }, look);
  look();
  return () => {
    for (const each of paths) unwatchFile(each, look);
  };
}

/** Empty if there is none. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
