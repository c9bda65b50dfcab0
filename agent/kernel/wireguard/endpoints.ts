/**
 * Endpoints that move. A device answers a peer to where its last genuine packet came from, so that a peer behind a
 * changed address keeps working when it speaks first. As long as the two have a session that place is right, whatever
 * the lease says; afterwards nobody knows, and the lease's counts again. Pure.
 */
import type { SocketAddress } from '../../ip/socket-address.ts';
import { isInSession } from '../../state/wireguard.ts';

export interface Seen {
  /** Where the device sends to. */
  readonly endpoint: SocketAddress | undefined;
  /** Of the latest handshake, in s since 1970; 0 when there was none. */
  readonly handshake: number;
}

export class Endpoints {
  readonly #now: () => number;
  /** Peers are named by device and key. What weft has set, or found and let stand. */
  readonly #set = new Map<string, SocketAddress | undefined>();
  #seen = new Map<string, Seen>();

  /** `now`: ms since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** These are all the peers there are. */
  saw(peers: ReadonlyMap<string, Seen>): void {
    this.#seen = new Map(peers);
  }

  /** The endpoint to tell the reconciler: weft's own where the device knows a newer one. */
  told(peer: string, { endpoint, handshake }: Seen): SocketAddress | undefined {
    if (!this.#set.has(peer)) return endpoint;
    return this.#inSession(handshake) ? this.#set.get(peer) : endpoint;
  }

  /**
   * Whether a wish for another endpoint than the device's is to be let go: weft has just started, and finds peers in
   * session. A wish that changes later is the lease's, and newer than the device's.
   */
  mayStay(peer: string): boolean {
    const seen = this.#seen.get(peer);
    return !this.#set.has(peer) && seen !== undefined && this.#inSession(seen.handshake);
  }

  /** The wish was carried out, or let go. */
  put(peer: string, endpoint: SocketAddress | undefined): void {
    this.#set.set(peer, endpoint);
  }

  forget(peer: string): void {
    this.#set.delete(peer);
  }

  #inSession(handshake: number): boolean {
    return isInSession(handshake, this.#now() / 1000);
  }
}
