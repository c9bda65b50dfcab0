/**
 * Two ways to a peer, while one of two hosts changes its WireGuard key. A device has one key, and takes the packets of a
 * subnet from one peer only; so that both keys are good for a while, a second device stands beside the main one on both
 * hosts, the detour. Traffic goes out to it, the main device of the host that rotates gets the new key, and traffic
 * comes back. Who sends where:
 *
 *     the peer    takes the way aimed at once it has a session there, and keeps it alive every second from then on
 *     the host    takes the way by which the peer sends to it, as it sees from what it receives
 *
 * So neither sends to where the other does not listen, and the host knows that nobody sends by the other way any more.
 * All of it can be seen in the kernel: nothing else has to be told, and a weftd that starts anew goes on. Pure.
 */
import { isInSession, type PeerSession, type PeerSessions } from '../state/wireguard.ts';

export type Way = 'main' | 'detour';

export interface Aim {
  readonly way: Way;
  /** How to know that it can be taken: there is a session, or the peer sends by it. */
  readonly when: 'session' | 'sends';
  /** Sessions from before, in s since 1970, are with a former key and do not count. */
  readonly since: number;
  /** `sessionName` of each way's tunnels: one, or one for each outer family. */
  readonly tunnels: Readonly<Record<Way, readonly string[]>>;
}

/**
 * In so many looks more must have come in one and the same session, before a peer is taken to send by it: its data, or
 * the keepalives of one that has taken this way. A handshake that leads to no session counts as bytes too, but once.
 */
const GROWN = 2;

/** A session that is listened to. */
interface Listened {
  readonly session: PeerSession;
  /** In how many looks more had come. */
  readonly grown: number;
}

/** A peer's. `listened`: its tunnels of the way aimed at. */
interface Standing {
  readonly aim: Aim;
  way: Way;
  readonly listened: Map<string, Listened>;
}

export class Ways {
  readonly #now: () => number;
  readonly #peers = new Map<string, Standing>();
  #sessions: PeerSessions = new Map();

  /** `now`: in s since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many peers there are two ways to. */
  get size(): number {
    return this.#peers.size;
  }

  /** The way that was last taken to a peer. */
  of(id: string): Way {
    return this.#peers.get(id)?.way ?? 'main';
  }

  /** The way to take to a peer. With a new aim that is the other one, unless all is there for the one aimed at. */
  to(id: string, aim: Aim | undefined): Way {
    if (aim === undefined) {
      this.#peers.delete(id);
      return 'main';
    }
    const known = this.#peers.get(id);
    if (known !== undefined && JSON.stringify(known.aim) === JSON.stringify(aim)) return known.way;
    const way = aim.way === 'main' ? 'detour' : 'main';
    const standing: Standing = { aim, way, listened: new Map() };
    this.#peers.set(id, standing);
    this.#look(standing);
    return standing.way;
  }

  /** These are all sessions there are. Returns the peers to which the way is another one from now on. */
  look(sessions: PeerSessions): string[] {
    this.#sessions = sessions;
    return [...this.#peers].flatMap(([id, standing]) => (this.#look(standing) ? [id] : []));
  }

  /** Peers that have not come to the way aimed at. */
  *behind(): Iterable<{ readonly id: string; readonly inSession: boolean }> {
    for (const [id, { aim, way }] of this.#peers) {
      if (way === aim.way) continue;
      const tunnels = [...aim.tunnels.main, ...aim.tunnels.detour];
      yield { id, inSession: tunnels.some((name) => this.#inSession(this.#sessions.get(name))) };
    }
  }

  /** Whether the way is another one from now on. */
  #look(standing: Standing): boolean {
    const { aim } = standing;
    if (standing.way === aim.way) return false;
    const names = aim.tunnels[aim.way];
    const isReached = names.map((name) => this.#isReached(standing, name)).every(Boolean);
    if (!isReached || names.length === 0) return false;
    standing.way = aim.way;
    return true;
  }

  #isReached({ aim, listened }: Standing, name: string): boolean {
    const session = this.#sessions.get(name);
    if (session === undefined || session.handshake < aim.since || !this.#inSession(session)) {
      listened.delete(name);
      return false;
    }
    return aim.when === 'session' || this.#sends(listened, name, session);
  }

  #sends(listened: Map<string, Listened>, name: string, session: PeerSession): boolean {
    const before = listened.get(name);
    // Within that second there may be another one, if both began at once.
    if (this.#now() < session.handshake + 1) listened.delete(name);
    else if (before?.session.handshake !== session.handshake)
      listened.set(name, { session, grown: 0 });
    else if (session.receivedBytes > before.session.receivedBytes)
      listened.set(name, { session, grown: before.grown + 1 });
    return (listened.get(name)?.grown ?? 0) >= GROWN;
  }

  #inSession(session: PeerSession | undefined): boolean {
    return isInSession(session?.handshake ?? 0, this.#now());
  }
}
