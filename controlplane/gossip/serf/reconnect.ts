/**
 * Finding each other again after a cut, however long it was. Serf tries failed members while they are in its table,
 * for a day; here also their endpoints after that, those of the snapshot, and seeds.
 *
 * How often: every member decides for itself every `reconnectInterval`, without asking the others. With A members
 * alive on our side and L endpoints lost, each tries L/A endpoints, drawn at random (for 0.2: one, every fifth
 * time). So our side as a whole tries L each time, every lost endpoint once per interval on average: a burden on the
 * network that does not grow with A, and so many attempts between two sides that are whole again that it is a matter
 * of seconds. A member tries no more than TRIES_LIMIT at a time, so with A of 1 and L of thousands the rate for each
 * endpoint is lower; but then the others try us.
 */
import type { Endpoint } from '../effects.ts';
import { below, sample, type Random } from '../random.ts';
import type { Timer, Timers } from '../timers.ts';
import { endpointKey } from './addresses.ts';
import { isHere, type SerfMembers } from './members.ts';
import type { SerfSettings } from './settings.ts';
import { REMEMBERED_LIMIT, type KnownEndpoint } from './snapshot.ts';

/** Attempts at the same time. */
export const TRIES_LIMIT = 8;
/** Endpoints whose holder is remembered: seeds, and few others. At the bound all are looked for anew. */
const HOLDERS_LIMIT = 1_024;

export interface ReconnectOptions {
  readonly settings: SerfSettings;
  readonly timers: Timers;
  readonly random: Random;
  readonly members: SerfMembers;
  readonly seeds: () => readonly Endpoint[];
  readonly join: (to: Endpoint, done: () => void) => void;
}

interface Lost extends KnownEndpoint {
  readonly key: string;
  readonly since: number;
}

export class Reconnect {
  readonly #options: ReconnectOptions;
  /** Members that failed and were forgotten, or were known before the start; the longest lost first. */
  readonly #lost = new Map<string, Lost>();
  readonly #trying = new Set<string>();
  /** Who was at an endpoint when it was looked for. */
  readonly #holders = new Map<string, string>();
  #timer: Timer | undefined;
  #tries = 0;

  constructor(options: ReconnectOptions) {
    this.#options = options;
  }

  /** Attempts so far. */
  get tries(): number {
    return this.#tries;
  }

  /** Failed and forgotten, or remembered from before the start. At the bound the longest lost is dropped. */
  lose({ name, addr, port }: KnownEndpoint): void {
    const { now: since } = this.#options.timers;
    this.#lost.delete(name);
    this.#lost.set(name, { name, addr, port, key: endpointKey({ addr, port }), since });
    if (this.#lost.size > REMEMBERED_LIMIT) this.#lost.delete([...this.#lost.keys()][0] ?? '');
  }

  /** Found, or gone on purpose. */
  settle(name: string): void {
    this.#lost.delete(name);
  }

  /** The longest lost first. */
  lost(): KnownEndpoint[] {
    return [...this.#lost.values()];
  }

  start(): void {
    const { timers, random, settings } = this.#options;
    const next = (): void => {
      this.#timer = timers.after(settings.reconnectInterval, next);
      this.#try();
    };
    // At a time of our own, so that not all members of a cluster try at once.
    this.#timer = timers.after(below(random, settings.reconnectInterval), next);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #try(): void {
    const { random, members } = this.#options;
    this.#expire();
    const candidates = this.#candidates();
    const wanted = candidates.size / Math.max(1, members.alive);
    const count = Math.floor(wanted + random());
    const idle = [...candidates].filter(([key]) => !this.#trying.has(key));
    const room = TRIES_LIMIT - this.#trying.size;
    for (const [key, endpoint] of sample(random, idle, Math.min(count, room), () => true))
      this.#attempt(key, endpoint);
  }

  #attempt(key: string, endpoint: Endpoint): void {
    this.#tries++;
    this.#trying.add(key);
    this.#options.join(endpoint, () => this.#trying.delete(key));
  }

  /** By endpointKey: where somebody may be and none of ours is; no seed that has left. */
  #candidates(): Map<string, Endpoint> {
    const { members, seeds } = this.#options;
    const candidates = new Map<string, Endpoint>();
    for (const seed of seeds()) candidates.set(endpointKey(seed), seed);
    for (const member of members.unsettled)
      if (member.status === 'left') candidates.delete(member.key);
    for (const lost of this.#lost.values()) candidates.set(lost.key, lost);
    for (const member of members.unsettled)
      if (member.status === 'failed') candidates.set(member.key, member);
    this.#dropThoseOfOurs(candidates);
    return candidates;
  }

  /** Looks through thousands of members only for endpoints of which it is not known from the last time whose they are. */
  #dropThoseOfOurs(candidates: Map<string, Endpoint>): void {
    const { members } = this.#options;
    for (const key of candidates.keys()) {
      const holder = members.get(this.#holders.get(key) ?? '');
      if (holder !== undefined && isHere(holder) && holder.key === key) candidates.delete(key);
    }
    if (candidates.size === 0) return;
    if (this.#holders.size > HOLDERS_LIMIT) this.#holders.clear();
    for (const member of members) {
      if (!isHere(member) || !candidates.delete(member.key)) continue;
      this.#holders.set(member.key, member.name);
    }
  }

  #expire(): void {
    const { timers, settings } = this.#options;
    for (const [name, { since }] of this.#lost) {
      if (timers.now - since < settings.lostTimeout) return;
      this.#lost.delete(name);
    }
  }
}
