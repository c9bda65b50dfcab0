/** Who has an address: the kernel's lists of sockets (proc_pid_net(5)), of the network namespace that the thread is in. */
import { readFileSync } from 'node:fs';
import { addressToBytes, type Address } from '../ip/address.ts';
import { LITTLE } from './bound-socket.ts';

/** net/tcp_states.h. */
const LISTEN = '0A';

/**
 * Whether a socket takes packets at the IPv4 address, at whatever port: one that listens, or one for datagrams. Throws
 * an Error of node:fs.
 */
export function isServed(address: Address): boolean {
  const bytes = addressToBytes(address);
  const number = Buffer.from(LITTLE ? bytes.toReversed() : bytes);
  const local = number.toString('hex').toUpperCase();
  return isListed('udp', local, '') || isListed('tcp', local, LISTEN);
}

/** Lines are `NUMBER: LOCAL:PORT REMOTE:PORT STATE …`. `state`: empty for any. */
function isListed(protocol: 'udp' | 'tcp', local: string, state: string): boolean {
  const lines = readFileSync(`/proc/thread-self/net/${protocol}`, 'latin1').split('\n');
  return lines.some((line) => {
    const [, at = '', , found = ''] = line.trim().split(/\s+/);
    return at.startsWith(`${local}:`) && found.startsWith(state);
  });
}
