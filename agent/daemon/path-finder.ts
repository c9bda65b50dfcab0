/**
 * Measures the ways to peers: what their paths carry, by pings of the gossip that are as large as packets may be, and
 * how long the way over the tunnel takes. The planner is told of small paths.
 */
import type { Logger } from 'pino';
import type { Membership } from '../gossip/membership.ts';
import { familyOf, type Address } from '../ip/address.ts';
import { baseOf } from '../ip/prefix.ts';
import { partsOf, type SocketAddress } from '../ip/socket-address.ts';
import { askClosedPort } from '../kernel/closed-port.ts';
import { HEADERS, WholePackets } from '../kernel/whole-packets.ts';
import { Paths, type SendOutcome } from '../path/paths.ts';
import { RoundTrips } from '../path/round-trips.ts';
import type { Clock, Random } from '../state/clock.ts';
import type { Lease } from '../state/facts.ts';
import type { Daemon } from './daemon.ts';
import type { HostKernel } from './host-kernel.ts';
import { machineClock, machineRandom } from './machine.ts';
import type { LeaseChange, Planner } from './planner.ts';

export interface PathFinderParts {
  /** Undefined when gossip is switched off. */
  readonly membership: Membership | undefined;
  readonly wireguard: Pick<HostKernel['wireguard'], 'sessionOf'>;
  readonly planner: Planner;
  /** How long an address takes to answer, in ms; undefined when it does not. Never rejects. */
  readonly ask: (address: Address) => Promise<number | undefined>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface WayThere {
  /** What the path carries, in bytes. */
  readonly pathMtu?: number;
  /** Why that is not known. */
  readonly pathUnknown?: string;
  /** Over the tunnel; where there is none, over the underlay. */
  readonly roundTripMs?: number;
}

/** With the machine's own means. */
export function pathFinderOf(
  { membership, host: { wireguard }, planner }: Pick<Daemon, 'membership' | 'host' | 'planner'>,
  log: Logger,
): PathFinder {
  const machine = { ask: askClosedPort, clock: machineClock, random: machineRandom };
  return new PathFinder({ membership, wireguard, planner, log, ...machine });
}

/** A session of WireGuard that is younger, in s, needs no new handshake for a packet (REKEY_AFTER_TIME is 120). */
const FRESH_SESSION = 110;

export class PathFinder {
  readonly #parts: PathFinderParts;
  readonly #paths: Paths;
  readonly #roundTrips: RoundTrips;
  readonly #packets = new WholePackets((data, from) => this.#onPacket(data, from));

  constructor(parts: PathFinderParts) {
    const { clock, random, planner, log, ask } = parts;
    this.#parts = parts;
    this.#paths = new Paths({
      send: (to, size, number) => this.#send(to, size, number),
      found: (id, mtu) => {
        if (mtu === undefined) log.info({ peer: id }, 'no smaller path is known any more');
        else log.info({ peer: id, mtu }, 'the path carries smaller packets than the underlay');
        planner.setPathMtu(id, mtu);
      },
      clock,
      random,
    });
    this.#roundTrips = new RoundTrips({
      target: (id) => this.#farEnd(id),
      ask,
      clock,
    });
  }

  /** The MTU of the underlay's link. */
  setUnderlay(mtu: number): void {
    this.#paths.setMost(mtu);
  }

  /** Other hosts' leases. */
  leases(changes: readonly LeaseChange[]): void {
    for (const change of changes) {
      const lease = change.type === 'put' ? change.lease : undefined;
      this.#paths.set(change.id, this.#parts.membership && lease?.gossip);
      if (lease === undefined) this.#roundTrips.remove(change.id);
      else this.#roundTrips.add(change.id);
    }
  }

  wayTo(id: string, { gossip }: Pick<Lease, 'gossip'>): WayThere {
    const path = this.#paths.of(id);
    const roundTripMs = this.#hasTunnel(id) ? this.#roundTrips.of(id) : path?.roundTripMs;
    const pathUnknown = this.#whyUnknown(gossip, path?.isSilent === true);
    return {
      ...(path?.mtu === undefined ? { pathUnknown } : { pathMtu: path.mtu }),
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
    };
  }

  stop(): void {
    this.#paths.stop();
    this.#roundTrips.stop();
    this.#packets.close();
  }

  #whyUnknown(gossip: SocketAddress | undefined, isSilent: boolean): string {
    if (this.#parts.membership === undefined) return 'gossip is switched off on this host';
    if (gossip === undefined) return 'its lease does not say where it gossips';
    return isSilent ? `nobody answers at ${gossip}` : 'it is being measured';
  }

  #send(to: SocketAddress, size: number, number: number): SendOutcome {
    const room = size - HEADERS[familyOf(partsOf(to).address)];
    const ping = this.#parts.membership?.member?.ping(number, room);
    const problem = ping === undefined ? 'EAGAIN' : this.#packets.send(ping, to);
    if (problem === undefined) return 'sent';
    return problem === 'EMSGSIZE' ? 'refused' : 'failed';
  }

  #onPacket(data: Uint8Array, from: SocketAddress): void {
    const answered = (number: number): void => void this.#paths.answered(number);
    this.#parts.membership?.member?.answer(data, from, answered);
  }

  #hasTunnel(id: string): boolean {
    return this.#tunnelOf(id) !== undefined;
  }

  /** The route to the peer, if it leads into a device of the mesh. */
  #tunnelOf(id: string) {
    const { planner } = this.#parts;
    const resources = planner.peer(id)?.resources ?? [];
    const route = resources.find(
      (each) => each.kind === 'route' && planner.link(each.link ?? '') !== undefined,
    );
    return route?.kind === 'route' ? { route, resources } : undefined;
  }

  /** The address that the peer has at its end of the tunnel. A tunnel at rest is not woken for this. */
  #farEnd(id: string): Address | undefined {
    const tunnel = this.#tunnelOf(id);
    if (tunnel === undefined) return undefined;
    const peer = tunnel.resources.find(
      (each) => each.kind === 'wireguard-peer' && each.link === tunnel.route.link,
    );
    if (peer?.kind === 'wireguard-peer') {
      const { handshake = 0 } = this.#parts.wireguard.sessionOf(peer) ?? {};
      if (Date.now() / 1000 - handshake > FRESH_SESSION) return undefined;
    }
    return baseOf(tunnel.route.prefix);
  }
}
