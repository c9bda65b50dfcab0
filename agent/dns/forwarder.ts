/** What is not ours: kept answers, and questions to other servers, within bounds. */
import { Cache } from '../../controlplane/dns/cache.ts';
import type { Query } from '../../controlplane/dns/query.ts';
import { writeResponse, type Response } from '../../controlplane/dns/response.ts';
import { mayTake, type AskerKey } from '../../controlplane/dns/shares.ts';
import { keyOf } from '../../controlplane/dns/upstream-query.ts';
import { Upstreams } from '../../controlplane/dns/upstreams.ts';
import { Lookup } from './lookup.ts';

/** Questions that others are asked at one time. */
const LOOKUPS = 512;
/** Who wait for one answer; for any. Of all three one asker may have a quarter of what is free. */
const WAITERS = 256;
const WAITING = 4_096;
const CACHE = { entries: 10_000, bytes: 8 * 1024 * 1024, message: 4_096 };

type Told = (response: Response | undefined) => void;

interface Waiter {
  readonly asker: AskerKey;
  readonly told: Told;
}

interface Pending {
  readonly lookup: Lookup;
  readonly waiters: Waiter[];
}

export class Forwarder {
  readonly #upstreams: Upstreams;
  readonly #cache = new Cache(CACHE);
  readonly #pending = new Map<string, Pending>();
  /** What each asker waits for: lookups that it began, and answers. */
  readonly #askers = new Map<AskerKey, { lookups: number; answers: number }>();
  #answers = 0;

  constructor(random: () => number) {
    this.#upstreams = new Upstreams(random);
  }

  get waiting(): number {
    return this.#pending.size;
  }

  get kept(): number {
    return this.#cache.size;
  }

  /** Others may know other things: what is kept goes. */
  setServers(servers: readonly string[]): void {
    if (servers.join() === this.#upstreams.servers.join()) return;
    this.#upstreams.set(servers);
    this.#cache.clear();
  }

  /** Writes a kept answer to `out`, and returns its length; 0: there is none. */
  writeKept(out: Uint8Array, asked: Uint8Array, query: Query, limit: number): number {
    const kept = this.#cache.get(keyOf(asked, query), performance.now());
    return kept === undefined
      ? 0
      : writeResponse(out, asked, query, kept.response, kept.age, limit);
  }

  /** `asked` is the caller's own copy. `told` is called later, and once; undefined: nobody could tell. False: too much is asked. */
  ask(asked: Uint8Array, query: Query, asker: AskerKey, told: Told): boolean {
    const mine = this.#askers.get(asker) ?? { lookups: 0, answers: 0 };
    if (!mayTake(mine.answers, this.#answers, WAITING)) return false;
    const key = keyOf(asked, query);
    const pending = this.#pending.get(key);
    if (pending === undefined) {
      if (!mayTake(mine.lookups, this.#pending.size, LOOKUPS)) return false;
      mine.lookups++;
      this.#begin(key, asked, query, { asker, told });
    } else {
      const { waiters } = pending;
      const already = waiters.filter((waiter) => waiter.asker === asker).length;
      if (!mayTake(already, waiters.length, WAITERS)) return false;
      waiters.push({ asker, told });
    }
    mine.answers++;
    this.#answers++;
    this.#askers.set(asker, mine);
    return true;
  }

  #begin(key: string, asked: Uint8Array, query: Query, waiter: Waiter): void {
    const lookup = new Lookup(this.#upstreams, asked, query, (response) =>
      this.#found(key, response),
    );
    this.#pending.set(key, { lookup, waiters: [waiter] });
  }

  close(): void {
    for (const { lookup } of this.#pending.values()) lookup.close();
    this.#pending.clear();
  }

  #found(key: string, response: Response | undefined): void {
    const { waiters = [] } = this.#pending.get(key) ?? {};
    this.#pending.delete(key);
    if (response !== undefined) this.#cache.put(key, response, performance.now());
    for (const [i, { asker, told }] of waiters.entries()) {
      this.#answers--;
      this.#release(asker, i === 0);
      told(response);
    }
  }

  /** Who waited first began the lookup. */
  #release(asker: AskerKey, began: boolean): void {
    const mine = this.#askers.get(asker);
    if (mine === undefined) return;
    mine.answers--;
    if (began) mine.lookups--;
    if (mine.answers === 0) this.#askers.delete(asker);
  }
}
