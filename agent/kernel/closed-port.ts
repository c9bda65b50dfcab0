/**
 * Asks a host's kernel whether it is there, without anything that listens: a UDP packet to a port where nobody does
 * comes back as "port unreachable" (RFC 1122, section 4.1.3.1), as traceroute has it.
 */
import { createSocket } from 'node:dgram';
import { familyOf, type Address } from '../ip/address.ts';

/** The first of those that traceroute takes: nothing listens there, and firewalls know it. */
const PORT = 33_434;
/** In ms. */
const LIMIT = 2_000;

/** The time until the answer, in ms; undefined when there is none, as when a firewall drops the question. Never rejects. */
export function askClosedPort(address: Address): Promise<number | undefined> {
  const family = familyOf(address);
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    // Addresses only: without this, each would ask the resolver's threads.
    lookup: (host, _options, done) => done(null, host, family),
  });
  return new Promise((resolve) => {
    let start = performance.now();
    const end = (roundTrip: number | undefined): void => {
      clearTimeout(timer);
      socket.close();
      resolve(roundTrip);
    };
    const timer = setTimeout(() => end(undefined), LIMIT);
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? performance.now() - start : undefined),
    );
    // Given to `connect`, this would be called with the error, too, of an address without a route.
    socket.once('connect', () => {
      start = performance.now();
      socket.send(new Uint8Array(8));
    });
    socket.connect(PORT, address);
  });
}
