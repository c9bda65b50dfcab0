/**
 * The paths to all peers: a search for each, and one measure of packets for all of them together. Takes time and
 * chance as arguments; what it wants sent it says.
 */
import { familyOf, type Family } from '../ip/address.ts';
import { partsOf, type SocketAddress } from '../ip/socket-address.ts';
import type { Clock, Random } from '../state/clock.ts';
import { PathSearch } from './search.ts';

/** Until a path that is known is looked at again, in ms; with many peers longer, so that all together ask no faster than that. */
const PERIOD = 6_000;
const PERIOD_PER_PEER = 20;
/** Packets a second, and how many may go at once, for all peers together. Beyond it, whoever is due waits. */
const RATE = 500;
const BURST = 200;
/** Until those who wait are looked at again, in ms. */
const TURN = 10;
/** Probes that are remembered, for answers that come late; the oldest are forgotten. */
const PROBES_LIMIT = 4096;
/** What every path carries: RFC 791 (what every host takes), RFC 8200 section 5. In bytes. */
const LEAST: Readonly<Record<Family, number>> = { 4: 576, 6: 1280 };
/** The most that an IP packet can be. */
const MOST = 65_535;

export interface PathsParts {
  /** Sends a probe whose packet has `size` bytes, IP header included, and that nobody may fragment. */
  readonly send: (to: SocketAddress, size: number, number: number) => SendOutcome;
  /** `mtu`: what the path to the peer carries, where that is less than the underlay's link does. */
  readonly found: (id: string, mtu: number | undefined) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** `refused`: this host's own link does not take that size. */
export type SendOutcome = 'sent' | 'refused' | 'failed';

export interface PathView {
  /** Undefined until it is known. */
  readonly mtu: number | undefined;
  /** In ms, to the member of the gossip and back. */
  readonly roundTripMs: number | undefined;
  /** It does not answer now. */
  readonly isSilent: boolean;
}

interface Path {
  readonly to: SocketAddress;
  search: PathSearch;
  told: number | undefined;
  cancel: () => void;
}

interface Probe {
  readonly id: string;
  readonly size: number;
  /** Whose it is: what comes back when the path is searched anew says nothing of the present one. */
  readonly search: PathSearch;
}

export class Paths {
  readonly #parts: PathsParts;
  readonly #paths = new Map<string, Path>();
  /** By the probe's number. */
  readonly #probes = new Map<number, Probe>();
  /** The link's MTU; nothing is asked before it is known. */
  #most: number | undefined;
  #tokens = BURST;
  #tokensAt: number;
  /** Due, in the order in which they became so. */
  readonly #waiting = new Set<string>();
  #cancelTurn: (() => void) | undefined;

  constructor(parts: PathsParts) {
    this.#parts = parts;
    this.#tokensAt = parts.clock.now();
  }

  /** The underlay's link has another MTU: every path is looked at anew, what was found stays until then. */
  setMost(mtu: number): void {
    const most = Math.min(mtu, MOST);
    if (most === this.#most) return;
    this.#most = most;
    for (const [id, path] of this.#paths) {
      path.cancel();
      path.search = this.#newSearch(path.to, most);
      this.#arm(id, path);
    }
  }

  /** `to`: where the peer answers; undefined when nobody does there, or it is no peer any more. */
  set(id: string, to: SocketAddress | undefined): void {
    const before = this.#paths.get(id);
    if (before?.to === to) return;
    before?.cancel();
    this.#paths.delete(id);
    this.#waiting.delete(id);
    if (to === undefined) {
      if (before?.told !== undefined) this.#parts.found(id, undefined);
      return;
    }
    const search = this.#newSearch(to, this.#most ?? MOST);
    const path = { to, search, told: before?.told, cancel: () => {} };
    this.#paths.set(id, path);
    if (this.#most !== undefined) this.#arm(id, path);
  }

  of(id: string): PathView | undefined {
    const search = this.#paths.get(id)?.search;
    if (search === undefined) return undefined;
    return { mtu: search.found, roundTripMs: search.roundTrip, isSilent: search.isSilent };
  }

  /** The probe of that number came to its end; false if none of a present search has it, as when somebody guesses. */
  answered(number: number): boolean {
    const probe = this.#probes.get(number);
    if (probe === undefined) return false;
    this.#probes.delete(number);
    const path = this.#paths.get(probe.id);
    if (path?.search !== probe.search) return false;
    path.search.answered(probe.size, this.#parts.clock.now());
    this.#settle(probe.id, path);
    return true;
  }

  stop(): void {
    for (const { cancel } of this.#paths.values()) cancel();
    this.#paths.clear();
    this.#waiting.clear();
    this.#cancelTurn?.();
  }

  #newSearch(to: SocketAddress, most: number): PathSearch {
    const least = Math.min(most, LEAST[familyOf(partsOf(to).address)]);
    const period = (): number => {
      const all = Math.max(PERIOD, PERIOD_PER_PEER * this.#paths.size);
      // So that the peers do not stay in step.
      return all * (0.9 + 0.2 * this.#parts.random());
    };
    return new PathSearch({ least, most, period }, this.#parts.clock.now());
  }

  #arm(id: string, path: Path): void {
    path.cancel();
    const { clock } = this.#parts;
    const pause = Math.max(0, path.search.due - clock.now());
    path.cancel = clock.after(Math.ceil(pause), () => {
      this.#waiting.add(id);
      if (this.#cancelTurn === undefined) this.#turn();
    });
  }

  /** Whoever waits, as long as there are tokens. */
  #turn(): void {
    const now = this.#parts.clock.now();
    for (const id of this.#waiting) {
      if (this.#refill(now) < 1) break;
      this.#waiting.delete(id);
      const path = this.#paths.get(id);
      if (path !== undefined) this.#ask(id, path, now);
    }
    const isOver = this.#waiting.size === 0;
    this.#cancelTurn = isOver ? undefined : this.#parts.clock.after(TURN, () => this.#turn());
  }

  #ask(id: string, path: Path, now: number): void {
    const sizes = path.search.next(now);
    this.#tokens -= sizes.length;
    for (const size of sizes) this.#send(id, path, size, now);
    this.#settle(id, path);
  }

  #refill(now: number): number {
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#tokensAt) * RATE) / 1000);
    this.#tokensAt = now;
    return this.#tokens;
  }

  #send(id: string, path: Path, size: number, now: number): void {
    // Not to be guessed by who does not see it.
    const number = Math.floor(this.#parts.random() * 2 ** 32);
    const outcome = this.#parts.send(path.to, size, number);
    if (outcome === 'refused') path.search.refused(size, now);
    if (outcome !== 'sent') return;
    this.#probes.set(number, { id, size, search: path.search });
    if (this.#probes.size <= PROBES_LIMIT) return;
    const [oldest] = this.#probes.keys();
    if (oldest !== undefined) this.#probes.delete(oldest);
  }

  #settle(id: string, path: Path): void {
    const { found } = path.search;
    const told = found !== undefined && found < (this.#most ?? 0) ? found : undefined;
    if (found !== undefined && told !== path.told) {
      path.told = told;
      this.#parts.found(id, told);
    }
    this.#arm(id, path);
  }
}
